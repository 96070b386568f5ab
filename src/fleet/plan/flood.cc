// The fluid model behind --burst: messages are water, a stage passes up to so much of it a second and keeps the rest.
// It has no randomness, so a plan is the same each time; what it leaves out (batches, retries, timeouts of producers)
// makes a real burst worse, never better.
#include <algorithm>

#include "base/assert.h"
#include "fleet/plan/burst.h"

namespace freshet::fleet {
namespace {

// A picture is some 700 pixels wide. A point for each second of a day in every cluster would make a page that no
// browser shows.
constexpr size_t kPointsMax = 720;
constexpr double kNothing = 1e-6;  // messages: what rounding leaves

struct Running {
  std::span<const Stage> stages;
  std::vector<StagePoint> now;

  // One second. Sources come first, so a message can go all the way.
  void step(bool outage) {
    for (size_t i = 0; i < stages.size(); ++i) {
      const Stage& stage = stages[i];
      double arriving = stage.from.empty() ? stage.usual : 0;
      FRESHET_ASSERT(std::ranges::all_of(stage.from, [&](const Stage::Source& source) { return source.stage < i; }));
      for (const Stage::Source& source : stage.from) arriving += now[source.stage].passed * source.ratio;
      const double there = now[i].waiting + arriving;
      const double most = outage && stage.from.empty() ? 0 : stage.most;
      FRESHET_ASSERT(there >= 0 && most >= 0);
      now[i].passed = std::min(there, most);
      now[i].waiting = there - now[i].passed;
    }
  }

  [[nodiscard]] bool calm() const {
    return std::all_of(now.begin(), now.end(), [](const StagePoint& point) { return point.waiting <= kNothing; });
  }
};

// Every second in; a number of points that a picture can show out.
void thin_out(Flood& out) {
  size_t longest = 0;
  for (const auto& points : out.points) longest = std::max(longest, points.size());
  const size_t step = longest / kPointsMax + 1;
  out.step_s = static_cast<uint32_t>(step);
  for (std::vector<StagePoint>& points : out.points) {
    size_t kept = 0;
    for (size_t i = 0; i < points.size(); i += step) points[kept++] = points[i];
    points.resize(kept);
  }
}

}  // namespace

Flood flood(std::span<const Stage> stages, uint32_t outage_s) {
  Running running{stages, std::vector<StagePoint>(stages.size())};
  Flood out;
  out.points.resize(stages.size());
  out.waiting_max.resize(stages.size());
  out.passed_max.resize(stages.size());
  std::vector<uint32_t> last_waiting(stages.size());  // seconds after the restart
  for (uint32_t second = 0; second < outage_s + Flood::kLongestS; ++second) {
    running.step(second < outage_s);
    for (size_t i = 0; i < stages.size(); ++i) {
      const StagePoint& point = running.now[i];
      out.points[i].push_back(point);
      out.waiting_max[i] = std::max(out.waiting_max[i], point.waiting);
      out.passed_max[i] = std::max(out.passed_max[i], point.passed);
      if (point.waiting > kNothing && second >= outage_s) last_waiting[i] = second - outage_s + 1;
    }
    if (second > outage_s && running.calm()) break;
  }
  for (size_t i = 0; i < stages.size(); ++i) {
    const bool calm = running.now[i].waiting <= kNothing;
    out.recovered_s.push_back(calm ? std::optional<double>(last_waiting[i]) : std::nullopt);
  }
  thin_out(out);
  return out;
}

}  // namespace freshet::fleet
