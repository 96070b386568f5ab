#include "testing/cluster/fake_cluster.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "cluster/stream/target.h"

namespace freshet::testing {
namespace {

using cluster::PartitionRef;
using cluster::Place;
using State = FakeTransaction::State;

constexpr size_t kBatchBytesMax = 256u << 10;  // as a writer begins

class FakeCommitter final : public cluster::Committer {
 public:
  FakeCommitter(std::string group_in, std::string instance_in, uint64_t id_in, uint64_t generation_in)
      : group(std::move(group_in)), instance(std::move(instance_in)), id(id_in), generation(generation_in) {}
  const std::string group, instance;
  const uint64_t id, generation;
};

class FakeReader final : public cluster::Reader {
 public:
  explicit FakeReader(FakeCluster& cluster) : cluster_(cluster) {}
  Status start(uint32_t id, const PartitionRef& of, int64_t offset) override {
    FRESHET_TRY(cluster_.step("start"));
    FRESHET_ASSERT(!started_.contains(id));
    started_[id] = {of, offset, false};
    return {};
  }
  void stop(uint32_t id) override { started_.erase(id); }
  void poll(size_t records_max, env::TimeUs timeout_us, cluster::Polled& into) override {
    cluster_.at_step("read");
    const size_t before_all = into.records.size() + into.ends.size() + into.problems.size();
    std::vector<uint32_t> gone;
    for (auto& [id, started] : started_) {
      FakeCluster::Log& log = cluster_.topics.at(started.of.topic).at(static_cast<size_t>(started.of.partition));
      if (started.next < log.first || started.next > static_cast<int64_t>(log.entries.size())) {
        into.problems.push_back({id, cluster::ReadProblem::Kind::kOutOfRange, started.next, {Code::kRetry, "gone"}});
        gone.push_back(id);
        continue;
      }
      const int64_t before = started.next;
      read(id, started, log, records_max, into);
      if (started.next == cluster_.stable_end(log) && (started.next != before || !started.told_end)) {
        into.ends.emplace_back(id, started.next);
        started.told_end = true;
      }
    }
    for (const uint32_t id : gone) started_.erase(id);
    if (into.records.size() + into.ends.size() + into.problems.size() == before_all)
      cluster_.clock.sleep_us(timeout_us);
  }
  int64_t end_of(uint32_t id) const override {
    const auto found = started_.find(id);
    if (found == started_.end()) return -1;
    return static_cast<int64_t>(
        cluster_.topics.at(found->second.of.topic).at(static_cast<size_t>(found->second.of.partition)).entries.size());
  }

