import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.Stores;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;

/** Action as a Kafka Streams job: StreamsJob BROKERS GROUP INPUT EVENTS CHANGES STATE_DIR. */
public final class StreamsJob {
  private static final class Update extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    private KeyValueStore<String, byte[]> profiles;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      super.init(context);
      profiles = context.getStateStore("profiles");
    }

    @Override
    public void process(Record<byte[], byte[]> in) {
      try {
        Profile.Record record = Profile.parse(in.value());
        if (!record.isData()) return;
        String key = record.key();
        Profile profile = Profile.of(profiles.get(key));
        byte[] change = profile.apply(record);
        profiles.put(key, profile.bytes());
        byte[] user = record.user.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        context().forward(new Record<>(user, change, in.timestamp()), "changes");
        for (Profile.Event event : record.events)
          context().forward(new Record<>(user, profile.enriched(record, event), in.timestamp()), "events");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** As the tuning guide asks: one cache for all stores, filters. */
  public static final class Rocks implements RocksDBConfigSetter {
    private static final LRUCache CACHE = new LRUCache(256L << 20);

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
      BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
      table.setBlockCache(CACHE);
      table.setFilterPolicy(new BloomFilter(10, false));
      options.setTableFormatConfig(table);
    }

    @Override
    public void close(String store, Options options) {}
  }

  public static void main(String[] args) {
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Rocks.class);
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    p.put(StreamsConfig.consumerPrefix("max.poll.records"), 5000);
    p.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
    p.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
    p.put(StreamsConfig.producerPrefix("linger.ms"), 20);
    p.put(StreamsConfig.producerPrefix("buffer.memory"), 64L << 20);
    ByteArraySerializer raw = new ByteArraySerializer();
    Topology topology = new Topology();
    topology.addSource("in", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), args[2]);
    topology.addProcessor("update", Update::new, "in");
    topology.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("profiles"), Serdes.String(),
                                                       Serdes.ByteArray()).withCachingEnabled(), "update");
    topology.addSink("events", args[3], raw, raw, "update");
    topology.addSink("changes", args[4], raw, raw, "update");
    KafkaStreams streams = new KafkaStreams(topology, p);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    streams.start();
  }
}
