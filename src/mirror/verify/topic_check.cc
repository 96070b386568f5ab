#include "mirror/verify/topic_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/text.h"
#include "mirror/share.h"
#include "mirror/shares.h"
#include "mirror/topics.h"

namespace freshet::mirror {
namespace {

using cluster::OffsetAt;

constexpr size_t kSightingsMax = 100'000;  // of a unit

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

}  // namespace

// The order is what makes it right while the mirror runs: what lies below the positions was in the target before its
// ends were asked for, and what the target has below them was in the source before its ends were.
Status TopicCheck::look(const Counts& partitions) {
  const auto in_source = cluster::partitions_of(out_.topic, partitions.source);
  const auto in_target = cluster::partitions_of(out_.to, partitions.target);
  positions_.assign(partitions.source, 0);
  // Partitions that the mirror has not seen yet have no position.
  const uint32_t known = std::min(partitions.source, partitions.progress);
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
  }
  rules_.one_to_one = chosen_.rule->partitions == 0;
  rules_.keeps_ahead = options_.so_far != nullptr;
  FRESHET_TRY(set_rules());
  if (before_ != nullptr && !fits(*before_)) {
    out_.notes.push_back("what was verified before is of other topics or rules: all is compared anew");
    before_ = nullptr;
  }
  judge_trimmed();
  if (before_ != nullptr) begin_behind(*before_);
  return {};
}

// What was deleted of what is to be compared: what an earlier look has compared may go.
void TopicCheck::judge_trimmed() {
  for (const cluster::Range& range : source_) {
    const auto p = static_cast<size_t>(range.partition);
    const int64_t from = before_ != nullptr && p < before_->source.size() ? before_->source[p] : 0;
    if (range.first <= from || options_.from_ms > 0) continue;
    rules_.trimmed = true;
    out_.notes.push_back(
        fmt::format("the source's partition {} begins at {}: what it has deleted can't be compared; "
                    "--from compares from a time on, on both sides",
                    p, range.first));
  }
}

// ---- going on -------------------------------------------------------------------------------------------------------

// All that decides what the target must have, and how it is compared.
std::string TopicCheck::rules_text() const {
  std::string text = fmt::format("{} {} {} {} {}", config_.source.name, config_.target.name, name_of(config_.loops),
                                 rules_.one_to_one, rules_.compacted) +
                     fmt::format(" {} {}\n", rules_.timestamps, chosen_.rule->partitions);
  for (const Condition& condition : chosen_.rule->where)
    text += condition.field + "\n" + joined(condition.is, "\n") + "\n\n";
  return hash128(text + joined(chosen_.rule->fields, "\n")).hex();
}

bool TopicCheck::fits(const VerifiedTopic& before) const {
  if (before.to != out_.to || before.rules != rules_text()) return false;
  const auto reach = [](const std::vector<int64_t>& places, const std::vector<cluster::Range>& ranges) {
    if (places.size() > ranges.size()) return false;
    for (size_t i = 0; i < places.size(); ++i)
      if (places[i] > ranges[i].end) return false;  // It was deleted and made anew.
    return true;
  };
  return reach(before.source, source_) && reach(before.target, target_);
}

void TopicCheck::begin_behind(const VerifiedTopic& before) {
  for (size_t p = 0; p < before.source.size(); ++p) source_[p].first = std::max(source_[p].first, before.source[p]);
  for (size_t t = 0; t < before.target.size(); ++t) target_[t].first = std::max(target_[t].first, before.target[t]);
  out_.verified_before = before.promised;
}

void TopicCheck::note_reached(const Compare& compare) {
  if (options_.so_far == nullptr || !out_.compared.same()) return;
  auto ahead = compare.ahead();
  if (!ahead) {
    out_.notes.push_back("keys in several partitions are being changed: the next look begins where this one did");
    return;
  }
  VerifiedTopic& to = reached_.emplace();
  to.to = out_.to;
  to.rules = rules_text();
  for (const cluster::Range& range : source_)
    to.source.push_back(
        std::clamp(positions_[static_cast<size_t>(range.partition)], range.first, std::max(range.first, range.end)));
  for (const cluster::Range& range : target_) to.target.push_back(std::max(range.first, range.end));
  to.promised = out_.compared.source;
  to.in_target = out_.compared.target;
  for (const Ahead& one : *ahead) to.in_target -= std::min<uint64_t>(one.count, to.in_target);
  to.ahead = *std::move(ahead);
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
    const Hash128 unit = unit_of(rules_, partition, record.key, print);
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
    seen(unit_of(rules_, partition, record.key, print), print, partition, record, !record.value, true);
  });
}

Status TopicCheck::run(const Counts& partitions) {
  FRESHET_TRY(look(partitions));
  // After the positions: what lies below them and was set aside is there by now.
  FRESHET_ASSIGN(letters_, read_letters(config_, sides_, options_.silence_us));
  for (const auto& [topic, partition, offset] : letters_) out_.set_aside += topic == out_.topic ? 1 : 0;
  Compare compare(rules_);
  if (before_ != nullptr)
    for (const Ahead& one : before_->ahead) compare.begin_with(one);
  FRESHET_TRY(scan_target([&](const Hash128& unit, const Hash128& print, int32_t partition, const cluster::Record&,
                              bool tombstone, bool) { compare.add_target(unit, partition, print, tombstone); }));
  FRESHET_TRY(scan_source([&](const Hash128& unit, const Hash128& print, int32_t partition, const cluster::Record&,
                              bool tombstone,
                              bool promised) { compare.add_source(unit, partition, print, tombstone, promised); }));
  out_.compared = compare.result();
  if (before_ != nullptr) {
    out_.compared.source += before_->promised;
    out_.compared.target += before_->in_target;
  }
  note_reached(compare);
  if (out_.compared.unordered > 0)
    out_.notes.push_back(
        fmt::format("{} keys lie in several partitions of a side, to which some were added: of these "
                    "the records are compared, and not their order",
                    out_.compared.unordered));
  // One that went on is looked at whole, and told then.
  return out_.compared.different == 0 || went_on() ? Status{} : tell(out_.compared.first);
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

}  // namespace freshet::mirror
