import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.h2.H2Database;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import java.util.Set;
import org.h2.mvstore.MVStore;

/**
 * PORT [FILE]: speaks MongoDB's protocol on 127.0.0.1. In memory; with a FILE, what it acknowledged survives SIGKILL. With
 * FRESHET_MONGO_OPLOG in the environment it has an oplog, and one command follows the other: else an entry could stand before
 * what it tells, or behind one with a later time.
 */
public class MongoServer {
    private static final boolean OPLOG = System.getenv("FRESHET_MONGO_OPLOG") != null;

    /**
     * Commits before it answers, and nothing half done: a document and its entry in the index of _id are two steps, and a commit between
     * them, of another connection or one of H2's own, once a second, would leave a document that the index does not know if the
     * process is killed then. The next stale upsert overwrites it.
     */
    static class Durable extends H2Backend {
        private static final Set<String> READS = Set.of("find", "getMore", "isMaster", "ping", "count", "aggregate", "distinct");

        Durable(String file) {
            super(new MVStore.Builder().fileName(file).autoCommitDisabled().autoCommitBufferSize(0).open());
        }

        @Override
        protected H2Database openOrCreateDatabase(String database) {
            return new H2Database(database, getMvStore(), getCursorRegistry()) {
                @Override
                protected Index<Object> openOrCreateUniqueIndex(String collection, String name, List<IndexKey> keys, boolean sparse) {
                    return IdFirst.of(super.openOrCreateUniqueIndex(collection, name, keys, sparse), keys, sparse);
                }
            };
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            if (!OPLOG && READS.contains(message.getDocument().keySet().iterator().next())) return super.handleMessage(message);
            synchronized (this) {
                Document answer = super.handleMessage(message);
                commit();
                return answer;
            }
        }
    }

    /** Finds {_id: …, and more} by _id, as MongoDB does: this server takes an index only for exactly its fields, else it reads all. */
    static class IdFirst<P> extends Index<P> {
        private final Index<P> index;

        static <P> Index<P> of(Index<P> index, List<IndexKey> keys, boolean sparse) {
            return index.getName().equals("_id_") ? new IdFirst<>(index, keys, sparse) : index;
        }

        private IdFirst(Index<P> index, List<IndexKey> keys, boolean sparse) {
            super(index.getName(), keys, sparse);
            this.index = index;
        }

        private static Document narrowed(Document query) {
            return query.containsKey("_id") ? new Document("_id", query.get("_id")) : query;
        }

        @Override public boolean canHandle(Document query) { return index.canHandle(narrowed(query)); }
        @Override public Iterable<P> getPositions(Document query) { return index.getPositions(narrowed(query)); }
        @Override public P getPosition(Document document) { return index.getPosition(document); }
        @Override public void checkAdd(Document document, MongoCollection<P> in) { index.checkAdd(document, in); }
        @Override public void add(Document document, P at, MongoCollection<P> in) { index.add(document, at, in); }
        @Override public P remove(Document document) { return index.remove(document); }
        @Override public void checkUpdate(Document old, Document now, MongoCollection<P> in) { index.checkUpdate(old, now, in); }
        @Override public void updateInPlace(Document old, Document now, P at, MongoCollection<P> in) { index.updateInPlace(old, now, at, in); }
        @Override public long getCount() { return index.getCount(); }
        @Override public long getDataSize() { return index.getDataSize(); }
        @Override public boolean isUnique() { return index.isUnique(); }
        @Override public void drop() { index.drop(); }
    }

    static class Memory extends MemoryBackend {
        @Override
        public Document handleMessage(MongoMessage message) {
            if (!OPLOG) return super.handleMessage(message);
            synchronized (this) {
                return super.handleMessage(message);
            }
        }

        @Override
        public MemoryDatabase openOrCreateDatabase(String database) {
            return new MemoryDatabase(database, getCursorRegistry()) {
                @Override
                protected Index<Integer> openOrCreateUniqueIndex(String collection, String name, List<IndexKey> keys, boolean sparse) {
                    return IdFirst.of(super.openOrCreateUniqueIndex(collection, name, keys, sparse), keys, sparse);
                }
            };
        }
    }

    public static void main(String[] arguments) throws Exception {
        MongoBackend backend = arguments.length > 1 ? new Durable(arguments[1]) : new Memory();
        var server = new de.bwaldvogel.mongo.MongoServer(backend);
        if (OPLOG) server.enableOplog();
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
