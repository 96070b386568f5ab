#include "mirror/verify/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "cluster/stream/open.h"
#include "cluster/stream/scan.h"
#include "mirror/share.h"
#include "mirror/shares.h"
#include "mirror/topics.h"
#include "mirror/transform.h"

namespace freshet::mirror {
namespace {

using cluster::OffsetAt;

constexpr size_t kSightingsMax = 100'000;  // of a unit

using Letters = std::set<std::tuple<std::string, int32_t, int64_t>>;

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

std::string header_of(const cluster::Record& record, std::string_view name) {
  std::string value;
  for (const cluster::Header& header : record.headers)
    if (header.name == name && header.value) value = *header.value;
  return value;
}

template <class Number>
Number number_of(const std::string& text) {
  Number out = -1;
  (void)std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

Result<Letters> read_letters(const Config& config, Sides& sides, env::TimeUs silence_us) {
  Letters out;
  const std::string topic = letters_topic(config);
  FRESHET_ASSIGN(const auto first, offsets_of(sides.target(), {{topic, 0}}, OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto end, settled_ends(sides.target(), {{topic, 0}}, sides.clock(), silence_us));
  FRESHET_ASSIGN(const auto reader, sides.read_target());
  FRESHET_TRY(scan(*reader, topic, {{0, first[0], end[0]}}, silence_us, [&](int32_t, const cluster::Record& record) {
    out.emplace(header_of(record, "freshet.mirror.topic"),
                number_of<int32_t>(header_of(record, "freshet.mirror.partition")),
                number_of<int64_t>(header_of(record, "freshet.mirror.offset")));
  }));
  return out;
}

// Keys are bytes; what is not plain text is shown as hex.
std::string readable(std::string_view key) {
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return plain ? std::string(key) : "0x" + to_hex(key);
}

// One topic of the source and its copy.
class TopicCheck {
 public:
  TopicCheck(const Config& config, Sides& sides, const VerifyOptions& options, Chosen chosen, TopicVerdict& out)
      : config_(config),
        sides_(sides),
        options_(options),
        chosen_(std::move(chosen)),
        transform_(*chosen_.rule),
        out_(out) {}

  Status run(uint32_t source_partitions, uint32_t target_partitions, uint32_t progress_partitions);

 private:
  using OnSeen = std::function<void(const Hash128& unit, const Hash128& print, int32_t partition,
                                    const cluster::Record& record, bool tombstone, bool promised)>;

  Status set_rules();
  Status look(uint32_t source_partitions, uint32_t target_partitions, uint32_t progress_partitions);
  Status scan_source(const OnSeen& seen);
  Status scan_target(const OnSeen& seen);
  // The value that the target must have; false: the record is not mirrored.
  bool expected(int32_t partition, const cluster::Record& record, std::optional<std::string_view>& value);
  Status tell(const std::vector<Hash128>& units);

  const Config& config_;
  Sides& sides_;
  const VerifyOptions& options_;
  Letters letters_;
  const Chosen chosen_;
  Transform transform_;
  TopicVerdict& out_;
  CompareRules rules_;
  std::vector<cluster::Range> source_, target_;
  std::vector<int64_t> positions_;
  std::string made_;
};

// The order is what makes it right while the mirror runs: what lies below the positions was in the target before its
// ends were asked for, and what the target has below them was in the source before its ends were.
Status TopicCheck::look(uint32_t source_partitions, uint32_t target_partitions, uint32_t progress_partitions) {
  const auto in_source = cluster::partitions_of(out_.topic, source_partitions);
  const auto in_target = cluster::partitions_of(out_.to, target_partitions);
  positions_.assign(source_partitions, 0);
  // Partitions that the mirror has not seen yet have no position.
  const uint32_t known = std::min(source_partitions, progress_partitions);
  FRESHET_ASSIGN(
      const auto committed,
      sides_.target().committed(group_of(config_), cluster::partitions_of(progress_topic(config_, out_.topic), known)));
  for (const cluster::CommittedOffset& one : committed) {
    const Note note = decode_note(one.metadata);
    const int64_t whole = note.until_ms > 0 ? std::min(one.next, note.moved) : one.next;
    positions_.at(static_cast<size_t>(one.of.partition)) = std::max<int64_t>(whole, 0);
  }
  FRESHET_ASSIGN(const auto target_first, offsets_of(sides_.target(), in_target, OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto target_end, settled_ends(sides_.target(), in_target, sides_.clock(), options_.silence_us));
  FRESHET_ASSIGN(const auto source_first, offsets_of(sides_.source(), in_source, OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto source_end, offsets_of(sides_.source(), in_source, OffsetAt::Kind::kLatestStable));
  for (size_t t = 0; t < target_end.size(); ++t)
    target_.push_back({static_cast<int32_t>(t), target_first[t], target_end[t]});
  for (size_t p = 0; p < source_end.size(); ++p) {
    source_.push_back({static_cast<int32_t>(p), source_first[p], source_end[p]});
    out_.behind +=
        static_cast<uint64_t>(std::max<int64_t>(source_end[p] - std::max(positions_[p], source_first[p]), 0));
    if (source_first[p] > 0 && options_.from_ms == 0)
      out_.notes.push_back(
          fmt::format("the source's partition {} begins at {}: what it has deleted can't be compared; "
                      "--from compares from a time on, on both sides",
                      p, source_first[p]));
  }
  rules_.one_to_one = chosen_.rule->partitions == 0;
  rules_.trimmed =
      options_.from_ms == 0 && std::any_of(source_first.begin(), source_first.end(), [](int64_t at) { return at > 0; });
  return set_rules();
}

// How the target forgets does not matter to what it must have.
Status TopicCheck::set_rules() {
  FRESHET_ASSIGN(const auto from, sides_.source().configs({{cluster::Resource::Kind::kTopic, out_.topic}}));
  FRESHET_ASSIGN(const auto to, sides_.target().configs({{cluster::Resource::Kind::kTopic, out_.to}}));
  rules_.compacted = is_compacted(from.at(0).configs);
  rules_.timestamps = !sets_timestamps(to.at(0).configs);
  if (!rules_.timestamps)
    out_.notes.push_back("timestamps are not compared: the target's brokers set their own (message.timestamp.type)");
  if (const std::string misfit = misfit_of(out_.to, from.at(0).configs, to.at(0).configs); !misfit.empty())
    out_.notes.push_back(misfit);
  return {};
}

bool TopicCheck::expected(int32_t partition, const cluster::Record& record, std::optional<std::string_view>& value) {
  value = record.value;
  if (record.timestamp_ms < options_.from_ms) return false;
  if (config_.loops == Loops::kMarked && came_from(record.headers, config_.target.name)) return false;
  if (letters_.contains({out_.topic, partition, record.offset})) return false;
  if (!record.value || transform_.is_identity()) return true;
  const Fate fate = transform_.apply(*record.value, made_);
  if (fate == Fate::kPass && !chosen_.rule->fields.empty()) value = made_;
  return fate == Fate::kPass;
}

Status TopicCheck::scan_source(const OnSeen& seen) {
  FRESHET_ASSIGN(const auto reader, sides_.read_source());
  return scan(*reader, out_.topic, source_, options_.silence_us, [&](int32_t partition, const cluster::Record& record) {
    std::optional<std::string_view> value;
    if (!expected(partition, record, value)) return;
    const Hash128 print = fingerprint(record, value, rules_, std::nullopt);
    const Hash128 unit = Compare(rules_).unit_of(partition, record.key, print);
    seen(unit, print, partition, record, !value, record.offset < positions_[static_cast<size_t>(partition)]);
  });
}

// What others have written there is none of the mirror's business, as far as it can be told from what is.
Status TopicCheck::scan_target(const OnSeen& seen) {
  FRESHET_ASSIGN(const auto reader, sides_.read_target());
  const bool marked = config_.loops == Loops::kMarked;
  const auto route = marked ? std::optional<std::string_view>(config_.source.name) : std::nullopt;
  return scan(*reader, out_.to, target_, options_.silence_us, [&](int32_t partition, const cluster::Record& record) {
    if (record.timestamp_ms < options_.from_ms || (marked && !last_from(record.headers, config_.source.name))) return;
    const Hash128 print = fingerprint(record, record.value, rules_, route);
    seen(Compare(rules_).unit_of(partition, record.key, print), print, partition, record, !record.value, true);
  });
}

Status TopicCheck::run(uint32_t source_partitions, uint32_t target_partitions, uint32_t progress_partitions) {
  FRESHET_TRY(look(source_partitions, target_partitions, progress_partitions));
  // After the positions: what lies below them and was set aside is there by now.
  FRESHET_ASSIGN(letters_, read_letters(config_, sides_, options_.silence_us));
  for (const auto& [topic, partition, offset] : letters_) out_.set_aside += topic == out_.topic ? 1 : 0;
  Compare compare(rules_);
  FRESHET_TRY(scan_target([&](const Hash128& unit, const Hash128& print, int32_t partition, const cluster::Record&,
                              bool tombstone, bool) { compare.add_target(unit, partition, print, tombstone); }));
  FRESHET_TRY(scan_source([&](const Hash128& unit, const Hash128& print, int32_t partition, const cluster::Record&,
                              bool tombstone,
                              bool promised) { compare.add_source(unit, partition, print, tombstone, promised); }));
  out_.compared = compare.result();
  if (out_.compared.unordered > 0)
    out_.notes.push_back(
        fmt::format("{} keys lie in several partitions of a side, to which some were added: of these "
                    "the records are compared, and not their order",
                    out_.compared.unordered));
  return out_.compared.different == 0 ? Status{} : tell(out_.compared.first);
}

// Both sides once more, for the few units that are told of.
Status TopicCheck::tell(const std::vector<Hash128>& units) {
  struct Both {
    std::vector<Sighting> source, target;
    size_t promised = 0;
    std::string key;
  };
  std::map<Hash128, Both> all;
  for (const Hash128& unit : units) all[unit];
  FRESHET_TRY(scan_target(
      [&](const Hash128& unit, const Hash128& print, int32_t partition, const cluster::Record& record, bool, bool) {
        const auto both = all.find(unit);
        if (both == all.end() || both->second.target.size() >= kSightingsMax) return;
        both->second.target.push_back({print, partition, record.offset});
        if (!rules_.one_to_one) both->second.key = readable(record.key.value_or(""));
      }));
  FRESHET_TRY(scan_source([&](const Hash128& unit, const Hash128& print, int32_t partition,
                              const cluster::Record& record, bool, bool promised) {
    const auto both = all.find(unit);
    if (both == all.end() || both->second.source.size() >= kSightingsMax) return;
    both->second.source.push_back({print, partition, record.offset});
    both->second.promised += promised ? 1 : 0;
    if (!rules_.one_to_one) both->second.key = readable(record.key.value_or(""));
  }));
  for (auto& [unit, both] : all) {
    if (rules_.compacted) {  // The last ones are what differs.
      both.source.erase(both.source.begin(), both.source.end() - std::min<std::ptrdiff_t>(1, std::ssize(both.source)));
      both.target.erase(both.target.begin(), both.target.end() - std::min<std::ptrdiff_t>(1, std::ssize(both.target)));
    } else if (both.source.size() > std::max(both.promised, both.target.size())) {
      both.source.resize(std::max(both.promised, both.target.size()));
    }
    Difference difference = diagnose(both.source, both.target);
    difference.key = std::move(both.key);
    out_.differences.push_back(std::move(difference));
  }
  return {};
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

Result<Verdict> verify(const Config& config, Sides& sides, const VerifyOptions& options) {
  FRESHET_ASSIGN(const cluster::ClusterView source, sides.source().describe());
  FRESHET_ASSIGN(const cluster::ClusterView target, sides.target().describe());
  Verdict verdict;
  verdict.letters = letters_topic(config);
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
    TopicCheck check(config, sides, options, std::move(*chosen), one);
    FRESHET_TRY(check.run(static_cast<uint32_t>(topic.partitions.size()),
                          static_cast<uint32_t>(copy->partitions.size()),
                          static_cast<uint32_t>(progress->partitions.size())));
  }
  if (verdict.topics.empty()) return fail(Code::kInvalid, "no topic of the source is one that the mirror copies");
  return verdict;
}

}  // namespace freshet::mirror
