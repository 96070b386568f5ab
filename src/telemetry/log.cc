// All that knows spdlog. Standard error is all there is: whoever runs the process (systemd, a container)
// keeps the lines.

#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/json_writer.h"
#include "telemetry/log_limit.h"
#include "telemetry/log_tap.h"
#include "telemetry/log_trace.h"
#include "telemetry/metrics.h"

namespace freshet::log {
namespace {

constexpr spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    case Level::kError: break;
  }
  return spdlog::level::err;
}

}  // namespace

bool is_shown(Level level) { return spdlog::should_log(level_of(level)); }

void write(Level level, fmt::string_view text, fmt::format_args args) {
  const std::string line = fmt::vformat(text, args);
  spdlog::default_logger_raw()->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace freshet::log

namespace freshet::telemetry {
namespace {

// The pattern of a line for people. The time is UTC, so that lines of several machines can be put
// in one order.
constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v";

// The sink works on the thread that logs, so what that thread works for can be asked here.
bool is_traced() { return log_trace() != TraceId{}; }
std::string hex_of_trace() { return to_hex({reinterpret_cast<const char*>(log_trace().data()), log_trace().size()}); }

// Writes {"time":"…","level":"info","message":"…","trace_id":"…"}, the last if there is one. spdlog's patterns can't
// escape a message, so this is a formatter of its own. One thread at a time uses it, as spdlog's sink locks.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    const auto since = msg.time.time_since_epoch();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    line_.clear();
    write(msg, fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(millis / 1000)),
                           millis % 1000));
    line_ += '\n';
    out.append(line_.data(), line_.data() + line_.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }

 private:
  void write(const spdlog::details::log_msg& msg, const std::string& time) {
    const auto level = spdlog::level::to_string_view(msg.level);
    JsonWriter json(line_);
    json.begin_object().member("time", time).member("level", std::string_view(level.data(), level.size()));
    json.member("message", std::string_view(msg.payload.data(), msg.payload.size()));
    if (is_traced()) json.member("trace_id", hex_of_trace());
    json.end_object();
  }

  std::string line_;
};

// Writes to standard error what the limit lets pass.
class LimitedSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LimitedSink(bool json) : json_(json) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(msg.time.time_since_epoch());
    const LogLimit::Verdict verdict = limit_.take(msg.level, {msg.payload.data(), msg.payload.size()}, since.count());
    if (!verdict.shown) return left_out_.add();
    std::string text(msg.payload.data(), msg.payload.size());
    if (verdict.left_out > 0) text += fmt::format(" (and {} lines like it, which are left out)", verdict.left_out);
    const std::string line = !json_ && is_traced() ? text + " trace_id=" + hex_of_trace() : text;
    spdlog::details::log_msg shown(msg);
    shown.payload = line;
    inner_.log(shown);
    const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(msg.time.time_since_epoch());
    // OpenTelemetry's numbers: each level has four.
    tap_log_line({time.count(), 1 + 4 * std::min(static_cast<int>(msg.level), 4), std::move(text), log_trace()});
  }
  void flush_() override { inner_.flush(); }
  void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override {
    inner_.set_formatter(std::move(formatter));
  }

 private:
  const bool json_;
  spdlog::sinks::stderr_sink_st inner_;
  LogLimit limit_;
  Counter& left_out_ = counter("freshet_log_lines_left_out_total", "Lines that were left out of the log.");
};

using Level = std::pair<std::string_view, spdlog::level::level_enum>;
constexpr std::array<Level, 6> kLevels = {{{"trace", spdlog::level::trace},
                                           {"debug", spdlog::level::debug},
                                           {"info", spdlog::level::info},
                                           {"warn", spdlog::level::warn},
                                           {"error", spdlog::level::err},
                                           {"off", spdlog::level::off}}};

}  // namespace

bool set_log_level(std::string_view level) {
  for (const auto& [name, value] : kLevels) {
    if (name != level) continue;
    spdlog::set_level(value);
    return true;
  }
  return false;
}

std::string_view log_level() {
  for (const auto& [name, value] : kLevels)
    if (value == spdlog::get_level()) return name;
  return "info";
}

void silence_log() { spdlog::default_logger()->sinks().clear(); }

void set_up_log(const std::string& level, bool json) {
  auto logger = std::make_shared<spdlog::logger>("freshet", std::make_shared<LimitedSink>(json));
  if (json) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern(kPattern, spdlog::pattern_time_type::utc);
  }
  // Each line is flushed: the last lines before a crash are those that are needed.
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  const bool known = set_log_level(level);
  if (!known) spdlog::set_level(spdlog::level::info);
  // A typing error in a level must not silence the log.
  if (!known) log::warn("log level \"{}\" is unknown: using info; known are trace, debug, info, warn, error", level);
}

}  // namespace freshet::telemetry
