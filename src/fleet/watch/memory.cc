// From looks to a standing. A partition is a row of the histories; rows of topics that are gone are used again, after
// what was known of them is forgotten.
#include "fleet/watch/memory.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "base/saturated.h"
#include "fleet/watch/forecast.h"

namespace freshet::fleet {
namespace {

constexpr History::Bounds kEndsBounds{};
constexpr History::Bounds kStartsBounds = {.columns_max = 24};  // the start of a log moves by whole segments
constexpr History::Bounds kUsedBounds{};
constexpr size_t kRecentEnds = 5;  // looks in which a group that was at the end counts as being there
constexpr env::TimeUs kForecastWindowUs = 600'000'000;
constexpr size_t kBatchTopicsMost = 1000;              // whose last sample is remembered
constexpr int64_t kUsualRetentionUs = 86'400'000'000;  // of topics that the file does not have

}  // namespace

void CommitLog::note(const Commit& commit, bool has_members, env::TimeUs spacing_us) {
  if (count_ == 0) first_seen_us_ = commit.at_us;
  if (count_ > 0 && !has_members && commits_[count_ - 1].offset == commit.offset) return;
  if (count_ >= 2 && commits_[count_ - 1].at_us - commits_[count_ - 2].at_us < spacing_us) {
    // Whoever was at the end meanwhile was there.
    const int64_t lag = std::min(commits_[count_ - 1].lag, commit.lag);
    commits_[count_ - 1] = commit;
    commits_[count_ - 1].lag = lag;
    return;
  }
  if (count_ == kCommits) {
    std::move(commits_.begin() + 1, commits_.end(), commits_.begin());
    --count_;
  }
  commits_[count_++] = commit;
  FRESHET_ASSERT(count_ <= kCommits);
}

// Sums and extremes over the partitions of one topic that a group reads.
struct ClusterMemory::Reading {
  CommitLog* log = nullptr;  // of the partition that is looked at
  GroupStanding standing;
  TopicStanding* topic = nullptr;
};

ClusterMemory::ClusterMemory(const Topology& topology, Index cluster, MemoryOptions options)
    : topology_(topology),
      cluster_(cluster),
      options_(options),
      ends_(kEndsBounds),
      starts_(kStartsBounds),
      used_(kUsedBounds),
      probes_(options.window_us) {
  FRESHET_ASSERT(cluster < topology.clusters.size());
  Standing first;
  first.cluster = topology.clusters[cluster].name;
  first.brokers_planned = topology.clusters[cluster].brokers;
  last_ = std::make_shared<const Standing>(std::move(first));
}

std::shared_ptr<const Standing> ClusterMemory::take(const Look& look, env::TimeUs took_us) {
  ++look_;
  note_offsets(look);
  Standing out;
  out.cluster = last_->cluster;
  out.brokers_planned = last_->brokers_planned;
  out.looked = true;
  out.seen_us = look.at_us;
  out.took_us = took_us;
  out.looks = last_->looks + 1;
  out.failures = last_->failures;
  out.cluster_id = look.cluster_id;
  out.doubts = look.doubts;
  out.moving = look.moves.size();
  out.moves = look.moves;
  std::ranges::sort(out.moves, {}, [](const MoveSeen& move) { return std::tie(move.topic, move.partition); });
  out.moves.resize(std::min(out.moves.size(), kMovesMost));
  add_replication(look, out);
  add_brokers(look, out);
  std::vector<TopicStanding> topics = topics_in(look);
  for (const GroupLook& group : look.groups) add_group(look, group, topics, out);
  std::ranges::sort(out.groups, {}, [](const GroupStanding& g) { return std::tie(g.group, g.topic); });
  add_batches(look, topics, out);
  add_hot_topics(look, std::move(topics), out);
  out.probe = probes_.take(look);
  forget_what_is_gone();
  find_concerns(out);
  last_ = std::make_shared<const Standing>(std::move(out));
  return last_;
}

std::shared_ptr<const Standing> ClusterMemory::away(const Error& error, env::TimeUs at_us, env::TimeUs took_us) {
  Standing out = *last_;
  ++out.failures;
  out.away = true;
  out.error = error.message;
  out.took_us = took_us;
  out.probe = probes_.away(at_us, error.message);
  find_concerns(out);
  last_ = std::make_shared<const Standing>(std::move(out));
  return last_;
}

uint32_t ClusterMemory::new_row() {
  if (free_rows_.empty()) return rows_made_++;
  const uint32_t row = free_rows_.back();
  free_rows_.pop_back();
  ends_.forget(row);
  starts_.forget(row);
  return row;
}

void ClusterMemory::note_offsets(const Look& look) {
  rows_of_topic_.clear();
  for (const TopicSeen& topic : look.topics) {
    TopicRows& known = rows_[topic.name];
    known.look = look_;
    while (known.rows.size() < topic.partitions.size()) known.rows.push_back(new_row());
    rows_of_topic_.push_back(&known.rows);
  }
  std::vector<int64_t> ends(rows_made_, kNoValue);
  std::vector<int64_t> starts(rows_made_, kNoValue);
  for (size_t t = 0; t < look.topics.size(); ++t) {
    const std::vector<PartitionSeen>& partitions = look.topics[t].partitions;
    for (size_t p = 0; p < partitions.size(); ++p) {
      const uint32_t row = (*rows_of_topic_[t])[p];
      ends[row] = partitions[p].end;
      starts[row] = partitions[p].start;
      // A log that is shorter than it was is another one, or was cut: its past says nothing any more.
      if (ends_.columns() > 0 && partitions[p].end != kNotSeen &&
          partitions[p].end < ends_.value(ends_.columns() - 1, row)) {
        ends_.forget(row);
        starts_.forget(row);
      }
    }
  }
  ends_.add(look.at_us, std::move(ends));
  starts_.add(look.at_us, std::move(starts));
}

void ClusterMemory::forget_what_is_gone() {
  std::erase_if(groups_, [&](const auto& entry) { return entry.second.look != look_; });
  std::erase_if(rows_, [&](const auto& entry) {
    if (entry.second.look == look_) return false;
    free_rows_.insert(free_rows_.end(), entry.second.rows.begin(), entry.second.rows.end());
    // Whatever a group has committed there is of a topic that is gone, too.
    for (auto& [name, group] : groups_)
      for (const uint32_t row : entry.second.rows) group.logs.erase(row);
    return true;
  });
}

void ClusterMemory::add_replication(const Look& look, Standing& out) const {
  out.topics = look.topics.size();
  for (const TopicSeen& topic : look.topics) {
    out.partitions += topic.partitions.size();
    for (const PartitionSeen& partition : topic.partitions) {
      if (partition.leader < 0) ++out.offline;
      if (partition.in_sync < partition.replicas) ++out.under_replicated;
    }
  }
}

void ClusterMemory::add_brokers(const Look& look, Standing& out) {
  // Kafka before 3.3 does not tell how large a volume is; the topology does.
  const auto planned_bytes = static_cast<int64_t>(topology_.clusters[cluster_].volumes.size_bytes);
  std::vector<int64_t> used(dir_rows_.size(), kNoValue);
  const auto used_of = [](const LogDirSeen& dir) {
    const bool told = dir.total_bytes >= 0 && dir.usable_bytes >= 0;
    return told ? dir.total_bytes - dir.usable_bytes : dir.replica_bytes;
  };
  for (const BrokerSeen& broker : look.brokers) {
    for (const LogDirSeen& dir : broker.dirs) {
      const auto next = static_cast<uint32_t>(dir_rows_.size());
      const uint32_t row = dir_rows_.try_emplace({broker.id, dir.path}, next).first->second;
      if (row >= used.size()) used.resize(row + 1, kNoValue);
      if (!dir.failed) used[row] = used_of(dir);
    }
  }
  used_.add(look.at_us, std::move(used));
  for (const BrokerSeen& broker : look.brokers) {
    BrokerStanding& standing = out.brokers.emplace_back();
    standing.id = broker.id;
    standing.host = broker.host;
    standing.leaders = broker.leaders;
    standing.replicas = broker.replicas;
    standing.cpu = broker.cpu;
    for (const LogDirSeen& dir : broker.dirs) {
      const uint32_t row = dir_rows_.find({broker.id, dir.path})->second;
      const int64_t total = dir.total_bytes >= 0 ? dir.total_bytes : planned_bytes;
      standing.bytes = saturated_sum(standing.bytes, dir.replica_bytes);
      standing.dirs.push_back({dir.path, dir.replica_bytes, used_of(dir), total,
                               seconds_to_full(used_, row, total, kForecastWindowUs), dir.failed});
    }
  }
  std::ranges::sort(out.brokers, {}, &BrokerStanding::id);
  const auto skew_of = [&](auto member) {
    double most = 0;
    double sum = 0;
    for (const BrokerStanding& broker : out.brokers) {
      most = std::max(most, static_cast<double>(broker.*member));
      sum += static_cast<double>(broker.*member);
    }
    return sum > 0 ? most * static_cast<double>(out.brokers.size()) / sum : 1.0;
  };
  out.skew = {skew_of(&BrokerStanding::leaders), skew_of(&BrokerStanding::replicas), skew_of(&BrokerStanding::bytes)};
}

double ClusterMemory::promised_s(const std::string& group, const std::string& topic) const {
  int64_t strictest_us = 0;
  for (const ServiceLevel& level : topology_.service_levels) {
    if (level.lag_max_us <= 0 || (level.cluster != kNone && level.cluster != cluster_)) continue;
    if (!level.group.empty() && level.group != group) continue;
    if (level.topic != kNone && topology_.topics[level.topic].name != topic) continue;
    if (strictest_us == 0 || level.lag_max_us < strictest_us) strictest_us = level.lag_max_us;
  }
  return static_cast<double>(strictest_us) / 1e6;
}

// By the index of the look; what is read of them is added with the groups.
std::vector<TopicStanding> ClusterMemory::topics_in(const Look& look) const {
  std::vector<TopicStanding> out(look.topics.size());
  for (size_t t = 0; t < look.topics.size(); ++t) {
    double busiest = 0;
    for (const uint32_t row : *rows_of_topic_[t]) {
      const double in = std::max(ends_.per_second(row, options_.window_us).value_or(0), 0.0);
      busiest = std::max(busiest, in);
      out[t].in_per_s += in;
    }
    const auto partitions = static_cast<double>(look.topics[t].partitions.size());
    if (out[t].in_per_s > 0) out[t].skew = busiest * partitions / out[t].in_per_s;
  }
  return out;
}

Verdict ClusterMemory::verdict_of(const CommitLog& log, uint32_t row, const Reading& reading, int64_t lag) const {
  std::array<int64_t, kRecentEnds> recent{};
  size_t count = 0;
  for (size_t i = ends_.columns(); i > 0 && count < kRecentEnds; --i)
    if (ends_.value(i - 1, row) != kNoValue) recent[count++] = ends_.value(i - 1, row);
  const env::TimeUs now_us = ends_.at_us(ends_.columns() - 1);
  const Verdict verdict = judge({log.commits(), {recent.data(), count}, lag, kLagAllowed, now_us});
  if (verdict == Verdict::kOk || verdict == Verdict::kRewind) return verdict;
  if (now_us - log.first_seen_us() < options_.window_us) return Verdict::kUnknown;
  // Two commits that were close together make a short window, and any pause is longer than that.
  const bool short_pause = 2 * (now_us - log.commits().back().at_us) < options_.window_us;
  if (verdict == Verdict::kStop && short_pause) return Verdict::kOk;
  // A reader that is meant to read once a night stands still all day, and keeps its promise.
  const double promised = reading.standing.promised_s;
  if (promised > 0 && age_of(ends_, row, log.commits().back().offset).seconds <= promised) return Verdict::kOk;
  return verdict;
}

void ClusterMemory::add_partition(const Look& look, const CommittedSeen& place, Reading& reading) {
  const PartitionSeen& partition = look.topics[place.topic].partitions[place.partition];
  const uint32_t row = (*rows_of_topic_[place.topic])[place.partition];
  GroupStanding& out = reading.standing;
  ++out.partitions;
  if (partition.end == kNotSeen) return;
  const int64_t start = std::max<int64_t>(partition.start, 0);
  Waiting waiting = waiting_of(start, partition.end, place.offset);
  if (waiting.lag <= kLagAllowed) waiting.lag = 0;
  reading.log->note({place.offset, waiting.lag, look.at_us}, out.has_members, options_.window_us / 10);
  const Commit& first = reading.log->commits().front();
  const double known_s = static_cast<double>(look.at_us - first.at_us) / 1e6;
  const double read = known_s > 0 ? std::max(static_cast<double>(place.offset - first.offset) / known_s, 0.0) : 0;
  const double in = std::max(ends_.per_second(row, options_.window_us).value_or(0), 0.0);
  out.lag = saturated_sum(out.lag, waiting.lag);
  out.lost = saturated_sum(out.lost, waiting.lost);
  out.read_per_s += read;
  out.in_per_s += in;
  if (waiting.lag > 0) {
    const Age age = age_of(ends_, row, std::max(place.offset, start));
    if (age.seconds >= out.age.seconds) {
      out.age = age;
      out.oldest_partition = place.partition;
    }
  }
  const auto catch_up = seconds_to_catch_up(waiting.lag, read, in);
  if (!catch_up || !out.catch_up_s) {
    out.catch_up_s = std::nullopt;
  } else {
    out.catch_up_s = std::max(*out.catch_up_s, *catch_up);
  }
  // A reader near the end is far from the start, whatever rates say of the next hours.
  if (10.0 * static_cast<double>(waiting.lag) >= static_cast<double>(partition.end - start)) {
    const auto lost = seconds_to_retention(starts_, row, place.offset, read);
    if (lost && (!out.retention_s || *lost < *out.retention_s)) out.retention_s = lost;
  }
  const Verdict verdict = verdict_of(*reading.log, row, reading, waiting.lag);
  if (verdict > out.verdict) {
    out.verdict = verdict;
    out.verdict_partition = place.partition;
  }
}

void ClusterMemory::add_group(const Look& look, const GroupLook& group, std::vector<TopicStanding>& topics,
                              Standing& out) {
  GroupMemory& memory = groups_[group.name];
  memory.look = look_;
  std::map<uint32_t, Reading> readings;  // by topic
  for (const CommittedSeen& place : group.committed) {
    FRESHET_ASSERT(place.topic < look.topics.size());
    if (place.partition >= look.topics[place.topic].partitions.size()) continue;
    Reading& reading = readings[place.topic];
    if (reading.standing.topic.empty()) {
      reading.standing.group = group.name;
      reading.standing.topic = look.topics[place.topic].name;
      reading.standing.state = group.state;
      reading.standing.has_members = group.has_members;
      reading.standing.promised_s = promised_s(group.name, reading.standing.topic);
    }
    reading.log = &memory.logs[(*rows_of_topic_[place.topic])[place.partition]];
    add_partition(look, place, reading);
  }
  for (auto& [topic, reading] : readings) {
    topics[topic].out_per_s += reading.standing.read_per_s;
    out.groups.push_back(std::move(reading.standing));
  }
}

// A topic that the file does not have is taken to keep its messages for a day: that asks for the cheaper codec.
int64_t ClusterMemory::retention_us(const std::string& topic) const {
  const Index found = topology_.find_topic(cluster_, topic);
  return found == kNone ? kUsualRetentionUs : topology_.topics[found].retention_us;
}

// A sample says how producers gather, and goes on to hold; how much they send is known of every look.
void ClusterMemory::add_batches(const Look& look, const std::vector<TopicStanding>& topics, Standing& out) {
  for (const TopicSample& sample : look.samples) {
    if (sample.batches.empty()) continue;
    const std::string& name = look.topics[sample.topic].name;
    if (batches_.size() >= kBatchTopicsMost && !batches_.contains(name)) continue;
    batches_.insert_or_assign(name, Sampled{figures_of(sample), retention_us(name)});
  }
  std::erase_if(batches_, [&](const auto& entry) { return !rows_.contains(entry.first); });
  for (size_t t = 0; t < look.topics.size(); ++t) {
    const auto found = batches_.find(look.topics[t].name);
    if (found == batches_.end()) continue;
    const Sampled& sampled = found->second;
    BatchStanding standing = stand_of(found->first, sampled.figures, topics[t].in_per_s, sampled.retention_us);
    out.batches_per_s += standing.batches_per_s;
    out.batches.push_back(std::move(standing));
  }
  out.topics_sampled = out.batches.size();
  std::ranges::stable_sort(out.batches, std::greater(), &BatchStanding::batches_per_s);
  if (out.batches.size() > kHotTopicsMost) out.batches.resize(kHotTopicsMost);
}

void ClusterMemory::add_hot_topics(const Look& look, std::vector<TopicStanding> topics, Standing& out) const {
  std::vector<size_t> order;
  for (size_t t = 0; t < topics.size(); ++t) {
    double bytes = 0;
    double messages = 0;
    for (const PartitionSeen& partition : look.topics[t].partitions) {
      if (partition.bytes == kNotSeen || partition.start == kNotSeen || partition.end <= partition.start) continue;
      bytes += static_cast<double>(partition.bytes);
      messages += static_cast<double>(partition.end - partition.start);
    }
    if (messages > 0) {
      topics[t].in_bytes_per_s = topics[t].in_per_s * bytes / messages;
      topics[t].out_bytes_per_s = topics[t].out_per_s * bytes / messages;
    }
    if (topics[t].in_per_s > 0 || topics[t].out_per_s > 0) order.push_back(t);
  }
  const auto heat = [&](size_t t) {
    const TopicStanding& topic = topics[t];
    return std::tuple(topic.out_bytes_per_s.value_or(0), topic.in_bytes_per_s.value_or(0), topic.out_per_s,
                      topic.in_per_s);
  };
  const size_t most = std::min(order.size(), kHotTopicsMost);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(most), order.end(),
                    [&](size_t a, size_t b) { return heat(a) != heat(b) ? heat(a) > heat(b) : a < b; });
  for (size_t i = 0; i < most; ++i) {
    topics[order[i]].topic = look.topics[order[i]].name;
    out.hot_topics.push_back(std::move(topics[order[i]]));
  }
}

}  // namespace freshet::fleet
