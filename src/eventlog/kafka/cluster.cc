// Questions and orders to the brokers. Brokers that have just come up know less than they will in a moment, and each
// of them at its own pace; so what can be waited for is asked again, and what an operator has to mend is said with the
// command that does it.
#include "eventlog/kafka/cluster.h"

#include <fmt/core.h>
#include <string.h>

#include <algorithm>

#include "eventlog/kafka/describe.h"
#include "eventlog/kafka/topic_settings.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

using Metadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using GroupList = Owned<const rd_kafka_group_list, rd_kafka_group_list_destroy>;
using NewTopicPtr = Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using DeleteRecords = Owned<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy>;

constexpr env::TimeUs kLookAgainUs = 50'000;

SettingOf looked_up_in(const Settings& settings) {
  return [&settings](const std::string& wanted) { return find_setting(settings, wanted); };
}

}  // namespace

void add_committed(rd_kafka_topic_partition_list_t* list, const char* topic, uint32_t partition,
                   const Committed& place) {
  rd_kafka_topic_partition_t* one = rd_kafka_topic_partition_list_add(list, topic, static_cast<int32_t>(partition));
  one->offset = place.next;
  one->metadata = strdup(place.metadata.c_str());  // librdkafka frees it.
  one->metadata_size = place.metadata.size();
}

PartitionList list_of(const Names& names, const std::vector<TopicPartition>& of, Offset offset) {
  PartitionList list = make_list(of.size());
  for (const TopicPartition& one : of)
    rd_kafka_topic_partition_list_add(list.get(), names.of(one.topic), static_cast<int32_t>(one.partition))->offset =
        offset;
  return list;
}

Names::Names(const std::string& prefix) {
  for (size_t i = 0; i < kTopics; ++i) topics_[i] = prefix + std::string(name_of(static_cast<Topic>(i)));
}

std::optional<Topic> Names::find(std::string_view name) const {
  const auto found = std::find(topics_.begin(), topics_.end(), name);
  if (found == topics_.end()) return std::nullopt;
  return static_cast<Topic>(found - topics_.begin());
}

Cluster::Cluster(const KafkaOptions& options, env::Clock& clock, std::shared_ptr<Client> client)
    : options_(options), clock_(clock), client_(std::move(client)), names_(options.topic_prefix) {}

Status Cluster::check_targets(const std::vector<Produce>& batches) const {
  for (const Produce& batch : batches)
    if (!has(batch.to)) return fail(Code::kNotFound, "kafka: there is no " + to_string(batch.to));
  return {};
}

// ---- topics ---------------------------------------------------------------------------------------------------------

// Brokers that refuse the credentials answer like brokers that are not there. What the client has heard meanwhile
// tells them apart, so that an operator does not look for a network that works.
Status Cluster::connect() {
  const env::TimeUs end = clock_.monotonic_us() + options_.open_timeout_us;
  while (true) {
    int brokers = 0;
    const Status learned = learn_topics(&brokers);
    if (learned) return {};
    rd_kafka_poll(client_->get(), 0);  // for last_error()
    const Error last = client_->last_error();
    if (last.code == Code::kInvalid)
      return fail(Code::kInvalid,
                  fmt::format("kafka: the brokers at {} refuse us: {}; see log.kafka.properties "
                              "(security.protocol, sasl.mechanism, sasl.username, sasl.password, ssl.…)",
                              options_.brokers, last.message));
    if (clock_.monotonic_us() < end) continue;
    return fail(
        Code::kRetry,
        fmt::format("kafka: none of the brokers of log.kafka.brokers, {}, answered within {} s: {}; are they up, and "
                    "is security.protocol in log.kafka.properties the one of that port?",
                    options_.brokers, options_.open_timeout_us / 1'000'000,
                    last.message.empty() ? learned.error().message : last.message));
  }
}

