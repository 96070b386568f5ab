#include "capture/process.h"

#include <utility>

#include "cluster/stream/open.h"
#include "cluster/stream/target.h"
#include "telemetry/metrics.h"

namespace freshet::capture {
namespace {

constexpr env::TimeUs kGaugesUs = 500'000;

// One that reads positions and sweeps; it is closed as soon as that is done.
OpenReader reader_of(const Config& config) {
  return
      [&config] { return cluster::open_reader(config.target, {.queue_bytes_max = 16u << 20, .name = config.prefix}); };
}

class RealCapture final : public Process {
 public:
  RealCapture(const Config& config, bool snapshot, env::Clock& clock, std::unique_ptr<cluster::Admin> target,
              std::unique_ptr<cluster::Writer> writer, std::unique_ptr<docstore::ChangeReader> source)
      : clock_(clock),
        target_(std::move(target)),
        writer_(std::move(writer)),
        source_(std::move(source)),
        loop_({config, *source_, *target_, *writer_, reader_of(config), clock, snapshot}) {}

  Status step() override {
    FRESHET_TRY(loop_.step());
    if (clock_.monotonic_us() < gauges_at_) return {};
    gauges_at_ = clock_.monotonic_us() + kGaugesUs;
    const Standing standing = loop_.standing();
    telemetry::gauge("freshet_capture_following", "1: all documents were read, and changes are followed.")
        .set(standing.following ? 1 : 0);
    telemetry::gauge("freshet_capture_lag_seconds",
                     "Age of the change that was written last while more wait; 0: none does.")
        .set(standing.lag_seconds);
    return {};
  }

 private:
  env::Clock& clock_;
  const std::unique_ptr<cluster::Admin> target_;
  const std::unique_ptr<cluster::Writer> writer_;
  const std::unique_ptr<docstore::ChangeReader> source_;
  Loop loop_;
  env::TimeUs gauges_at_ = 0;
};

template <class T>
Status named(const Config& config, const char* side, Result<T>& opened) {
  if (opened) return {};
  return fail(opened.error().code, "capture " + config.name + ": " + side + ": " + opened.error().message);
}

}  // namespace

// The writer first: after it has its id, nothing of a predecessor can change the position.
Result<std::unique_ptr<Process>> Process::open(const Config& config, bool snapshot, env::Clock& clock) {
  auto target = cluster::connect(config.target, clock);
  FRESHET_TRY(named(config, "target", target));
  cluster::WriterOptions writing;
  writing.transactional_id = config.prefix;
  auto writer = cluster::open_writer(config.target, clock, writing);
  FRESHET_TRY(named(config, "target", writer));
  auto source = docstore::open_change_reader(config.source, clock);
  FRESHET_TRY(named(config, "source", source));
  return std::unique_ptr<Process>(std::make_unique<RealCapture>(config, snapshot, clock, *std::move(target),
                                                                *std::move(writer), *std::move(source)));
}

Result<std::optional<Position>> look_at(const Config& config, env::Clock& clock) {
  auto target = cluster::connect(config.target, clock);
  FRESHET_TRY(named(config, "target", target));
  FRESHET_ASSIGN(const auto view, (*target)->describe());
  if (cluster::topic_named(view, position_topic(config)) == nullptr) return std::optional<Position>();
  return read_position(config, **target, reader_of(config), clock);
}

}  // namespace freshet::capture
