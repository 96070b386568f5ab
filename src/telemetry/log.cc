// Sets up spdlog. Standard error is all there is: whoever runs the process (systemd, a container)
// keeps the lines.

#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace freshet::telemetry {
namespace {

// The pattern of a line for people. The time is UTC, so that lines of several machines can be put
// in one order.
constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v";

template <class Out>
void append_json_escaped(Out& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
}

// Writes {"time":"…","level":"info","message":"…"}. spdlog's patterns can't escape a message, so
// this is a formatter of its own.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    const auto since = msg.time.time_since_epoch();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    fmt::format_to(std::back_inserter(out), R"({{"time":"{:%Y-%m-%dT%H:%M:%S}.{:03}Z","level":")",
                   fmt::gmtime(static_cast<std::time_t>(millis / 1000)), millis % 1000);
    const auto level = spdlog::level::to_string_view(msg.level);
    out.append(level.data(), level.data() + level.size());
    constexpr std::string_view kMessage = R"(","message":")";
    out.append(kMessage.data(), kMessage.data() + kMessage.size());
    append_json_escaped(out, {msg.payload.data(), msg.payload.size()});
    constexpr std::string_view kEnd = "\"}\n";
    out.append(kEnd.data(), kEnd.data() + kEnd.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace

void set_up_log(const std::string& level, bool json) {
  auto logger = std::make_shared<spdlog::logger>("freshet", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (json) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern(kPattern, spdlog::pattern_time_type::utc);
  }
  const auto wanted = spdlog::level::from_str(level);
  const bool known = wanted != spdlog::level::off || level == "off";
  logger->set_level(known ? wanted : spdlog::level::info);
  // Each line is flushed: the last lines before a crash are those that are needed.
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  // A typing error in a level must not silence the log.
  if (!known) spdlog::warn("log level \"{}\" is unknown: using info; known are trace, debug, info, warn, error", level);
}

}  // namespace freshet::telemetry