// A topic counts only when all of its partitions have a leader. One that was known stays so: brokers come and go.
Status Cluster::learn_topics(int* brokers) {
  const rd_kafka_metadata_t* raw = nullptr;
  const int timeout_ms = to_ms(std::min<env::TimeUs>(options_.call_timeout_us, 3'000'000));
  if (const auto error = rd_kafka_metadata(client_->get(), 1, nullptr, &raw, timeout_ms))
    return tl::unexpected(error_of(error, "asking for the topics"));
  const Metadata metadata(raw);
  *brokers = metadata->broker_cnt;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    const auto ours = names_.find(topic.topic);
    if (!ours || topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const bool led = std::all_of(topic.partitions, topic.partitions + topic.partition_cnt,
                                 [](const auto& partition) { return partition.leader >= 0; });
    const size_t index = static_cast<size_t>(*ours);
    if (led || partitions_[index] != 0) partitions_[index] = static_cast<uint32_t>(topic.partition_cnt);
  }
  return {};
}

Status Cluster::create_topic(Topic topic, const TopicOptions& options) {
  // The brokers may have just come up: an election is under way, or one learns of the topic later than the others.
  const env::TimeUs end = clock_.monotonic_us() + options_.settle_timeout_us;
  bool made = false;
  while (true) {
    Status ready = make_ready(topic, options, &made);
    const bool later = !ready && (ready.error().code == Code::kNotFound || ready.error().code == Code::kRetry);
    if (!later || clock_.monotonic_us() > end) return ready;
    clock_.sleep_us(kLookAgainUs);
  }
}

Status Cluster::make_ready(Topic topic, const TopicOptions& options, bool* made) {
  int brokers = 0;
  FRESHET_TRY(learn_topics(&brokers));
  if (partitions(topic) == 0 && !*made) {
    FRESHET_TRY(create(topic, options, brokers));
    *made = true;
    FRESHET_TRY(learn_topics(&brokers));
  }
  if (partitions(topic) == 0)
    return fail(Code::kRetry,
                fmt::format("kafka: topic {} has partitions without a leader, the brokers that have them are away: "
                            "kafka-topics.sh --bootstrap-server {} --describe --unavailable-partitions names them",
                            names_.of(topic), options_.brokers));
  FRESHET_TRY(check(topic, options));
  return answers(topic);
}

// Whether every partition has a leader that knows it.
Status Cluster::answers(Topic topic) {
  std::vector<TopicPartition> all;
  for (uint32_t p = 0; p < partitions(topic); ++p) all.push_back({topic, p});
  const auto marks = watermarks(all);
  return marks ? Status{} : tl::unexpected(marks.error());
}

// A topic that somebody else has just created is as good.
Status Cluster::create(Topic topic, const TopicOptions& options, int brokers) {
  const NewTopic wanted = new_topic(options, brokers);
  char words[512];
  const NewTopicPtr made(rd_kafka_NewTopic_new(names_.of(topic), static_cast<int>(options.partitions),
                                               wanted.replication, words, sizeof words));
  if (made == nullptr) return fail(Code::kInvalid, fmt::format("kafka: topic {}: {}", names_.of(topic), words));
  for (const auto& [name, value] : wanted.settings)
    rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
  Queue queue(rd_kafka_queue_new(client_->get()));
  rd_kafka_NewTopic_t* list[] = {made.get()};
  rd_kafka_CreateTopics(client_->get(), list, 1, nullptr, queue.get());
  const std::string question = fmt::format("creating topic {}", names_.of(topic));
  FRESHET_ASSIGN(auto event, answer_to(options_, std::move(queue), question));
  size_t count = 0;
  const auto* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return tl::unexpected(error_of(error, question, why == nullptr ? "" : why));
  }
  return {};
}

