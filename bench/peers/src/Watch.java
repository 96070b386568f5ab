import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * What the driver asks the broker, with Kafka's own client:
 *   Watch BROKERS topics PARTITIONS NAME...       makes topics
 *   Watch BROKERS ends TOPIC                      prints where each partition ends: "0:123,1:130"
 *   Watch BROKERS copy FROM TO                    copies the data and control records of a topic, partition by partition
 *   Watch BROKERS documents FROM TO COPY          copies changes to TO as JSON for the sink, and to COPY as they are: as many
 *   Watch BROKERS until GROUP TOPIC ENDS SHARE SECONDS
 *                                                 prints the share of that which the group has committed, whenever it has grown,
 *                                                 and returns when it is enough
 *   Watch BROKERS follow GROUP TOPIC              commits for the group, ten times a second until it is killed, that it has read all
 *   Watch BROKERS latency TOPIC SECONDS           reads what is committed from now on, and prints as JSON how long after their
 *                                                 received_at the records could be read
 */
public final class Watch {
  public static void main(String[] args) throws Exception {
    Properties p = new Properties();
    p.put("bootstrap.servers", args[0]);
    switch (args[1]) {
      case "latency" -> latency(p, args[2], Long.parseLong(args[3]));
      default -> {
        try (Admin admin = Admin.create(p)) {
          switch (args[1]) {
            case "topics" -> admin.createTopics(Arrays.stream(args).skip(3)
                .map(name -> new NewTopic(name, Integer.parseInt(args[2]), (short) 1)).toList()).all().get();
            case "ends" -> System.out.println(ends(admin, args[2]).entrySet().stream()
                .map(e -> e.getKey() + ":" + e.getValue()).sorted().collect(Collectors.joining(",")));
            case "copy" -> copy(p, args[2], ends(admin, args[2]), Watch::records, args[3]);
            case "documents" -> copy(p, args[2], ends(admin, args[2]), Watch::documents, args[3], args[4]);
            case "until" -> until(admin, args[2], args[3], args[4], Double.parseDouble(args[5]), Long.parseLong(args[6]));
            case "follow" -> follow(admin, args[2], args[3]);
            default -> throw new IllegalArgumentException(args[1]);
          }
        }
      }
    }
  }

  private static Map<Integer, Long> ends(Admin admin, String topic) throws Exception {
    int partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
    Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
    for (int i = 0; i < partitions; ++i) asked.put(new TopicPartition(topic, i), OffsetSpec.latest());
    Map<Integer, Long> ends = new HashMap<>();
    admin.listOffsets(asked).all().get().forEach((of, info) -> ends.put(of.partition(), info.offset()));
    return ends;
  }

  /** What becomes of a record in the topics of a copy. */
  private interface Copied {
    List<ProducerRecord<byte[], byte[]>> of(ConsumerRecord<byte[], byte[]> record, String[] to) throws Exception;
  }

  // Messages between partitions are left out: whoever reads the copy makes its own.
  private static List<ProducerRecord<byte[], byte[]>> records(ConsumerRecord<byte[], byte[]> record, String[] to) throws Exception {
    if (Profile.parse(record.value()).kind == 7) return List.of();
    return List.of(new ProducerRecord<>(to[0], record.partition(), record.key(), record.value()));
  }

  private static List<ProducerRecord<byte[], byte[]>> documents(ConsumerRecord<byte[], byte[]> record, String[] to) throws Exception {
    Documents json = Documents.of(record.value());
    if (json.value == null) return List.of();
    return List.of(new ProducerRecord<>(to[0], record.partition(), json.key, json.value),
                   new ProducerRecord<>(to[1], record.partition(), record.key(), record.value()));
  }

  private static void copy(Properties p, String from, Map<Integer, Long> ends, Copied copied, String... to) throws Exception {
    Properties reader = new Properties();
    reader.putAll(p);
    reader.put("isolation.level", "read_committed");
    reader.put("max.poll.records", "5000");
    Properties writer = new Properties();
    writer.putAll(p);
    writer.put("compression.type", "lz4");
    writer.put("batch.size", Integer.toString(256 << 10));
    writer.put("linger.ms", "20");
    ByteArrayDeserializer in = new ByteArrayDeserializer();
    ByteArraySerializer out = new ByteArraySerializer();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(reader, in, in);
         KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(writer, out, out)) {
      List<TopicPartition> all = ends.keySet().stream().map(i -> new TopicPartition(from, i)).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      while (all.stream().anyMatch(of -> consumer.position(of) < ends.get(of.partition())))
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100)))
          for (ProducerRecord<byte[], byte[]> one : copied.of(record, to)) producer.send(one);
    }
  }

  private static void until(Admin admin, String group, String topic, String ends, double share, long seconds)
      throws Exception {
    Map<Integer, Long> wanted = new HashMap<>();
    for (String one : ends.split(",")) wanted.put(Integer.valueOf(one.split(":")[0]), Long.valueOf(one.split(":")[1]));
    double all = wanted.values().stream().mapToLong(Long::longValue).sum();
    long end = System.currentTimeMillis() + seconds * 1000;
    long before = 0;
    while (System.currentTimeMillis() < end) {
      long done = 0;
      try {
        for (Map.Entry<TopicPartition, OffsetAndMetadata> e :
             admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet())
          if (e.getKey().topic().equals(topic) && e.getValue() != null)
            done += Math.min(e.getValue().offset(), wanted.getOrDefault(e.getKey().partition(), 0L));
      } catch (ExecutionException e) {
        // the group is not there yet
      }
      if (done > before) System.out.println(done / all);
      if (done >= share * all) return;
      before = done;
      Thread.sleep(50);
    }
    System.err.println("not within " + seconds + " s");
    System.exit(1);
  }

  private static void follow(Admin admin, String group, String topic) throws Exception {
    while (true) {
      Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>();
      ends(admin, topic).forEach((partition, end) -> read.put(new TopicPartition(topic, partition), new OffsetAndMetadata(end)));
      admin.alterConsumerGroupOffsets(group, read).all().get();
      Thread.sleep(100);
    }
  }

  private static void latency(Properties p, String topic, long seconds) {
    p.put("isolation.level", "read_committed");
    p.put("enable.auto.commit", "false");
    p.put("fetch.max.wait.ms", "5");
    double[] ms = new double[4_000_000];
    int count = 0;
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> all =
          consumer.partitionsFor(topic).stream().map(i -> new TopicPartition(topic, i.partition())).toList();
      consumer.assign(all);
      consumer.seekToEnd(all);
      all.forEach(consumer::position);
      System.err.println("ready");
      long end = System.currentTimeMillis() + seconds * 1000;
      while (System.currentTimeMillis() < end && count < ms.length - 100_000) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(20))) {
          Instant now = Instant.now();
          String value = record.value();
          int at = value.lastIndexOf("\"received_at\":\"");
          if (at < 0) continue;
          Instant received = Instant.parse(value.substring(at + 15, value.indexOf('"', at + 15)));
          ms[count++] = Duration.between(received, now).toNanos() / 1e6;
        }
      }
    }
    Arrays.sort(ms, 0, count);
    if (count == 0) throw new IllegalStateException("nothing was read from " + topic);
    System.out.printf("{\"events\": %d, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f}%n", count, ms[count / 2],
                      ms[(int) (count * 0.99)], ms[(int) (count * 0.999)]);
  }
}
