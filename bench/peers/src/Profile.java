import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The keyed update that the peers do: what Freshet's action does to a profile, less what they have no means for (identity over
 * partitions, deduplication by message id, computed attributes, limits). Attributes are registers by (time, message id),
 * events are counted, the event goes on enriched with two attributes, what changed goes to the changes.
 */
final class Profile {
  /** Of an Envelope (proto/freshet/v1/envelope.proto) what the update needs. */
  static final class Record {
    String tenant = "", source = "", messageId = "", type = "", user = "";
    int kind;
    long timeUs, receivedAtUs;
    final List<Op> ops = new ArrayList<>();
    final List<Event> events = new ArrayList<>();

    boolean isData() {
      return (kind == 1 || kind == 2) && !user.isEmpty();
    }

    String key() {
      return tenant + '\0' + type + '\0' + user;
    }
  }

  static final class Op {
    int type;
    String name = "";
    byte[] value;
  }

  static final class Event {
    String name = "", properties = "{}";
    long timeUs;
  }

  static final class Register {
    byte[] value;  // a v1.Value; null: unset
    long timeUs;
    String messageId;
  }

  private long version, firstSeenUs, lastSeenUs;
  private final TreeMap<String, long[]> events = new TreeMap<>();  // count, first, last
  private final TreeMap<String, Register> attributes = new TreeMap<>();

  // ---- records ----------------------------------------------------------------------------------------------------

  static Record parse(byte[] bytes) throws IOException {
    Record record = new Record();
    CodedInputStream in = CodedInputStream.newInstance(bytes);
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> record.tenant = in.readStringRequireUtf8();
        case 2 -> record.source = in.readStringRequireUtf8();
        case 3 -> record.messageId = in.readStringRequireUtf8();
        case 4 -> record.kind = in.readEnum();
        case 5 -> parseUser(in.readByteBuffer(), record);
        case 7 -> record.ops.add(parseOp(in));
        case 9 -> record.events.add(parseEvent(in));
        case 10 -> record.timeUs = in.readSInt64();
        case 11 -> record.receivedAtUs = in.readSInt64();
        default -> in.skipField(tag);
      }
    }
    return record;
  }

  private static void parseUser(java.nio.ByteBuffer bytes, Record record) throws IOException {
    if (!record.user.isEmpty()) return;  // the first one routes
    CodedInputStream in = CodedInputStream.newInstance(bytes);
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> record.type = in.readStringRequireUtf8();
        case 2 -> record.user = in.readStringRequireUtf8();
        default -> in.skipField(tag);
      }
    }
  }

  private static Op parseOp(CodedInputStream in) throws IOException {
    Op op = new Op();
    int limit = in.pushLimit(in.readRawVarint32());
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> op.type = in.readEnum();
        case 2 -> op.name = in.readStringRequireUtf8();
        case 3 -> op.value = in.readByteArray();
        default -> in.skipField(tag);
      }
    }
    in.popLimit(limit);
    return op;
  }

  private static Event parseEvent(CodedInputStream in) throws IOException {
    Event event = new Event();
    int limit = in.pushLimit(in.readRawVarint32());
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> event.name = in.readStringRequireUtf8();
        case 2 -> event.properties = in.readString();
        case 3 -> event.timeUs = in.readSInt64();
        default -> in.skipField(tag);
      }
    }
    in.popLimit(limit);
    return event;
  }

  // ---- the update -------------------------------------------------------------------------------------------------

  /** Applies a record; returns the change: version, the attributes and counts that it touched. */
  byte[] apply(Record record) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    CodedOutputStream out = CodedOutputStream.newInstance(bytes, 256);
    out.writeUInt64(1, ++version);
    for (Op op : record.ops) {
      if (op.type != 1 && op.type != 2) continue;  // set, unset
      Register old = attributes.get(op.name);
      if (old != null && (old.timeUs > record.timeUs
                          || old.timeUs == record.timeUs && old.messageId.compareTo(record.messageId) > 0)) continue;
      Register now = new Register();
      now.value = op.type == 1 ? op.value : null;
      now.timeUs = record.timeUs;
      now.messageId = record.messageId;
      attributes.put(op.name, now);
      out.writeString(2, op.name);
      if (now.value != null) out.writeByteArray(3, now.value);
    }
    for (Event event : record.events) {
      long[] stats = events.computeIfAbsent(event.name, name -> new long[] {0, Long.MAX_VALUE, Long.MIN_VALUE});
      ++stats[0];
      stats[1] = Math.min(stats[1], event.timeUs);
      stats[2] = Math.max(stats[2], event.timeUs);
      out.writeString(4, event.name);
      for (long value : stats) out.writeSInt64(5, value);
    }
    if (firstSeenUs == 0 || record.timeUs < firstSeenUs) firstSeenUs = record.timeUs;
    lastSeenUs = Math.max(lastSeenUs, record.timeUs);
    out.writeSInt64(6, firstSeenUs);
    out.writeSInt64(7, lastSeenUs);
    out.flush();
    return bytes.toByteArray();
  }

  /** The event as other services read it, in the shape of Freshet's topic `events`. */
  byte[] enriched(Record record, Event event) {
    StringBuilder out = new StringBuilder(event.properties.length() + 400);
    field(out, "message_id", record.messageId);
    field(out, "tenant", record.tenant);
    field(out, "user", record.user);
    field(out, "event", event.name);
    out.append(",\"properties\":").append(event.properties);
    field(out, "timestamp", time(event.timeUs));
    field(out, "received_at", time(record.receivedAtUs));
    field(out, "source", record.source);
    out.append(",\"enriched\":{}}");
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static String time(long us) {
    return Instant.ofEpochSecond(Math.floorDiv(us, 1_000_000L), Math.floorMod(us, 1_000_000L) * 1000L).toString();
  }

  private static void field(StringBuilder out, String name, String text) {
    out.append(out.length() == 0 ? "{\"" : ",\"").append(name).append("\":\"");
    for (int i = 0; i < text.length(); ++i) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    out.append('"');
  }

  // ---- as it is stored --------------------------------------------------------------------------------------------

  byte[] bytes() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeLong(version);
    out.writeLong(firstSeenUs);
    out.writeLong(lastSeenUs);
    out.writeInt(events.size());
    for (Map.Entry<String, long[]> event : events.entrySet()) {
      out.writeUTF(event.getKey());
      for (long value : event.getValue()) out.writeLong(value);
    }
    out.writeInt(attributes.size());
    for (Map.Entry<String, Register> attribute : attributes.entrySet()) {
      Register register = attribute.getValue();
      out.writeUTF(attribute.getKey());
      out.writeLong(register.timeUs);
      out.writeUTF(register.messageId);
      out.writeInt(register.value == null ? -1 : register.value.length);
      if (register.value != null) out.write(register.value);
    }
    return bytes.toByteArray();
  }

  static Profile of(byte[] bytes) throws IOException {
    Profile profile = new Profile();
    if (bytes == null) return profile;
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    profile.version = in.readLong();
    profile.firstSeenUs = in.readLong();
    profile.lastSeenUs = in.readLong();
    for (int i = in.readInt(); i > 0; --i)
      profile.events.put(in.readUTF(), new long[] {in.readLong(), in.readLong(), in.readLong()});
    for (int i = in.readInt(); i > 0; --i) {
      String name = in.readUTF();
      Register register = new Register();
      register.timeUs = in.readLong();
      register.messageId = in.readUTF();
      int size = in.readInt();
      if (size >= 0) register.value = in.readNBytes(size);
      profile.attributes.put(name, register);
    }
    return profile;
  }
}
