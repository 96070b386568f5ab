import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Freshet's changes as the sink takes them: a key {"_id": …} and the fields to set, by their paths, as JSON. What the sink has no
 * means for is made simpler: sets are set as a whole, removals are left out, a change is not guarded by its version.
 */
final class Documents {
  private static final String[] SECTIONS = {null, "identifiers", "attributes", "devices", "users", "events", "computed",
                                            "computed_since", "first_seen", "last_seen", "merged_from", "history"};

  byte[] key, value;  // null: nothing for the sink

  /** Of a Change (proto/freshet/v1/change.proto). */
  static Documents of(byte[] change) throws IOException {
    StringBuilder out = new StringBuilder(400);
    Documents made = new Documents();
    boolean removes = false;
    CodedInputStream in = CodedInputStream.newInstance(change);
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> text(name(out, "tenant"), in.readStringRequireUtf8());
        case 3 -> made.key = ("{\"_id\":\"" + java.util.HexFormat.of().formatHex(in.readByteArray()) + "\"}").getBytes(StandardCharsets.UTF_8);
        case 4 -> name(out, "version").append(in.readUInt64());
        case 5 -> removes = in.readBool();
        case 7 -> operation(in, out);
        default -> in.skipField(tag);
      }
    }
    if (!removes) made.value = out.append('}').toString().getBytes(StandardCharsets.UTF_8);
    return made;
  }

  private static void operation(CodedInputStream in, StringBuilder out) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    int section = 0;
    String name = "";
    String value = null;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 2 -> section = in.readEnum();
        case 3 -> name = in.readStringRequireUtf8();
        case 4 -> value = value(in);
        default -> in.skipField(tag);
      }
    }
    in.popLimit(limit);
    if (value != null) name(out, name.isEmpty() ? SECTIONS[section] : SECTIONS[section] + "." + name).append(value);
  }

  /** A v1.Value; null: none. */
  private static String value(CodedInputStream in) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    StringBuilder out = new StringBuilder();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> text(out, in.readStringRequireUtf8());
        case 2 -> out.append(in.readSInt64());
        case 3 -> out.append(in.readDouble());
        case 4 -> out.append(in.readBool());
        case 5 -> time(out, in.readSInt64());
        case 6, 8 -> out.append(in.readStringRequireUtf8());
        case 7 -> out.append('[').append(String.join(",", list(in))).append(']');
        case 9 -> stats(in, out);
        default -> in.skipField(tag);
      }
    }
    in.popLimit(limit);
    return out.length() == 0 ? null : out.toString();
  }

  private static List<String> list(CodedInputStream in) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    List<String> values = new ArrayList<>();
    while (in.readTag() != 0) values.add(value(in));
    in.popLimit(limit);
    return values;
  }

  private static void stats(CodedInputStream in, StringBuilder out) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    long count = 0, first = 0, last = 0;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag >>> 3) {
        case 1 -> count = in.readUInt64();
        case 2 -> first = in.readSInt64();
        case 3 -> last = in.readSInt64();
        default -> in.skipField(tag);
      }
    }
    in.popLimit(limit);
    out.append("{\"count\":").append(count).append(",\"first_at\":");
    time(out, first);
    out.append(",\"last_at\":");
    time(out, last);
    out.append('}');
  }

  private static StringBuilder name(StringBuilder out, String name) {
    out.append(out.length() == 0 ? '{' : ',');
    return text(out, name).append(':');
  }

  private static void time(StringBuilder out, long us) {
    text(out, Instant.ofEpochSecond(Math.floorDiv(us, 1_000_000L), Math.floorMod(us, 1_000_000L) * 1000L).toString());
  }

  private static StringBuilder text(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); ++i) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"');
  }
}
