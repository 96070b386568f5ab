#include "eventlog/kafka/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kChunkMax = 1024;
constexpr size_t kFetchKbMin = 1024;
constexpr env::TimeUs kJoinAgainSessions = 5;  // a member that lost its place twice within so many timeouts has lost it

Client::Settings settings_for(const KafkaOptions& options, const std::string& group, const std::string& member,
                              size_t partitions) {
  // librdkafka's bound is that of one partition.
  const size_t fetch_kb = std::max(options.fetch_bytes_max / 1024 / std::max<size_t>(partitions, 1), kFetchKbMin);
  Client::Settings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.rebalances = true;
  settings.defaults = {{"fetch.wait.max.ms", "100"},
                       {"fetch.error.backoff.ms", "100"},
                       {"queued.min.messages", "10000"},
                       {"session.timeout.ms", std::to_string(to_ms(options.session_timeout_us))},
                       {"heartbeat.interval.ms", std::to_string(to_ms(options.session_timeout_us / 4))},
                       {"socket.nagle.disable", "true"}};
  settings.fixed = {{"group.id", group},
                    {"partition.assignment.strategy", "cooperative-sticky"},
                    {"isolation.level", "read_committed"},
                    {"enable.auto.commit", "false"},
                    {"enable.auto.offset.store", "false"},
                    {"auto.offset.reset", "error"},
                    {"enable.partition.eof", "true"},
                    {"check.crcs", "true"},
                    {"queued.max.messages.kbytes", std::to_string(fetch_kb)}};
  if (options.static_membership && !member.empty()) settings.fixed.emplace_back("group.instance.id", member);
  return settings;
}

// The group has answered it at least once.
bool is_member(rd_kafka_t* client) {
  char* const id = rd_kafka_memberid(client);
  const bool is = id != nullptr && *id != '\0';
  if (id != nullptr) rd_kafka_mem_free(client, id);
  return is;
}

// Until the process ends.
void keep(std::shared_ptr<Client> client) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<Client>>;  // also at its end
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(client));
}

}  // namespace

Result<std::unique_ptr<Consumer>> KafkaConsumer::open(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                                                      const ConsumerOptions& consumer) {
  for (const Topic topic : consumer.topics) {
    if (cluster.partitions(topic) == 0)
      return fail(Code::kNotFound, fmt::format("kafka: there is no topic {}", cluster.names().of(topic)));
  }
  std::unique_ptr<KafkaConsumer> made(new KafkaConsumer(options, clock, cluster, consumer));
  if (consumer.delivery == Delivery::kExactlyOnce && consumer.slots == 0) FRESHET_TRY(made->check_no_slots());
  // Before joining, so that what this member left open when it died is aborted, and offsets wait for nobody.
  if (consumer.delivery == Delivery::kExactlyOnce && consumer.slots == 0) FRESHET_TRY(made->transactions_.settle());
  FRESHET_TRY(made->join());
  return made;
}

KafkaConsumer::KafkaConsumer(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                             const ConsumerOptions& consumer)
    : options_(options),
      clock_(clock),
      cluster_(cluster),
      consumer_(consumer),
      group_(options.topic_prefix + consumer.group),
      member_(fmt::format("{}.{}", options.client_id, consumer.member)),
      transactions_(options, cluster.names(), group_ + "." + member_, clock, interrupted_),
      partition_of_(cluster.names()) {
  if (consumer.slots > 0) slots_ = std::make_unique<Slots>(options, clock, cluster, consumer, interrupted_);
}

KafkaConsumer::~KafkaConsumer() { leave(); }

// ---- the group ------------------------------------------------------------------------------------------------------

Status KafkaConsumer::join() {
  size_t partitions = 0;
  for (const Topic topic : consumer_.topics) partitions += cluster_.partitions(topic);
  auto client = Client::open(options_, settings_for(options_, group_, slots_ ? "" : member_, partitions));
  if (!client) return tl::unexpected(std::move(client).error());
  client_ = std::move(*client);
  queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  client_->on_rebalance = [this](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    rebalance(what, list);
  };
  rd_kafka_poll_set_consumer(client_->get());
  if (slots_) return {};
  const PartitionList list = make_list(consumer_.topics.size());
  for (const Topic topic : consumer_.topics)
    rd_kafka_topic_partition_list_add(list.get(), cluster_.names().of(topic), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client_->get(), list.get()))
    return tl::unexpected(error_of(error, "joining group " + group_));
  return {};
}

