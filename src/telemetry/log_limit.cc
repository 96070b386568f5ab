#include "telemetry/log_limit.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace freshet::telemetry {
namespace {

// FNV-1a of the level and the begin, with every run of digits as one.
uint64_t kind_of(int level, std::string_view message) {
  uint64_t hash = 14'695'981'039'346'656'037ull ^ static_cast<unsigned>(level);
  size_t bytes = 0;
  for (size_t i = 0; i < message.size() && bytes < LogLimit::kKindBytes; ++i) {
    if (i > 0 && is_digit(message[i]) && is_digit(message[i - 1])) continue;
    hash = (hash ^ static_cast<unsigned char>(is_digit(message[i]) ? '0' : message[i])) * 1'099'511'628'211ull;
    ++bytes;
  }
  return hash;
}

}  // namespace

LogLimit::Verdict LogLimit::take(int level, std::string_view message, int64_t now_ms) {
  if (kinds_.size() >= kKindsMax) kinds_.clear();
  Kind& kind = kinds_[kind_of(level, message)];
  // A clock that jumps back begins a window, too.
  if (now_ms - kind.begins_ms >= kWindowMs || now_ms < kind.begins_ms) kind = {now_ms, 0, kind.left_out};
  if (kind.lines >= kLines) {
    ++kind.left_out;
    return {};
  }
  ++kind.lines;
  return {true, std::exchange(kind.left_out, 0)};
}

}  // namespace freshet::telemetry