// Where another topic has the configured number, somebody has added partitions to one of them, and no number that could
// be configured would be right for both.
Status Cluster::other_partitions(Topic topic, uint32_t configured) const {
  for (size_t i = 0; i < kTopics; ++i) {
    const auto other = static_cast<Topic>(i);
    if (other == topic || other == Topic::kSchema || partitions(other) != configured) continue;
    return fail(
        Code::kInvalid,
        fmt::format("kafka: topic {} has {} partitions, topic {} has {}: somebody has added some, and they can't "
                    "be taken away again. The state belongs to the smaller number: configure that one under "
                    "another log.kafka.topic_prefix and go on from a checkpoint "
                    "(docs/operations/checkpoints.md, Partitions that somebody added)",
                    names_.of(topic), partitions(topic), names_.of(other), configured));
  }
  return fail(Code::kInvalid,
              fmt::format("kafka: topic {} has {} partitions, but {} are configured: set log.partitions to "
                          "{}, or use another log.kafka.topic_prefix. If there is data, and partitions were added to "
                          "the topics, the state is still of the old number: docs/operations/checkpoints.md, "
                          "Partitions that somebody added",
                          names_.of(topic), partitions(topic), configured, partitions(topic)));
}

// Whether a topic that was there is one that Freshet can work with: the number of partitions decides where records
// lie, and its settings whether they stay.
Status Cluster::check(Topic topic, const TopicOptions& options) {
  const std::string name = names_.of(topic);
  if (partitions(topic) != options.partitions) return other_partitions(topic, options.partitions);
  FRESHET_ASSIGN(const Settings settings, describe(*client_, options_, RD_KAFKA_RESOURCE_TOPIC, name));
  const rd_kafka_metadata_t* raw = nullptr;
  const TopicHandle handle(rd_kafka_topic_new(client_->get(), name.c_str(), nullptr));
  if (const auto error = rd_kafka_metadata(client_->get(), 0, handle.get(), &raw, to_ms(options_.call_timeout_us)))
    return tl::unexpected(error_of(error, "asking for topic " + name));
  const Metadata metadata(raw);
  if (metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt == 0)
    return fail(Code::kNotFound, "kafka: a broker does not know topic " + name);
  const int replicas = metadata->topics[0].partitions[0].replica_cnt;
  if (replicas < new_topic(options, metadata->broker_cnt).replication)
    log::warn(
        "kafka: topic {} has {} replicas although there are {} brokers: kafka-reassign-partitions.sh gives it more",
        name, replicas, metadata->broker_cnt);
  if (const auto unread_ms = deletes_unread_ms(options, looked_up_in(settings)))
    log::warn(
        "kafka: topic {} is deleted from after {} h, whether it was read or not. Freshet deletes itself what is old "
        "and "
        "read: kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {} --add-config "
        "retention.ms=-1",
        name, *unread_ms / 3'600'000, options_.brokers, name);
  const auto wrong = wrong_settings(options, replicas, looked_up_in(settings));
  if (wrong.empty()) return {};
  std::string why, mend;
  for (const WrongSetting& one : wrong) {
    why += (why.empty() ? "" : "; ") + one.why;
    mend += (mend.empty() ? "" : ",") + one.mend;
  }
  return fail(
      Code::kInvalid,
      fmt::format("kafka: topic {} has settings that Freshet can't work with: {}. This mends it: kafka-configs.sh "
                  "--bootstrap-server {} --alter --entity-type topics --entity-name {} --add-config {}",
                  name, why, options_.brokers, name, mend));
}

// The setting bounds a batch, compressed: a record alone has its key and heads in it.
Result<size_t> Cluster::record_bytes_max(Topic topic) {
  FRESHET_ASSIGN(const Settings settings, describe(*client_, options_, RD_KAFKA_RESOURCE_TOPIC, names_.of(topic)));
  const auto found = looked_up_in(settings)("max.message.bytes");
  const int64_t bytes = found ? std::strtoll(found->c_str(), nullptr, 10) : kRecordBytesMax;
  if (bytes >= kRecordBytesMax) return SIZE_MAX;
  constexpr int64_t kBesideValue = 1024;
  return static_cast<size_t>(std::max<int64_t>(bytes - kBesideValue, 0));
}