 private:
  struct Started {
    PartitionRef of;
    int64_t next = 0;
    bool told_end = false;
  };
  void read(uint32_t id, Started& started, FakeCluster::Log& log, size_t most, cluster::Polled& into) {
    auto kept = std::make_shared<std::vector<FakeRecord>>();
    const int64_t end = cluster_.stable_end(log);
    kept->reserve(std::min(most, static_cast<size_t>(std::max<int64_t>(end - started.next, 0))));
    for (; started.next < end && kept->size() < most; ++started.next) {
      const FakeCluster::Entry& entry = log.entries[static_cast<size_t>(started.next)];
      if (entry.marker || (entry.transaction && entry.transaction->state != State::kCommitted)) continue;
      const FakeRecord& record = kept->emplace_back(entry.record);
      cluster::Record& out = into.records.emplace_back();
      out.from = id;
      out.offset = started.next;
      out.timestamp_ms = record.timestamp_ms;
      out.key = record.key;
      out.value = record.value;
      for (const auto& [name, value] : record.headers) out.headers.push_back({name, value});
    }
    into.hold.push_back(kept);
  }
  FakeCluster& cluster_;
  std::map<uint32_t, Started> started_;
};

// The group gives partitions to its members in turn, and takes them at once from whoever had them.
class FakeMembership final : public cluster::Membership {
 public:
  FakeMembership(FakeCluster& cluster, std::string group, std::string instance)
      : cluster_(cluster), group_(std::move(group)), instance_(std::move(instance)) {}
  Status subscribe(const std::vector<std::string>& topics) override {
    FRESHET_TRY(cluster_.step("subscribe"));
    auto& group = cluster_.groups[group_];
    topics_ = {topics.begin(), topics.end()};
    if (id_ == 0) id_ = ++cluster_.joined;
    group.members[instance_] = {id_, topics_};
    ++group.generation;
    return {};
  }
  Result<cluster::GroupChange> poll(env::TimeUs) override {
    FRESHET_TRY(cluster_.step("poll"));
    auto& group = cluster_.groups[group_];
    const auto held = group.members.find(instance_);
    if (!topics_.empty() && held == group.members.end()) {  // It was expelled, and joins again.
      group.members[instance_] = {id_, topics_};
      ++group.generation;
    } else if (!topics_.empty() && held->second.id != id_) {
      return fail(Code::kFenced, "another process is this instance");
    }
    cluster::GroupChange change;
    // Whoever was away while the group changed more than once may have lost something, and have it again by now.
    if (group.generation > generation_ + 1) change.revoked = {mine_.begin(), mine_.end()};
    if (!change.revoked.empty()) mine_.clear();
    generation_ = group.generation;
    std::set<PartitionRef> mine = share_of(group);
    for (const PartitionRef& one : mine_)
      if (!mine.contains(one)) change.revoked.push_back(one);
    for (const PartitionRef& one : mine)
      if (!mine_.contains(one)) change.assigned.push_back(one);
    mine_ = std::move(mine);
    member_ = topics_.empty() ? nullptr : std::make_shared<FakeCommitter>(group_, instance_, id_, group.generation);
    return change;
  }
  Result<std::vector<Place>> committed(const std::vector<PartitionRef>& of) override {
    FRESHET_TRY(cluster_.step("positions"));
    std::vector<Place> out;
    for (const PartitionRef& one : of) {
      for (const auto& [id, producer] : cluster_.producers) {
        if (producer.second == nullptr || producer.second->state != State::kOpen) continue;
        for (const Place& place : producer.second->places)
          if (producer.second->group == group_ && place.of == one) return fail(Code::kRetry, "not decided");
      }
      const auto& places = cluster_.groups[group_].places;
      const auto found = places.find(one);
      out.push_back(found == places.end() ? Place{one, -1, ""} : found->second);
    }
    return out;
  }
  std::shared_ptr<const cluster::Committer> member() const override { return member_; }

