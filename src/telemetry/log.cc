// Sets up spdlog. Standard error is all there is: whoever runs the process (systemd, a container)
// keeps the lines.

#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <string>

#include "base/json_writer.h"

namespace freshet::telemetry {
namespace {

// The pattern of a line for people. The time is UTC, so that lines of several machines can be put
// in one order.
constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v";

// Writes {"time":"…","level":"info","message":"…"}. spdlog's patterns can't escape a message, so
// this is a formatter of its own. One thread at a time uses it, as spdlog's sink locks.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    const auto since = msg.time.time_since_epoch();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    const auto level = spdlog::level::to_string_view(msg.level);
    line_.clear();
    JsonWriter(line_)
        .begin_object()
        .member("time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(millis / 1000)),
                                    millis % 1000))
        .member("level", std::string_view(level.data(), level.size()))
        .member("message", std::string_view(msg.payload.data(), msg.payload.size()))
        .end_object();
    line_ += '\n';
    out.append(line_.data(), line_.data() + line_.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }

 private:
  std::string line_;
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
