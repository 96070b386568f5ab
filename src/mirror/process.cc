#include "mirror/process.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "cluster/stream/open.h"
#include "telemetry/metrics.h"

namespace freshet::mirror {
namespace {

constexpr env::TimeUs kMetricsUs = 500'000;

// By topic, so that there are no more series than topics.
class StandingGauges {
 public:
  void show(const std::vector<Standing>& standings) {
    std::map<std::string, Standing> by_topic;
    for (const std::string& topic : known_) by_topic[topic];
    for (const Standing& one : standings) {
      Standing& sum = by_topic[one.of.topic];
      sum.lag_records += one.lag_records;
      sum.lag_seconds = std::max(sum.lag_seconds, one.lag_seconds);
      if (!one.halted.empty()) sum.halted = one.halted;
    }
    for (const auto& [topic, sum] : by_topic) {
      known_.insert(topic);
      const telemetry::Labels labels{{"topic", topic}};
      telemetry::gauge("freshet_mirror_lag_records", "Offsets of this process's partitions that are not mirrored yet.",
                       labels)
          .set(static_cast<double>(sum.lag_records));
      telemetry::gauge("freshet_mirror_lag_seconds",
                       "Age of what was mirrored last, of the partition that is furthest behind; 0: none is behind.",
                       labels)
          .set(sum.lag_seconds);
      telemetry::gauge("freshet_mirror_halted",
                       "1: a partition of the topic is not mirrored any further; the log says why.", labels)
          .set(sum.halted.empty() ? 0 : 1);
    }
    const auto given =
        std::count_if(standings.begin(), standings.end(), [](const Standing& one) { return one.of.partition >= 0; });
    telemetry::gauge("freshet_mirror_partitions", "Source partitions that the group has given to this process.")
        .set(static_cast<double>(given));
  }

 private:
  std::set<std::string> known_;
};

class RealProcess final : public Process {
 public:
  RealProcess(const Config& config, env::Clock& clock, std::unique_ptr<cluster::Admin> source,
              std::unique_ptr<cluster::Admin> target, std::unique_ptr<cluster::Writer> writer,
              std::unique_ptr<cluster::Membership> group)
      : clock_(clock),
        source_(std::move(source)),
        target_(std::move(target)),
        writer_(std::move(writer)),
        group_(std::move(group)),
        topics_(config, *source_, *target_),
        loop_({config, topics_, *group_, *writer_, *source_, *target_,
               [&config](const std::string& name) {
                 return cluster::open_reader(config.source.at, {.queue_bytes_max = 16u << 20, .name = name});
               },
               clock}) {}

  Status step() override {
    FRESHET_TRY(loop_.step());
    if (clock_.monotonic_us() < metrics_at_) return {};
    metrics_at_ = clock_.monotonic_us() + kMetricsUs;
    gauges_.show(loop_.standings());
    return {};
  }

 private:
  env::Clock& clock_;
  const std::unique_ptr<cluster::Admin> source_, target_;
  const std::unique_ptr<cluster::Writer> writer_;
  const std::unique_ptr<cluster::Membership> group_;
  Topics topics_;
  Loop loop_;
  StandingGauges gauges_;
  env::TimeUs metrics_at_ = 0;
};

template <class T>
Status named(const Config& config, const End& end, Result<T>& opened) {
  if (opened) return {};
  return fail(opened.error().code, fmt::format("mirror {}: {}: {}", config.name, end.name, opened.error().message));
}

}  // namespace

// The writer first: after it has its id, nothing of a predecessor can change the positions that the group tells.
Result<std::unique_ptr<Process>> Process::open(const Config& config, env::Clock& clock) {
  auto source = cluster::connect(config.source.at, clock);
  FRESHET_TRY(named(config, config.source, source));
  auto target = cluster::connect(config.target.at, clock);
  FRESHET_TRY(named(config, config.target, target));
  cluster::WriterOptions writing;
  writing.transactional_id = transactional_id_of(config);
  auto writer = cluster::open_writer(config.target.at, clock, writing);
  FRESHET_TRY(named(config, config.target, writer));
  cluster::MembershipOptions place;
  place.group = group_of(config);
  place.instance = config.instance;
  auto group = cluster::join_group(config.target.at, place);
  FRESHET_TRY(named(config, config.target, group));
  return std::unique_ptr<Process>(
      new RealProcess(config, clock, std::move(*source), std::move(*target), std::move(*writer), std::move(*group)));
}

}  // namespace freshet::mirror