// A broker that may not be described to us is taken for one as it is delivered.
Result<env::TimeUs> Cluster::lingers_us(Topic topic) {
  FRESHET_ASSIGN(const Settings of_topic, describe(*client_, options_, RD_KAFKA_RESOURCE_TOPIC, names_.of(topic)));
  const rd_kafka_metadata_t* raw = nullptr;
  const TopicHandle handle(rd_kafka_topic_new(client_->get(), names_.of(topic), nullptr));
  if (const auto error = rd_kafka_metadata(client_->get(), 0, handle.get(), &raw, to_ms(options_.call_timeout_us)))
    return tl::unexpected(error_of(error, "asking for the brokers"));
  const Metadata metadata(raw);
  Settings of_broker;
  if (metadata->broker_cnt > 0) {
    auto described = describe(*client_, options_, RD_KAFKA_RESOURCE_BROKER, std::to_string(metadata->brokers[0].id));
    if (described) of_broker = std::move(*described);
  }
  return kafka::lingers_us(looked_up_in(of_topic), looked_up_in(of_broker));
}

// ---- offsets --------------------------------------------------------------------------------------------------------

// Asks with the times -2 and -1 of the protocol, which stand for the low and the high watermark: one request for each
// broker, however many partitions.
Status Cluster::list_offsets(rd_kafka_topic_partition_list_t* list, const std::string& question) {
  auto error = rd_kafka_offsets_for_times(client_->get(), list, to_ms(options_.call_timeout_us));
  for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list->elems[i].err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  Error out = error_of(error, question);
  if (out.code == Code::kNotFound) out.code = Code::kRetry;  // there is such a topic: a broker has not heard of it yet
  return tl::unexpected(std::move(out));
}

Result<std::vector<Watermarks>> Cluster::watermarks(const std::vector<TopicPartition>& of, Upto upto) {
  std::vector<Watermarks> out(of.size());
  if (of.empty()) return out;
  for (const TopicPartition& one : of)
    if (!has(one)) return fail(Code::kNotFound, "kafka: there is no " + to_string(one));
  const PartitionList low = list_of(names_, of, RD_KAFKA_OFFSET_BEGINNING);
  const PartitionList high = list_of(names_, of, RD_KAFKA_OFFSET_END);
  FRESHET_TRY(list_offsets(low.get(), "asking for the low watermarks"));
  FRESHET_TRY(upto == Upto::kAppended ? list_ends(*client_, options_, high.get())
                                      : list_offsets(high.get(), "asking for the high watermarks"));
  for (size_t i = 0; i < of.size(); ++i) {
    const char* topic = names_.of(of[i].topic);
    const auto partition = static_cast<int32_t>(of[i].partition);
    out[i].low = rd_kafka_topic_partition_list_find(low.get(), topic, partition)->offset;
    out[i].high = std::max(out[i].low, rd_kafka_topic_partition_list_find(high.get(), topic, partition)->offset);
  }
  return out;
}

// The watermarks are asked for first: what comes between the two questions is young.
Result<std::vector<Offset>> Cluster::first_since(Topic topic, env::TimeUs time_us) {
  std::vector<TopicPartition> all;
  for (uint32_t p = 0; p < partitions(topic); ++p) all.push_back({topic, p});
  FRESHET_ASSIGN(const auto marks, watermarks(all));
  const PartitionList list = list_of(names_, all, std::max<int64_t>(time_us / 1000, 0));
  FRESHET_TRY(list_offsets(list.get(), fmt::format("asking for the age of {}", names_.of(topic))));
  std::vector<Offset> out;
  for (const TopicPartition& one : all) {
    const Offset found =
        rd_kafka_topic_partition_list_find(list.get(), names_.of(topic), static_cast<int32_t>(one.partition))->offset;
    out.push_back(found < 0 ? marks[one.partition].high : found);
  }
  return out;
}

// One client for each group and kind of reading, kept, as librdkafka finds a group's coordinator once for each.
Result<std::shared_ptr<Client>> Cluster::asker_of(const std::string& group, Offsets which) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Client>& asker = askers_[{group, which}];
  if (asker != nullptr) return asker;
  Client::Settings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.defaults = {{"session.timeout.ms", std::to_string(to_ms(options_.session_timeout_us))}};
  settings.fixed = {{"group.id", group},
                    {"isolation.level", which == Offsets::kDecided ? "read_committed" : "read_uncommitted"},
                    {"enable.auto.commit", "false"}};
  auto made = Client::open(options_, settings);
  if (!made) return made;
  rd_kafka_poll_set_consumer((*made)->get());
  return asker = std::move(*made);
}

