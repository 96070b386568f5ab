#include "mirror_clients.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "mirror/transform.h"

namespace freshet::sim {
namespace {

using State = testing::FakeTransaction::State;

constexpr size_t kClients = 4;
constexpr size_t kKeys = 14;

}  // namespace

std::string text_of(const testing::FakeRecord& record) {
  std::string id = "?";
  for (const auto& [name, value] : record.headers)
    if (name == "id") id = value.value_or("");
  return fmt::format("{}@{}={}", id, record.timestamp_ms, record.value ? record.value->substr(0, 12) : "(none)");
}

MirrorClients::MirrorClients(Dice& dice, Probes& probes, testing::FakeCluster& source,
                             std::vector<MirroredTopic>& topics)
    : dice_(dice), probes_(probes), source_(source), topics_(topics), clients_(kClients) {
  const bool transactions = dice_.one_in(2);
  for (size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].transactional = transactions && i % 2 == 0;
    clients_[i].notices_after = dice_.between(0, kMetadataAgeUs);
  }
}

void MirrorClients::step() {
  const size_t who = dice_.roll(clients_.size());
  if (clients_[who].open && dice_.one_in(2)) return end(who);
  MirroredTopic& topic = topics_[dice_.roll(topics_.size())];
  for (size_t left = 1 + dice_.roll(5); left > 0; --left) send(who, topic);
}

uint32_t MirrorClients::partitions_known(Client& client, const MirroredTopic& topic) {
  uint32_t& known = client.knows[topic.name];
  const uint32_t there = source_.partitions(topic.name);
  if (known == 0 || source_.clock.now - topic.grown_at >= client.notices_after) known = there;
  return known;
}

void MirrorClients::send(size_t who, MirroredTopic& topic) {
  Client& client = clients_[who];
  const uint32_t known = partitions_known(client, topic);
  const std::string id = std::to_string(++count_);
  testing::FakeRecord record;
  record.timestamp_ms = source_.clock.now_us() / 1000;
  record.headers.emplace_back("id", id);
  if (!dice_.one_in(9)) record.value = "v" + id;
  Sent sent;
  std::string key = fmt::format("k{}", who + kClients * dice_.roll(kKeys / 2));
  if (dice_.one_in(12) && topic.rule.keyless != mirror::Keyless::kStop) {
    sent.partition = static_cast<int32_t>(dice_.roll(known));
    key = fmt::format("#{}", sent.partition);
    if (topic.rule.partitions > 0 && topic.rule.keyless == mirror::Keyless::kSetAside)
      sent.destiny = Destiny::kSetAside;
  } else {
    sent.partition = static_cast<int32_t>(partition_of(key, known));
    record.key = key;
    if (sent.partition != static_cast<int32_t>(partition_of(key, topic.source_partitions)))
      probes_.hit(Probe::kMirrorMovedKey);
  }
  if (topic.limited && dice_.one_in(30)) {
    record.value = id + std::string(kRecordBytesMax, 'x');
    sent.destiny = Destiny::kSetAside;
  }
  if (topic.punctual && dice_.one_in(30)) {
    record.timestamp_ms += 100 * kFutureMostMs;
    sent.destiny = Destiny::kSetAside;
    probes_.hit(Probe::kMirrorRefusedRecord);
  }
  if (dice_.one_in(40)) {
    record.headers.emplace_back(std::string(mirror::kRouteHeader), "back");
    sent.destiny = Destiny::kSentBack;
  }
  if (client.transactional && client.open == nullptr) {
    client.open = std::make_shared<testing::FakeTransaction>();
    source_.producers[fmt::format("client-{}", who)] = {1, client.open};
  }
  auto& log = source_.topics.at(topic.name).at(static_cast<size_t>(sent.partition));
  sent.text = text_of(record);
  sent.offset = static_cast<int64_t>(log.entries.size());
  sent.transaction = client.open;
  if (client.open) client.open->touched.insert({topic.name, sent.partition});
  log.entries.push_back({std::move(record), client.open, false});
  sent_[topic.name][key].push_back(std::move(sent));
}

void MirrorClients::end(size_t who) {
  Client& client = clients_[who];
  if (!client.open) return;
  const bool aborted = dice_.one_in(3);
  if (aborted) probes_.hit(Probe::kMirrorSourceAborted);
  source_.end(*client.open, aborted ? State::kAborted : State::kCommitted);
  client.open.reset();
}

void MirrorClients::finish() {
  for (size_t i = 0; i < clients_.size(); ++i) end(i);
}

}  // namespace freshet::sim