 private:
  [[nodiscard]] std::set<PartitionRef> share_of(const FakeCluster::Group& group) const {
    std::set<PartitionRef> out;
    for (const std::string& topic : topics_) {
      std::vector<std::string> takers;
      for (const auto& [name, member] : group.members)
        if (member.topics.contains(topic)) takers.push_back(name);
      for (uint32_t p = 0; p < cluster_.partitions(topic) && !takers.empty(); ++p)
        if (takers[p % takers.size()] == instance_) out.insert({topic, static_cast<int32_t>(p)});
    }
    return out;
  }
  FakeCluster& cluster_;
  const std::string group_, instance_;
  uint64_t id_ = 0, generation_ = 0;
  std::set<std::string> topics_;
  std::set<PartitionRef> mine_;
  std::shared_ptr<const cluster::Committer> member_;
};

class FakeWriter final : public cluster::Writer {
 public:
  FakeWriter(FakeCluster& cluster, std::string id) : cluster_(cluster), id_(std::move(id)) {}
  Status settle() override {
    FRESHET_TRY(cluster_.step("settle"));
    if (epoch_ > 0) return {};
    auto& [epoch, last] = cluster_.producers[id_];
    if (last && last->state == State::kOpen) cluster_.end(*last, State::kAborted);
    epoch_ = ++epoch;
    ++takes_;
    return {};
  }
  uint64_t takes() const override { return takes_; }
  uint32_t topic(const std::string& name) override {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return static_cast<uint32_t>(found - names_.begin());
    names_.push_back(name);
    return static_cast<uint32_t>(names_.size() - 1);
  }
  void limit_batches(size_t bytes) override {
    const size_t limit = std::min(bytes, kBatchBytesMax);
    if (std::exchange(batch_bytes_, limit) != limit) epoch_ = 0;
  }
  Status begin() override {
    FRESHET_TRY(cluster_.step("begin"));
    FRESHET_TRY(mine());
    open_ = std::make_shared<FakeTransaction>();
    refused_.reset();
    refusal_.reset();
    cluster_.producers[id_].second = open_;
    return {};
  }
  Status write(const cluster::Outgoing& out) override {
    FRESHET_TRY(cluster_.step("write"));
    FRESHET_TRY(mine());
    auto& logs = cluster_.topics.at(names_.at(out.topic));
    if (static_cast<size_t>(out.partition) >= logs.size()) return fail(Code::kNotFound, "no such partition");
    FakeRecord record{out.timestamp_ms < 0 ? cluster_.clock.now_us() / 1000 : out.timestamp_ms, {}, {}, {}};
    if (out.key) record.key.emplace(*out.key);
    if (out.value) record.value.emplace(*out.value);
    for (const cluster::Header& header : out.headers)
      record.headers.emplace_back(header.name, header.value ? std::optional<std::string>(*header.value) : std::nullopt);
    // As with real brokers, the writer hears of it with the commit.
    const std::string& topic = names_[out.topic];
    const bool away = cluster_.leaderless.contains({topic, out.partition});
    const std::string why = away ? "nobody answers" : cluster_.refuses(topic, record);
    if (!why.empty()) {
      if (!refused_ || refused_->away) refused_ = cluster::Refusal{topic, out.partition, away, why};
      return {};
    }
    open_->touched.insert({topic, out.partition});
    logs[static_cast<size_t>(out.partition)].entries.push_back({std::move(record), open_, false});
    return {};
  }
  Status commit(const std::vector<Place>& places, const cluster::Committer* member) override {
    FRESHET_TRY(cluster_.step("commit"));
    FRESHET_TRY(mine());
    if (const auto* known = dynamic_cast<const FakeCommitter*>(member); known != nullptr && !places.empty()) {
      const auto& group = cluster_.groups[known->group];
      const auto found = group.members.find(known->instance);
      if (known->generation != group.generation || found == group.members.end() || found->second.id != known->id) {
        cluster_.end(*open_, State::kAborted);
        return fail(Code::kConflict, "the generation is over");
      }
      open_->group = known->group;
      open_->places = places;
    }
    cluster_.at_step("offsets");
    FRESHET_TRY(mine());
    if (open_->state != State::kOpen) return fail(Code::kConflict, "the transaction was ended");
    if (refused_) {
      cluster_.end(*open_, State::kAborted);
      refusal_ = refused_;
      return fail(refused_->away ? Code::kConflict : Code::kInvalid, refused_->why);
    }
    FRESHET_TRY(end_as(cluster_.commit_fate()));
    cluster_.at_step("committed");
    return {};
  }
  std::optional<cluster::Refusal> refusal() const override { return refusal_; }
  void abort() override {
    cluster_.at_step("abort");
    const bool ours = epoch_ > 0 && cluster_.producers[id_].first == epoch_;
    if (ours && open_ && open_->state == State::kOpen) cluster_.end(*open_, State::kAborted);
  }

 private:
  // Where nobody answers, the id is to be taken anew, which decides what is open under it.
  Status end_as(CommitFate fate) {
    if (fate == CommitFate::kDone) {
      cluster_.end(*open_, State::kCommitted);
      return {};
    }
    if (fate == CommitFate::kRefused) {
      cluster_.end(*open_, State::kAborted);
      return fail(Code::kConflict, "the transaction was aborted");
    }
    if (fate == CommitFate::kDoneMute) cluster_.end(*open_, State::kCommitted);
    open_->asked = fate == CommitFate::kLaterMute;
    epoch_ = 0;
    return fail(Code::kRetry, "no answer to a commit");
  }

