import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/** Action as a Flink job: FlinkJob BROKERS GROUP INPUT EVENTS CHANGES STATE_DIR. */
public final class FlinkJob {
  private static final TypeInformation<byte[]> BYTES = PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
  private static final TypeInformation<Tuple2<String, byte[]>> KEYED = Types.TUPLE(Types.STRING, BYTES);
  private static final OutputTag<Tuple2<String, byte[]>> CHANGES = new OutputTag<>("changes", KEYED);

  private static final class Value implements DeserializationSchema<Tuple2<String, byte[]>> {
    @Override
    public Tuple2<String, byte[]> deserialize(byte[] value) throws java.io.IOException {
      Profile.Record record = Profile.parse(value);
      return record.isData() ? Tuple2.of(record.key(), value) : null;
    }

    @Override
    public boolean isEndOfStream(Tuple2<String, byte[]> next) {
      return false;
    }

    @Override
    public TypeInformation<Tuple2<String, byte[]>> getProducedType() {
      return KEYED;
    }
  }

  private static final class Update extends KeyedProcessFunction<String, Tuple2<String, byte[]>, Tuple2<String, byte[]>> {
    private transient ValueState<byte[]> state;

    @Override
    public void open(OpenContext context) {
      state = getRuntimeContext().getState(new ValueStateDescriptor<>("profiles", BYTES));
    }

    @Override
    public void processElement(Tuple2<String, byte[]> in, Context context, Collector<Tuple2<String, byte[]>> out)
        throws Exception {
      Profile.Record record = Profile.parse(in.f1);
      Profile profile = Profile.of(state.value());
      byte[] change = profile.apply(record);
      state.update(profile.bytes());
      context.output(CHANGES, Tuple2.of(record.user, change));
      for (Profile.Event event : record.events) out.collect(Tuple2.of(record.user, profile.enriched(record, event)));
    }
  }

  private static KafkaSink<Tuple2<String, byte[]>> sink(String brokers, String topic, String group) {
    KafkaRecordSerializationSchema<Tuple2<String, byte[]>> schema = (element, context, timestamp) ->
        new ProducerRecord<>(topic, element.f0.getBytes(StandardCharsets.UTF_8), element.f1);
    return KafkaSink.<Tuple2<String, byte[]>>builder()
        .setBootstrapServers(brokers)
        .setRecordSerializer(schema)
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(group + "-" + topic)
        .setProperty("transaction.timeout.ms", "120000")
        .setProperty("compression.type", "lz4")
        .setProperty("batch.size", Integer.toString(256 << 10))
        .setProperty("linger.ms", "20")
        .setProperty("buffer.memory", Long.toString(64L << 20))
        .build();
  }

  public static void main(String[] args) throws Exception {
    Configuration c = new Configuration();
    c.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    c.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    c.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + args[5] + "/checkpoints");
    c.setString("state.backend.rocksdb.localdir", args[5] + "/local");
    c.setString("state.backend.rocksdb.use-bloom-filter", "true");
    c.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(2, c);
    env.getConfig().enableObjectReuse();
    env.enableCheckpointing(1000, CheckpointingMode.EXACTLY_ONCE);
    KafkaSource<Tuple2<String, byte[]>> source = KafkaSource.<Tuple2<String, byte[]>>builder()
        .setBootstrapServers(args[0])
        .setGroupId(args[1])
        .setTopics(args[2])
        .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
        .setValueOnlyDeserializer(new Value())
        .setProperty("isolation.level", "read_committed")
        .setProperty("max.poll.records", "5000")
        .build();
    SingleOutputStreamOperator<Tuple2<String, byte[]>> events = env
        .fromSource(source, WatermarkStrategy.noWatermarks(), "actions", KEYED)
        .keyBy(in -> in.f0, Types.STRING)
        .process(new Update(), KEYED);
    events.sinkTo(sink(args[0], args[3], args[1]));
    events.getSideOutput(CHANGES).sinkTo(sink(args[0], args[4], args[1]));
    env.execute(args[1]);
  }
}