void KafkaConsumer::leave() {
  if (client_ == nullptr) return;
  taken_.clear();
  if (slots_) {
    for (uint32_t slot = 0; slot < consumer_.slots; ++slot)
      if (slots_->part(slot) == Part::kOwner) slots_->leave(slot);
  }
  // Closing waits for an assignment that was told and not taken up.
  std::vector<TopicPartition> waiting;
  for (const auto& [of, share] : shares_)
    if (!share.started) waiting.push_back(of);
  if (!waiting.empty()) {
    const PartitionList list = list_of(waiting);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_END;
    const ErrorPtr ignored(rd_kafka_incremental_assign(client_->get(), list.get()));
  }
  shares_.clear();
  // Whatever is given from here on is given back: closing waits for it. So does destroying the client, which closes once more
  // if a fatal error (fenced) has made this closing return at once.
  client_->on_rebalance = [handle = client_->get()](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    const bool given = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    const ErrorPtr ignored(given ? rd_kafka_incremental_assign(handle, list)
                                 : rd_kafka_incremental_unassign(handle, list));
  };
  const bool has_joined = is_member(client_->get());
  rd_kafka_consumer_close(client_->get());
  queue_.reset();
  // librdkafka before 2.3 aborts the process if a member is destroyed between its joining and its first assignment, by an
  // assertion (confluentinc/librdkafka#4312). It is closed: the group has forgotten it, nothing is fetched any more.
  if (has_joined && !client_->was_assigned()) keep(client_);
  client_.reset();
}