  Status mine() {
    if (cluster_.producers[id_].first != epoch_) return fail(Code::kFenced, "another has the id");
    return {};
  }
  FakeCluster& cluster_;
  const std::string id_;
  uint64_t epoch_ = 0;  // 0: the id is to be taken
  uint64_t takes_ = 0;
  size_t batch_bytes_ = kBatchBytesMax;
  std::vector<std::string> names_;
  std::shared_ptr<FakeTransaction> open_;
  std::optional<cluster::Refusal> refused_;  // a record of the open transaction
  std::optional<cluster::Refusal> refusal_;  // what made the last one fail
};

class FakeAdmin final : public cluster::Admin {
 public:
  explicit FakeAdmin(FakeCluster& cluster) : cluster_(cluster) {}
  Result<cluster::ClusterView> describe() override {
    FRESHET_TRY(cluster_.step("describe"));
    cluster::ClusterView view;
    view.brokers.push_back({1, "h", 1, ""});
    for (const auto& [name, logs] : cluster_.topics) {
      auto& topic = view.topics.emplace_back();
      topic.name = name;
      for (int32_t p = 0; p < static_cast<int32_t>(logs.size()); ++p)
        topic.partitions.push_back({p, cluster_.leaderless.contains({name, p}) ? -1 : 1, {1}, {1}});
    }
    return view;
  }
  Result<std::vector<cluster::ConfigsOf>> configs(const std::vector<cluster::Resource>& of) override {
    FRESHET_TRY(cluster_.step("configs"));
    std::vector<cluster::ConfigsOf> out;
    for (const auto& one : of) {
      if (!cluster_.topics.contains(one.name)) return fail(Code::kNotFound, "no topic " + one.name);
      out.push_back({one, cluster_.configs[one.name]});
    }
    return out;
  }
  Result<std::vector<cluster::OffsetAnswer>> offsets(const std::vector<PartitionRef>& of,
                                                     cluster::OffsetAt at) override {
    FRESHET_TRY(cluster_.step("offsets of"));
    std::vector<cluster::OffsetAnswer> out;
    for (const PartitionRef& one : of) {
      const auto found = cluster_.topics.find(one.topic);
      if (found == cluster_.topics.end() || static_cast<size_t>(one.partition) >= found->second.size())
        return fail(Code::kNotFound, "no partition of " + one.topic);
      const FakeCluster::Log& log = found->second[static_cast<size_t>(one.partition)];
      auto& answer = out.emplace_back();
      answer.of = one;
      answer.offset = static_cast<int64_t>(log.entries.size());
      if (at.kind == cluster::OffsetAt::Kind::kEarliest) answer.offset = log.first;
      if (at.kind == cluster::OffsetAt::Kind::kLatestStable) answer.offset = cluster_.stable_end(log);
    }
    return out;
  }
  Result<cluster::Groups> groups() override {
    cluster::Groups out;
    for (const auto& [name, group] : cluster_.groups) out.list.push_back({name, cluster::GroupState::kEmpty});
    return out;
  }
  Result<std::vector<cluster::Member>> members(const std::string&) override { return std::vector<cluster::Member>(); }
  Result<std::vector<cluster::CommittedOffset>> committed(const std::string& group,
                                                          const std::vector<PartitionRef>& of) override {
    std::vector<cluster::CommittedOffset> out;
    for (const PartitionRef& one : of) {
      const auto& places = cluster_.groups[group].places;
      const auto found = places.find(one);
      if (found != places.end()) out.push_back({one, found->second.next, found->second.note});
    }
    return out;
  }
  Status create_topic(const cluster::NewTopic& topic, Do) override {
    FRESHET_TRY(cluster_.step("create"));
    if (cluster_.topics.contains(topic.name)) return fail(Code::kConflict, "it is there");
    std::vector<cluster::Config> configs;
    for (const auto& config : topic.configs)
      configs.push_back({config.name, config.value, cluster::ConfigSource::kTopic, false, false});
    cluster_.make(topic.name, topic.partitions, std::move(configs));
    return {};
  }
  Status add_partitions(const std::string& topic, uint32_t total, Do) override {
    FRESHET_TRY(cluster_.step("add partitions"));
    if (cluster_.partitions(topic) >= total) return fail(Code::kInvalid, "it has as many");
    cluster_.topics.at(topic).resize(total);
    return {};
  }
  Status change_configs(const cluster::Resource& of, const std::vector<cluster::ConfigChange>& changes, Do) override {
    auto& configs = cluster_.configs[of.name];
    for (const auto& change : changes) {
      std::erase_if(configs, [&](const cluster::Config& config) { return config.name == change.name; });
      configs.push_back({change.name, change.value, cluster::ConfigSource::kTopic, false, false});
    }
    return {};
  }

