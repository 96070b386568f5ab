// What a batch is made of is exact: nothing is reckoned from rates. What codecs cost is the processor time of this
// thread on this machine, which others have in proportion.
#include "fleet/watch/live_batches.h"

#include <algorithm>
#include <array>

#include "base/saturated.h"
#include "cluster/protocol/errors.h"
#include "cluster/protocol/record_batch.h"
#include "env/cpu_time.h"

namespace freshet::fleet {
namespace {

namespace protocol = cluster::protocol;

constexpr size_t kTopicsALook = 2;
constexpr env::TimeUs kSampleEveryUs = 60'000'000;
constexpr int32_t kFetchBytes = 256 << 10;
constexpr size_t kRawBytesMost = 1 << 20;  // of a sample
constexpr int64_t kMessagesLeast = 10;     // in which a batch can be seen to be one

// Kafka's numbers of codecs are those of Compression.
Compression codec_of(protocol::Packing packing) { return static_cast<Compression>(packing); }
static_assert(static_cast<uint8_t>(Compression::kZstd) == static_cast<uint8_t>(protocol::Packing::kZstd));

CodecCost cost_of(protocol::Packing packing, const std::vector<std::string_view>& batches) {
  CodecCost out;
  const env::TimeUs begin_us = env::thread_cpu_us();
  for (const std::string_view batch : batches) out.bytes += protocol::pack(packing, batch).size();
  out.cpu_us = env::thread_cpu_us() - begin_us;
  return out;
}

// Where records end does not matter to a codec: pieces of the whole are as good as batches of whole records.
std::vector<std::string_view> in_large_batches(std::string_view records) {
  std::vector<std::string_view> out;
  for (; !records.empty(); records.remove_prefix(out.back().size())) out.push_back(records.substr(0, kLargeBatchBytes));
  return out;
}

// Each codec packs the same bytes twice: as they came, and as a longer linger would send them.
void measure_codecs(const std::vector<std::string>& unpacked, TopicSample& out) {
  std::string all;
  for (const std::string& records : unpacked) all += records;
  const std::vector<std::string_view> as_they_are(unpacked.begin(), unpacked.end());
  const std::vector<std::string_view> large = in_large_batches(all);
  out.raw_bytes = all.size();
  out.lz4 = cost_of(protocol::Packing::kLz4, as_they_are);
  out.zstd = cost_of(protocol::Packing::kZstd, as_they_are);
  out.lz4_large = cost_of(protocol::Packing::kLz4, large);
  out.zstd_large = cost_of(protocol::Packing::kZstd, large);
}

// What was read, as a sample; without batches if there was none that is whole, or what was read is damaged.
TopicSample sample_of(std::string_view records) {
  TopicSample out;
  std::array<uint32_t, 5> by_codec{};
  std::vector<std::string> unpacked;
  size_t room = kRawBytesMost;
  const auto batches = protocol::batches_in(records);
  if (!batches) return out;
  for (const protocol::Batch& batch : *batches) {
    if (batch.control || batch.records == 0) continue;
    auto raw = protocol::unpack(batch.packing, batch.packed, room);
    if (!raw) break;
    room -= raw->size();
    out.batches.push_back(
        {batch.producer_id, batch.first_ms, batch.records, batch.bytes, static_cast<uint32_t>(raw->size())});
    ++by_codec[static_cast<size_t>(batch.packing)];
    unpacked.push_back(*std::move(raw));
  }
  const auto most = std::ranges::max_element(by_codec);
  out.codec = codec_of(static_cast<protocol::Packing>(most - by_codec.begin()));
  measure_codecs(unpacked, out);
  return out;
}

}  // namespace

// Those to be read now, the fastest first.
std::vector<LiveBatches::Growth> LiveBatches::grown(const Look& look) {
  std::vector<Growth> out;
  for (uint32_t t = 0; t < look.topics.size(); ++t) {
    const TopicSeen& topic = look.topics[t];
    if (topic.name == skipped_ || topic.name.starts_with("__")) continue;
    Known& known = topics_[topic.name];
    Growth growth{.topic = t, .known = &known};
    // What came since the last look is read from where the log ended then: newest, and never twice.
    int64_t most = 0;
    for (uint32_t p = 0; p < std::min(topic.partitions.size(), known.ends.size()); ++p) {
      const int64_t messages = topic.partitions[p].end - known.ends[p];
      if (known.ends[p] == kNotSeen || topic.partitions[p].leader < 0 || messages <= 0) continue;
      growth.messages = saturated_sum(growth.messages, messages);
      if (messages <= most) continue;
      most = messages;
      growth.partition = p;
      growth.from = std::max(known.ends[p], topic.partitions[p].start);
    }
    const bool due = !known.sampled || look.at_us - known.sampled_us >= kSampleEveryUs;
    known.look = look_;
    known.ends.clear();
    for (const PartitionSeen& partition : topic.partitions) known.ends.push_back(partition.end);
    if (due && !known.refused && most >= kMessagesLeast) out.push_back(growth);
  }
  const size_t count = std::min(out.size(), kTopicsALook);
  std::ranges::partial_sort(out, out.begin() + static_cast<std::ptrdiff_t>(count), std::greater(), &Growth::messages);
  out.resize(count);
  return out;
}

void LiveBatches::run(protocol::Client& client, Look& look) {
  ++look_;
  for (const Growth& growth : grown(look)) sample(client, growth, look);
  std::erase_if(topics_, [&](const auto& entry) { return entry.second.look != look_; });
}

// Whoever may not read a topic is not asked again: its owner has not given leave, and each try would be in its log.
void LiveBatches::sample(protocol::Client& client, const Growth& growth, Look& look) const {
  growth.known->sampled = true;
  growth.known->sampled_us = look.at_us;
  const TopicSeen& topic = look.topics[growth.topic];
  protocol::FetchRequest request;
  protocol::FetchRequest::Partition from;
  from.index = static_cast<int32_t>(growth.partition);
  from.offset = growth.from;
  from.bytes_max = kFetchBytes;
  request.wait_ms = 0;
  request.bytes_max = kFetchBytes;
  request.topics = {{topic.name, {from}}};
  const auto answer = client.ask(topic.partitions[growth.partition].leader, request);
  if (!answer || answer->topics.size() != 1 || answer->topics.front().partitions.size() != 1) return;
  const auto& read = answer->topics.front().partitions.front();
  growth.known->refused = read.error == protocol::kTopicAuthorizationFailed;
  if (read.error != protocol::kNoError || !read.records) return;
  TopicSample sample = sample_of(*read.records);
  sample.topic = growth.topic;
  if (!sample.batches.empty()) look.samples.push_back(std::move(sample));
}

}  // namespace freshet::fleet