Result<std::vector<std::optional<Committed>>> Cluster::committed(const std::string& group,
                                                                 const std::vector<TopicPartition>& of, Offsets which) {
  std::vector<std::optional<Committed>> out(of.size());
  if (of.empty()) return out;
  FRESHET_ASSIGN(const auto asker, asker_of(group, which));
  const std::string question = "asking for what group " + group + " has committed";
  const PartitionList list = list_of(names_, of, RD_KAFKA_OFFSET_INVALID);
  if (const auto error = rd_kafka_committed(asker->get(), list.get(), to_ms(options_.call_timeout_us)))
    return tl::unexpected(error_of(error, question));
  for (size_t i = 0; i < of.size(); ++i) {
    const rd_kafka_topic_partition_t* one =
        rd_kafka_topic_partition_list_find(list.get(), names_.of(of[i].topic), static_cast<int32_t>(of[i].partition));
    if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(error_of(one->err, question));
    if (one->offset < 0) continue;
    out[i] = Committed{one->offset, {static_cast<const char*>(one->metadata), one->metadata_size}};
  }
  return out;
}

Result<std::optional<Offset>> Cluster::place(const std::string& group, TopicPartition of) {
  FRESHET_ASSIGN(const auto found, committed(group, {of}));
  return found.front() ? std::optional(found.front()->next) : std::nullopt;
}

Status Cluster::commit(const std::string& group, const std::vector<Position>& places, const std::string& metadata) {
  FRESHET_ASSIGN(const auto asker, asker_of(group));
  const PartitionList list = make_list(places.size());
  for (const Position& place : places)
    add_committed(list.get(), names_.of(place.of.topic), place.of.partition, {place.next, metadata});
  if (const auto error = rd_kafka_commit(asker->get(), list.get(), 0))
    return tl::unexpected(error_of(error, "committing offsets of group " + group));
  return {};
}

// The brokers make member ids of these names and a random id of 36 letters.
Result<std::vector<std::string>> Cluster::members(const std::string& group) {
  constexpr size_t kRandomPart = 37;
  const rd_kafka_group_list* raw = nullptr;
  const auto error = rd_kafka_list_groups(client_->get(), group.c_str(), &raw, to_ms(options_.call_timeout_us));
  const GroupList groups(raw);
  // Another broker may be away: it is the group's own that knows.
  const bool known = error == RD_KAFKA_RESP_ERR__PARTIAL && groups != nullptr && groups->group_cnt > 0;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && !known)
    return tl::unexpected(error_of(error, "asking for the members of group " + group));
  std::vector<std::string> out;
  for (int g = 0; g < groups->group_cnt; ++g) {
    for (int m = 0; m < groups->groups[g].member_cnt; ++m) {
      const std::string_view id = groups->groups[g].members[m].member_id;
      out.emplace_back(id.substr(0, id.size() - std::min(id.size(), kRandomPart)));
    }
  }
  return out;
}

Status Cluster::delete_records(TopicPartition of, Offset before) {
  const DeleteRecords order(rd_kafka_DeleteRecords_new(list_of(names_, {of}, before).get()));
  rd_kafka_DeleteRecords_t* list[] = {order.get()};
  Queue queue(rd_kafka_queue_new(client_->get()));
  rd_kafka_DeleteRecords(client_->get(), list, 1, nullptr, queue.get());
  const std::string question = "deleting records of " + to_string(of);
  FRESHET_ASSIGN(auto event, answer_to(options_, std::move(queue), question));
  const auto* result = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  if (result->cnt != 1) return fail(Code::kRetry, "kafka: " + question + ": an answer without it");
  if (const auto error = result->elems[0].err) return tl::unexpected(error_of(error, question));
  return {};
}

}  // namespace freshet::eventlog::kafka