 private:
  FakeCluster& cluster_;
};

}  // namespace

void FakeCluster::make(const std::string& topic, uint32_t partitions, std::vector<cluster::Config> with) {
  topics[topic].resize(partitions);
  configs[topic] = std::move(with);
}

void FakeCluster::produce(const std::string& topic, int32_t partition, FakeRecord record) {
  topics.at(topic).at(static_cast<size_t>(partition)).entries.push_back({std::move(record), nullptr, false});
}

std::string FakeCluster::refuses(const std::string& topic, const FakeRecord& record) const {
  const auto known = configs.find(topic);
  if (known == configs.end()) return "";
  const auto number = [&](const char* name, int64_t otherwise) {
    const auto text = cluster::value_of(known->second, name);
    return text ? std::stoll(*text) : otherwise;
  };
  const int64_t now_ms = clock.now_us() / 1000;
  size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& [name, value] : record.headers) bytes += name.size() + value.value_or("").size();
  if (static_cast<int64_t>(bytes) > number("max.message.bytes", INT64_MAX)) return topic + ": the record is too large";
  if (!record.key && cluster::value_of(known->second, "cleanup.policy").value_or("").starts_with("compact"))
    return topic + ": a compacted topic takes no record without a key";
  if (record.timestamp_ms - now_ms > number("message.timestamp.after.max.ms", INT64_MAX) ||
      now_ms - record.timestamp_ms > number("message.timestamp.before.max.ms", INT64_MAX))
    return topic + ": the timestamp is out of range";
  return "";
}

uint32_t FakeCluster::partitions(const std::string& topic) const {
  const auto found = topics.find(topic);
  return found == topics.end() ? 0 : static_cast<uint32_t>(found->second.size());
}

int64_t FakeCluster::stable_end(const Log& log) const {
  const bool any = std::any_of(producers.begin(), producers.end(), [](const auto& one) {
    return one.second.second && one.second.second->state == State::kOpen;
  });
  if (!any) return static_cast<int64_t>(log.entries.size());
  const auto open = std::find_if(log.entries.begin(), log.entries.end(), [](const Entry& entry) {
    return entry.transaction && entry.transaction->state == State::kOpen;
  });
  return open - log.entries.begin();
}

std::vector<std::pair<int64_t, FakeRecord>> FakeCluster::committed(const std::string& topic, int32_t partition) const {
  std::vector<std::pair<int64_t, FakeRecord>> out;
  const Log& log = topics.at(topic).at(static_cast<size_t>(partition));
  for (int64_t at = log.first; at < stable_end(log); ++at) {
    const Entry& entry = log.entries[static_cast<size_t>(at)];
    if (!entry.marker && (!entry.transaction || entry.transaction->state == State::kCommitted))
      out.emplace_back(at, entry.record);
  }
  return out;
}

// Each partition that it touched gets a marker, which takes an offset.
void FakeCluster::end(FakeTransaction& transaction, State state) {
  if (transaction.state != State::kOpen) return;
  if (transaction.asked) state = State::kCommitted;
  transaction.state = state;
  for (const PartitionRef& of : transaction.touched)
    topics.at(of.topic).at(static_cast<size_t>(of.partition)).entries.push_back({{}, nullptr, true});
  if (state != State::kCommitted) return;
  for (const Place& place : transaction.places) groups[transaction.group].places[place.of] = place;
}

void FakeCluster::expel(const std::string& group, const std::string& instance) {
  groups[group].members.erase(instance);
  ++groups[group].generation;
}

void FakeCluster::end_transactions() {
  for (auto& [id, producer] : producers)
    if (producer.second && producer.second->state == State::kOpen) end(*producer.second, State::kAborted);
}

std::unique_ptr<cluster::Admin> FakeCluster::admin() { return std::make_unique<FakeAdmin>(*this); }
std::unique_ptr<cluster::Reader> FakeCluster::reader() { return std::make_unique<FakeReader>(*this); }
std::unique_ptr<cluster::Membership> FakeCluster::join(const std::string& group, const std::string& instance) {
  return std::make_unique<FakeMembership>(*this, group, instance);
}
std::unique_ptr<cluster::Writer> FakeCluster::writer(const std::string& transactional_id) {
  return std::make_unique<FakeWriter>(*this, transactional_id);
}

}  // namespace freshet::testing
