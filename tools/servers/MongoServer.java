import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.Set;

/** PORT [FILE]: speaks MongoDB's protocol on 127.0.0.1. In memory; with a FILE, what it acknowledged survives SIGKILL. */
public class MongoServer {
    /** Commits before it answers: by itself H2 does so once a second. */
    static class Durable extends H2Backend {
        private static final Set<String> READS = Set.of("find", "getMore", "isMaster", "ping", "count", "aggregate", "distinct");

        Durable(String file) {
            super(file);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document answer = super.handleMessage(message);
            if (!READS.contains(message.getDocument().keySet().iterator().next())) commit();
            return answer;
        }
    }

    public static void main(String[] arguments) throws Exception {
        MongoBackend backend = arguments.length > 1 ? new Durable(arguments[1]) : new MemoryBackend();
        new de.bwaldvogel.mongo.MongoServer(backend).bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
