// The first line of /proc/stat (proc_stat(5)): "cpu  user nice system idle iowait irq softirq steal guest guest_nice".
// Time of guests is in that of user and nice already.
#include "fleet/watch/cpu_times.h"

#include <algorithm>
#include <charconv>

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kMinuteUs = 60'000'000;
constexpr size_t kCounted = 8, kIdle = 3, kWaiting = 4;

}  // namespace

std::optional<CpuTimes> parse_proc_stat(std::string_view text) {
  constexpr std::string_view kBegin = "cpu ";
  if (!text.starts_with(kBegin)) {
    const size_t end_of_line = text.find("\ncpu ");
    if (end_of_line == text.npos) return std::nullopt;
    text.remove_prefix(end_of_line + 1);
  }
  text.remove_prefix(kBegin.size());
  text = text.substr(0, text.find('\n'));
  CpuTimes out;
  size_t numbers = 0;
  while (numbers < kCounted) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    uint64_t ticks = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ticks);
    if (error != std::errc()) break;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    out.all += ticks;
    if (numbers != kIdle && numbers != kWaiting) out.busy += ticks;
    ++numbers;
  }
  if (numbers <= kIdle) return std::nullopt;
  return out;
}

std::optional<double> CpuShares::take(int32_t broker, env::TimeUs at_us, const CpuTimes& now) {
  auto& told = told_[broker];
  if (!told.empty() && (now.all < told.back().second.all || now.busy < told.back().second.busy)) told.clear();
  told.emplace_back(at_us, now);
  while (told.size() > 2 && at_us - told[1].first >= kMinuteUs) told.pop_front();
  const CpuTimes& before = told.front().second;
  if (now.all == before.all) return std::nullopt;
  return static_cast<double>(now.busy - before.busy) / static_cast<double>(now.all - before.all);
}

}  // namespace freshet::fleet
