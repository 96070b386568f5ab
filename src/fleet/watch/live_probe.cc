// A topic of the probe's name that holds anything but probes is somebody's: nothing is written to it.
#include "fleet/watch/live_probe.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "cluster/protocol/errors.h"
#include "cluster/protocol/record_batch.h"

namespace freshet::fleet {
namespace {

namespace protocol = cluster::protocol;

constexpr std::string_view kMagic = "freshet-probe/1 ";
constexpr size_t kNameBytes = 8;
constexpr size_t kProbeReplicas = 3;
constexpr size_t kProbeBytesMost = 1 << 16;  // of a probe's batch, unpacked
constexpr int32_t kFetchWaitMs = 500;

// Brokers are numbered zone by zone in turn, so the next ones are in other zones.
std::vector<int32_t> replicas_from(const std::vector<int32_t>& brokers, size_t first) {
  std::vector<int32_t> out;
  for (size_t i = 0; i < std::min(kProbeReplicas, brokers.size()); ++i)
    out.push_back(brokers[(first + i) % brokers.size()]);
  return out;
}

std::vector<int32_t> broker_ids(const protocol::MetadataResponse& metadata) {
  std::vector<int32_t> out;
  for (const auto& broker : metadata.brokers) out.push_back(broker.id);
  std::ranges::sort(out);
  return out;
}

// That somebody else made the topic meanwhile, such as a second watcher, is as good.
template <class Answer>
Status first_error(const Answer& answer, int16_t key, const std::string& topic) {
  for (const auto& each : answer.topics) {
    if (each.error != protocol::kNoError && each.error != protocol::kTopicAlreadyExists)
      return tl::unexpected(
          protocol::error_of(each.error, fmt::format("{} of {}", protocol::key_name(key), topic), each.message));
  }
  return {};
}

// The one partition of the one topic that was asked for.
template <class Answer>
auto only_partition(const Answer& answer) -> decltype(&answer.topics.front().partitions.front()) {
  const bool one = answer.topics.size() == 1 && answer.topics.front().partitions.size() == 1;
  return one ? &answer.topics.front().partitions.front() : nullptr;
}

tl::unexpected<Error> no_answer() { return fail(Code::kCorrupt, "the broker answers about something else"); }

Result<int64_t> offset_at(protocol::Client& client, int32_t broker, const std::string& topic, int32_t partition,
                          int64_t time_ms) {
  protocol::ListOffsetsRequest request;
  request.topics = {{topic, {{partition, -1, time_ms}}}};
  FRESHET_ASSIGN(const auto answer, client.ask(broker, request));
  const auto* const found = only_partition(answer);
  if (found == nullptr) return no_answer();
  if (found->error != protocol::kNoError)
    return tl::unexpected(protocol::error_of(found->error, fmt::format("offsets of {}[{}]", topic, partition)));
  return found->offset;
}

}  // namespace

LiveProbe::LiveProbe(std::string topic, env::TimeUs timeout_us, env::Clock& clock, env::Random& random)
    : topic_(std::move(topic)), timeout_us_(timeout_us), clock_(clock), name_(to_hex(random.bytes(kNameBytes))) {}

// Each broker once, in a partition that it leads, whichever that is at the moment: leaders move.
void LiveProbe::run(protocol::Client& client, const Metadata& metadata, Look& look) {
  look.probes_on = true;
  const auto doubt = [&](const Status& status) {
    if (!status) look.doubts.push_back("probe: " + status.error().message);
  };
  const auto found = std::ranges::find(metadata.topics, topic_, &Metadata::Topic::name);
  if (found == metadata.topics.end()) return doubt(make_topic(client, metadata));
  doubt(add_partitions(client, metadata, *found));
  std::set<int32_t> probed;
  for (const auto& partition : found->partitions) {
    const bool lives =
        std::ranges::find(metadata.brokers, partition.leader, &Metadata::Broker::id) != metadata.brokers.end();
    if (!lives || !probed.insert(partition.leader).second) continue;
    look.probes.push_back(probe(client, partition.leader, partition.index));
  }
}

// Small: what is in it is read once, a moment after it was written.
Status LiveProbe::make_topic(protocol::Client& client, const Metadata& metadata) const {
  const std::vector<int32_t> brokers = broker_ids(metadata);
  protocol::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = topic_;
  for (size_t i = 0; i < brokers.size(); ++i)
    topic.assignments.push_back({static_cast<int32_t>(i), replicas_from(brokers, i)});
  topic.configs = {{"min.insync.replicas", brokers.size() < kProbeReplicas ? "1" : "2"},
                   {"cleanup.policy", "delete"},
                   {"retention.ms", "3600000"},
                   {"segment.bytes", "1048576"}};
  FRESHET_ASSIGN(const auto answer, client.ask_controller(request));
  return first_error(answer, protocol::CreateTopicsRequest::kKey, topic_);
}

// A broker that came later gets a partition, too, as it has none in which it is the preferred leader.
Status LiveProbe::add_partitions(protocol::Client& client, const Metadata& metadata,
                                 const Metadata::Topic& topic) const {
  const std::vector<int32_t> brokers = broker_ids(metadata);
  std::set<int32_t> preferred;
  for (const auto& partition : topic.partitions)
    if (!partition.replicas.empty()) preferred.insert(partition.replicas.front());
  std::vector<protocol::CreatePartitionsRequest::Assignment> added;
  for (size_t i = 0; i < brokers.size(); ++i)
    if (!preferred.contains(brokers[i])) added.push_back({replicas_from(brokers, i)});
  if (added.empty() || topic.partitions.size() >= brokers.size()) return {};
  // All partitions have the same number of replicas, or the brokers refuse.
  for (auto& each : added)
    each.replicas.resize(std::min(each.replicas.size(), topic.partitions.front().replicas.size()));
  protocol::CreatePartitionsRequest request;
  request.topics = {{topic_, static_cast<int32_t>(topic.partitions.size() + added.size()), std::move(added)}};
  FRESHET_ASSIGN(const auto answer, client.ask_controller(request));
  return first_error(answer, protocol::CreatePartitionsRequest::kKey, topic_);
}

// The values from this offset on, as far as one answer has them.
Result<std::vector<std::string>> LiveProbe::read(protocol::Client& client, int32_t broker, int32_t partition,
                                                 int64_t offset) const {
  protocol::FetchRequest request;
  protocol::FetchRequest::Partition from;
  from.index = partition;
  from.offset = offset;
  from.bytes_max = kProbeBytesMost;
  request.wait_ms = kFetchWaitMs;
  request.topics = {{topic_, {from}}};
  FRESHET_ASSIGN(const auto answer, client.ask(broker, request));
  const auto* const found = only_partition(answer);
  if (answer.error == protocol::kNoError && found == nullptr) return no_answer();
  const int16_t error = answer.error != protocol::kNoError ? answer.error : found->error;
  if (error != protocol::kNoError)
    return tl::unexpected(protocol::error_of(error, fmt::format("reading {}[{}]", topic_, partition)));
  std::vector<std::string> out;
  FRESHET_ASSIGN(const auto batches, protocol::batches_in(found->records.value_or("")));
  for (const protocol::Batch& batch : batches) {
    if (batch.control) continue;
    FRESHET_ASSIGN(const std::string records, protocol::unpack(batch.packing, batch.packed, kProbeBytesMost));
    FRESHET_ASSIGN(const auto values, protocol::values_of(records, batch.records));
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

// The oldest record that the partition has tells whose topic it is.
Status LiveProbe::check_ours(protocol::Client& client, int32_t broker, int32_t partition) {
  auto known = ours_.find(partition);
  if (known == ours_.end()) {
    FRESHET_ASSIGN(const int64_t start, offset_at(client, broker, topic_, partition, protocol::kEarliest));
    FRESHET_ASSIGN(const int64_t end, offset_at(client, broker, topic_, partition, protocol::kLatest));
    std::vector<std::string> values;
    if (start < end) {
      FRESHET_ASSIGN(values, read(client, broker, partition, start));
    }
    const bool ours = std::ranges::all_of(values, [](const std::string& v) { return v.starts_with(kMagic); });
    known = ours_.emplace(partition, ours).first;
  }
  if (known->second) return {};
  return fail(Code::kInvalid, fmt::format("topic {} holds records that are no probes: give watch.probe a name that "
                                          "nobody else uses",
                                          topic_));
}

Status LiveProbe::there_and_back(protocol::Client& client, int32_t partition, ProbeSeen& out) {
  FRESHET_TRY(check_ours(client, out.broker, partition));
  protocol::NewBatch batch;
  batch.time_ms = clock_.now_us() / 1000;
  batch.values = {fmt::format("{}{} {}", kMagic, name_, ++count_)};
  protocol::ProduceRequest request;
  request.timeout_ms = static_cast<int32_t>(timeout_us_ / 1000);
  request.topics = {{topic_, {{partition, protocol::encode_batch(batch)}}}};
  const env::TimeUs begin_us = clock_.monotonic_us();
  FRESHET_ASSIGN(const auto answer, client.ask(out.broker, request));
  const auto* const written = only_partition(answer);
  if (written == nullptr) return no_answer();
  if (written->error != protocol::kNoError)
    return tl::unexpected(
        protocol::error_of(written->error, fmt::format("writing {}[{}]", topic_, partition), written->message));
  out.written_us = clock_.monotonic_us() - begin_us;
  // What all replicas have can be read at once, but a leader may tell readers so a moment later.
  do {
    FRESHET_ASSIGN(const auto values, read(client, out.broker, partition, written->base_offset));
    if (!values.empty() && values.front() != batch.values.front())
      return fail(Code::kCorrupt, fmt::format("{}[{}] at {} reads as another record than was written there", topic_,
                                              partition, written->base_offset));
    out.back_us = clock_.monotonic_us() - begin_us;
    if (!values.empty()) return {};
  } while (out.back_us < timeout_us_);
  return fail(Code::kRetry,
              fmt::format("{}[{}] at {} was written, and can't be read", topic_, partition, written->base_offset));
}

ProbeSeen LiveProbe::probe(protocol::Client& client, int32_t broker, int32_t partition) {
  ProbeSeen out;
  out.broker = broker;
  if (const Status status = there_and_back(client, partition, out); !status) out.error = status.error().message;
  return out;
}

}  // namespace freshet::fleet
