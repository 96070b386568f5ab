// The first byte chooses how the rest is read: as lines, or as OTLP in one of its encodings.
#include <cstdlib>
#include <string>

#include "ingest/sources/logs/log_lines.h"
#include "ingest/sources/logs/otlp_logs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::ingest;
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto read = [&]() -> std::string {
    constexpr int64_t kNowUs = 1'767'312'000'000'000;
    const auto parsed =
        data[0] % 3 == 0
            ? parse_log_lines(body, "fuzz", kNowUs)
            : parse_otlp_logs(body, data[0] % 3 == 1 ? OtlpEncoding::kJson : OtlpEncoding::kProtobuf, "fuzz", kNowUs);
    if (!parsed) return parsed.error().message;
    if (parsed->entries.size() + parsed->outcome.rejected.size() != parsed->outcome.item_count) std::abort();
    std::string out;
    for (const LogEntry& entry : parsed->entries) {
      if (entry.value.size() > kLogBytesMax) std::abort();
      out += entry.key + entry.value;
    }
    return out;
  };
  if (read() != read()) std::abort();
  return 0;
}