// The group says that another process has this static member's place.
bool KafkaConsumer::lost_its_place() const {
  return client_ != nullptr && rd_kafka_fatal_error(client_->get(), nullptr, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

// After a fatal error that is all a call says. If it is the place that is lost, the next poll decides: join_again().
tl::unexpected<Error> KafkaConsumer::failed(rd_kafka_resp_err_t error, const std::string& what) const {
  Error out = error_of(error, what);
  if (error == RD_KAFKA_RESP_ERR__FATAL && lost_its_place()) out.code = Code::kRetry;
  return tl::unexpected(std::move(out));
}

// Brokers that die while a member joins say so, too, when nobody else is there. So the place is claimed once more: who has it
// by right claims it back at the next heartbeat, and then it is lost for good. Meanwhile nothing can be committed twice:
// that is what the group's generation and the transactional id are for.
Result<PollResult> KafkaConsumer::join_again() {
  const env::TimeUs now = clock_.monotonic_us();
  const bool again = joined_again_at_ && now - *joined_again_at_ < kJoinAgainSessions * options_.session_timeout_us;
  if (again)
    return fail(Code::kFenced,
                fmt::format("kafka: group {}: another process has the place of {} (FENCED_INSTANCE_ID): does a "
                            "second one run on a copy of this data directory?",
                            group_, member_));
  joined_again_at_ = now;
  spdlog::warn("kafka: group {}: the brokers say that another process has the place of {}; joining once more", group_,
               member_);
  PollResult lost;
  lost.revoked = std::exchange(rebalanced_.revoked, {});
  for (const auto& [of, share] : shares_) {
    const auto& untold = rebalanced_.assigned;
    if (std::find(untold.begin(), untold.end(), of) == untold.end()) lost.revoked.push_back(of);
  }
  leave();
  rebalanced_ = {};
  membership_.reset();
  partition_of_ = PartitionOf(cluster_.names());
  FRESHET_TRY(join());
  return lost;
}

PartitionList KafkaConsumer::list_of(const std::vector<TopicPartition>& of) const {
  PartitionList list = make_list(of.size());
  for (const TopicPartition& one : of)
    rd_kafka_topic_partition_list_add(list.get(), cluster_.names().of(one.topic), static_cast<int32_t>(one.partition));
  return list;
}

// ---- polling --------------------------------------------------------------------------------------------------------

Result<PollResult> KafkaConsumer::poll(size_t bytes_max, env::TimeUs timeout_us) {
  if (lost_its_place()) return join_again();
  auto polled = poll_client(bytes_max, timeout_us);
  if (!polled && slots_ && polled.error().code == Code::kNotFound && left_behind())
    return std::exchange(rebalanced_, {});
  return !polled && lost_its_place() ? join_again() : std::move(polled);
}

Result<PollResult> KafkaConsumer::poll_client(size_t bytes_max, env::TimeUs timeout_us) {
  const env::TimeUs end = clock_.monotonic_us() + std::max<env::TimeUs>(timeout_us, 0);
  if (slots_) {
    const auto changed = change_parts();
    if (!changed) return tl::unexpected(changed.error());
    if (*changed) return std::exchange(rebalanced_, {});
  }
  FRESHET_TRY(start());
  Gathering gathering(client_);
  for (bool last = false;; last = last || interrupted_) {
    FRESHET_TRY(hand_out(bytes_max, gathering));
    if (last || !gathering.empty()) break;
    const env::TimeUs left = end - clock_.monotonic_us();
    last = left <= 0;
    take_from_queue(chunk_for(bytes_max), last ? 0 : to_ms(left + 999));
    if (!rebalanced_.revoked.empty() || !rebalanced_.assigned.empty()) return std::exchange(rebalanced_, {});
  }
  interrupted_ = false;
  PollResult result;
  if (gathering.empty()) {
    add_gaps(result.fetched);
    return result;
  }
  record_bytes_ = (record_bytes_ + gathering.bytes() / gathering.count()) / 2 + 1;
  result.fetched = gathering.take();
  for (const Fetched& fetched : result.fetched) shares_[fetched.from].next = fetched.next;
  return result;
}

size_t KafkaConsumer::chunk_for(size_t bytes) const { return std::clamp<size_t>(bytes / record_bytes_, 1, kChunkMax); }

// librdkafka waits for a full array, so the first message is waited for alone.
void KafkaConsumer::take_from_queue(size_t count, int timeout_ms) {
  rd_kafka_message_t* messages[kChunkMax];
  ssize_t taken = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, messages, 1);
  if (taken == 1 && count > 1)
    taken += std::max<ssize_t>(rd_kafka_consume_batch_queue(queue_.get(), 0, messages + 1, count - 1), 0);
  for (ssize_t i = 0; i < taken; ++i) taken_.emplace_back(messages[i]);
}

// In the order of the queue, but for those of paused partitions, which stay.
Status KafkaConsumer::hand_out(size_t bytes_max, Gathering& into) {
  std::deque<Taken> stay;
  Status status;
  std::optional<uint32_t> slot;  // what is handed out at once is committed at once: of one slot
  while (status && !taken_.empty() && (into.empty() || into.bytes() < bytes_max)) {
    Taken message = std::move(taken_.front());
    taken_.pop_front();
    const auto of = partition_of_(*message);
    const auto share = of ? shares_.find(*of) : shares_.end();
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      status = handle_error(*message, of);
    } else if (share == shares_.end() || share->second.position || message->offset < share->second.next) {
      // Of a partition that was revoked, or from before a seek.
    } else if (share->second.paused || hold_back(*of, share->second, *message) ||
               (slots_ && slots_->slot_of(*of) != slot.value_or(slots_->slot_of(*of)))) {
      stay.push_back(std::move(message));
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      share->second.passed = message->offset;
    } else {
      share->second.passed = message->offset + 1;
      if (slots_) slot = slots_->slot_of(*of);
      into.add(*of, message.release());
    }
  }
  for (auto message = stay.rbegin(); message != stay.rend(); ++message) taken_.push_front(std::move(*message));
  return status;
}

// Ends of transactions and what was aborted have offsets, too.
void KafkaConsumer::add_gaps(std::vector<Fetched>& fetched) {
  std::optional<uint32_t> slot;  // these are committed, too
  for (auto& [of, share] : shares_) {
    if (!share.started || share.paused || share.position || share.passed <= share.next) continue;
    if (share.following && share.passed > share.bound) continue;
    if (slots_ && !share.following && slots_->slot_of(of) != slot.value_or(slots_->slot_of(of))) continue;
    if (slots_ && !share.following) slot = slots_->slot_of(of);
    share.next = share.passed;
    fetched.push_back({of, {}, share.next, nullptr});
  }
}

