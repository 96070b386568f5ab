#include "mirror/verify/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "cluster/stream/open.h"
#include "mirror/verify/topic_check.h"

namespace freshet::mirror {
namespace {

class RealSides final : public Sides {
 public:
  RealSides(const Config& config, env::Clock& clock, std::unique_ptr<cluster::Admin> source,
            std::unique_ptr<cluster::Admin> target)
      : config_(config), clock_(clock), source_(std::move(source)), target_(std::move(target)) {}
  env::Clock& clock() override { return clock_; }
  cluster::Admin& source() override { return *source_; }
  cluster::Admin& target() override { return *target_; }
  Result<std::unique_ptr<cluster::Reader>> read_source() override {
    return cluster::open_reader(config_.source.at, {.queue_bytes_max = 16u << 20, .name = "verify"});
  }
  Result<std::unique_ptr<cluster::Reader>> read_target() override {
    return cluster::open_reader(config_.target.at, {.queue_bytes_max = 16u << 20, .name = "verify"});
  }

 private:
  const Config& config_;
  env::Clock& clock_;
  const std::unique_ptr<cluster::Admin> source_, target_;
};

const cluster::LivingTopic* living(const cluster::ClusterView& view, const std::string& name) {
  const auto found = std::find_if(view.topics.begin(), view.topics.end(),
                                  [&](const cluster::LivingTopic& topic) { return topic.name == name; });
  return found == view.topics.end() ? nullptr : &*found;
}

}  // namespace

Result<std::unique_ptr<Sides>> open_sides(const Config& config, env::Clock& clock) {
  auto source = cluster::connect(config.source.at, clock);
  if (!source) return fail(source.error().code, config.source.name + ": " + source.error().message);
  auto target = cluster::connect(config.target.at, clock);
  if (!target) return fail(target.error().code, config.target.name + ": " + target.error().message);
  return std::unique_ptr<Sides>(new RealSides(config, clock, std::move(*source), std::move(*target)));
}

bool Verdict::same() const {
  return std::all_of(topics.begin(), topics.end(),
                     [](const TopicVerdict& topic) { return topic.skipped.empty() && topic.compared.same(); });
}

bool Verdict::complete() const { return same() && behind() == 0 && set_aside() == 0; }

uint64_t Verdict::set_aside() const {
  uint64_t sum = 0;
  for (const TopicVerdict& topic : topics) sum += topic.set_aside;
  return sum;
}

uint64_t Verdict::behind() const {
  uint64_t sum = 0;
  for (const TopicVerdict& topic : topics) sum += topic.behind;
  return sum;
}

namespace {

// What differs from where an earlier look has ended is looked for in all of it, so that both say the same.
Status check_topic(const Config& config, Sides& sides, const VerifyOptions& options, const Chosen& chosen,
                   const Counts& partitions, TopicVerdict& out, VerifiedSoFar& so_far) {
  const auto known = so_far.topics.find(out.topic);
  const TopicVerdict blank = out;
  TopicCheck check(config, sides, options, chosen, known == so_far.topics.end() ? nullptr : &known->second, out);
  FRESHET_TRY(check.run(partitions));
  auto reached = std::move(check.reached());
  if (check.went_on() && !out.compared.same()) {
    out = blank;
    TopicCheck whole(config, sides, options, chosen, nullptr, out);
    FRESHET_TRY(whole.run(partitions));
    reached = std::move(whole.reached());
  }
  if (reached) so_far.topics[out.topic] = *std::move(reached);
  return {};
}

}  // namespace

Result<Verdict> verify(const Config& config, Sides& sides, const VerifyOptions& options) {
  FRESHET_ASSIGN(const cluster::ClusterView source, sides.source().describe());
  FRESHET_ASSIGN(const cluster::ClusterView target, sides.target().describe());
  Verdict verdict;
  verdict.letters = letters_topic(config);
  const bool goes_on =
      options.so_far != nullptr && options.so_far->mirror == config.name && options.so_far->from_ms == options.from_ms;
  if (goes_on) verdict.so_far = *options.so_far;
  verdict.so_far.mirror = config.name;
  verdict.so_far.from_ms = options.from_ms;
  for (const cluster::LivingTopic& topic : source.topics) {
    auto chosen = choose(config, topic.name);
    const auto& wanted = options.topics;
    if (!chosen || (!wanted.empty() && std::find(wanted.begin(), wanted.end(), topic.name) == wanted.end())) continue;
    TopicVerdict& one = verdict.topics.emplace_back();
    one.topic = topic.name;
    one.to = chosen->to;
    const cluster::LivingTopic* const copy = living(target, one.to);
    const cluster::LivingTopic* const progress = living(target, progress_topic(config, topic.name));
    if (copy == nullptr || progress == nullptr) {
      one.skipped = fmt::format("there is no topic {} or {} in the target: has the mirror run?", one.to,
                                progress_topic(config, topic.name));
      continue;
    }
    const Counts partitions{static_cast<uint32_t>(topic.partitions.size()),
                            static_cast<uint32_t>(copy->partitions.size()),
                            static_cast<uint32_t>(progress->partitions.size())};
    FRESHET_TRY(check_topic(config, sides, options, *chosen, partitions, one, verdict.so_far));
  }
  if (verdict.topics.empty()) return fail(Code::kInvalid, "no topic of the source is one that the mirror copies");
  return verdict;
}

}  // namespace freshet::mirror