Status KafkaConsumer::handle_error(const rd_kafka_message_t& message, std::optional<TopicPartition> of) {
  const std::string words = rd_kafka_message_errstr(&message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (!of || !shares_.contains(*of)) return {};
      shares_[*of].position = shares_[*of].next;  // if it is there after all, the next poll goes on from it
      return check_positions({*of});
    case RD_KAFKA_RESP_ERR__FATAL: {
      char fatal[512] = "";
      const auto error = rd_kafka_fatal_error(client_->get(), fatal, sizeof fatal);
      Error out = error_of(error, "group " + group_, fatal);
      if (out.code != Code::kFenced) out.code = Code::kFatal;
      return tl::unexpected(std::move(out));
    }
    default: {
      Error out = error_of(message.err, of ? to_string(*of) : "group " + group_, words);
      if (out.code != Code::kRetry && out.code != Code::kConflict) return tl::unexpected(std::move(out));
      spdlog::debug("{}", out.message);  // librdkafka goes on by itself
      return {};
    }
  }
}

void KafkaConsumer::wake() {
  interrupted_ = true;
  rd_kafka_queue_yield(queue_.get());
}

void KafkaConsumer::pause(TopicPartition partition, bool paused) {
  const auto share = shares_.find(partition);
  FRESHET_ASSERT(share != shares_.end());
  if (share->second.paused == paused) return;
  share->second.paused = paused;
  if (!share->second.started) return;
  const PartitionList list = list_of({partition});
  if (paused) {
    rd_kafka_pause_partitions(client_->get(), list.get());
  } else {
    rd_kafka_resume_partitions(client_->get(), list.get());
  }
}

void KafkaConsumer::seek(TopicPartition partition, Offset next) {
  const auto share = shares_.find(partition);
  FRESHET_ASSERT(share != shares_.end());
  share->second.position = next;
  forget_taken(partition);
}

void KafkaConsumer::forget_taken(TopicPartition of) {
  std::erase_if(taken_, [&](const Taken& message) { return partition_of_(*message) == of; });
}

// ---- committing -----------------------------------------------------------------------------------------------------

Status KafkaConsumer::commit(Transaction transaction) {
  std::vector<TopicPartition> done;
  for (const Position& position : transaction.done) done.push_back(position.of);
  for (const Produce& output : transaction.outputs)
    if (!cluster_.has(output.to)) return fail(Code::kNotFound, "kafka: there is no " + to_string(output.to));
  if (slots_) return commit_slot(std::move(transaction));
  const bool mine = std::all_of(done.begin(), done.end(), [&](const auto& of) { return shares_.contains(of); });
  if (!mine || membership_ == nullptr)
    return fail(Code::kConflict, "kafka: group " + group_ + " has given these partitions to somebody else");
  const PartitionList list = make_list(done.size());
  for (const Position& position : transaction.done)
    add_committed(list.get(), cluster_.names().of(position.of.topic), position.of.partition,
                  {position.next, transactions_.id()});
  const bool plain = consumer_.delivery == Delivery::kAtLeastOnce && transaction.outputs.empty();
  const Status status = plain ? commit_offsets(list.get())
                              : transactions_.commit(std::move(transaction.outputs), list.get(), membership_.get());
  for (const Position& position : transaction.done) {
    auto& known = shares_[position.of].committed;
    if (status) {
      known.emplace(position.next);
    } else {
      known.reset();
    }
  }
  return status;
}

Status KafkaConsumer::commit_offsets(rd_kafka_topic_partition_list_t* list) {
  if (const auto error = rd_kafka_commit(client_->get(), list, 0))
    return failed(error, "committing offsets of group " + group_);
  return {};
}

Result<std::optional<Offset>> KafkaConsumer::committed(TopicPartition partition) {
  const auto share = shares_.find(partition);
  if (share == shares_.end()) {
    auto found = cluster_.committed(group_, {partition});
    if (!found) return tl::unexpected(std::move(found).error());
    return found->front() ? std::optional(found->front()->next) : std::nullopt;
  }
  if (!share->second.committed) FRESHET_TRY(learn_committed());
  return *share->second.committed;
}

}  // namespace freshet::eventlog::kafka
