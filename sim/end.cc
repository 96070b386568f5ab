// Decodes the log, the states and the documents of a finished run.

#include "end.h"

#include <fmt/core.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <numeric>
#include <optional>

#include "base/big_endian.h"
#include "model/packed_state.h"

namespace freshet::sim {

std::string text_of(const Key& key) { return fmt::format("{:016x}{:016x}", key.first, key.second); }

Key key_of_bytes(std::string_view bytes) {
  require(bytes.size() == 16, "an id has not 16 bytes");
  return {read_big_endian<uint64_t>(bytes), read_big_endian<uint64_t>(bytes.substr(8))};
}

bool is_data(const v1::Envelope& record) {
  return record.kind() == v1::Envelope::TRACK || record.kind() == v1::Envelope::IDENTIFY ||
         record.kind() == v1::Envelope::DEVICE;
}

End::End(const Scenario& asked, const Broker& broker, const std::vector<const Rows*>& rows,
         const std::map<std::string, v1::Document>& stored)
    : scenario(asked), log(broker) {
  read_log(broker);
  for (const Rows* of : rows) read_state(*of);
  for (const auto& [key, document] : stored) documents[key_of_bytes(key.substr(key.size() - 16))] = document;
}

namespace {

// The kind of an envelope, without reading the rest of it: most records are messages between
// partitions, which no check needs.
int kind_of(std::string_view envelope) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(envelope.data()),
                                            static_cast<int>(envelope.size()));
  while (const uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) == v1::Envelope::kKindFieldNumber) {
      uint32_t kind = 0;
      require(in.ReadVarint32(&kind), "no envelope in the log");
      return static_cast<int>(kind);
    }
    require(WireFormatLite::SkipField(&in, tag), "no envelope in the log");
  }
  return v1::Envelope::KIND_UNSPECIFIED;
}

// The text that follows `"KEY":` in an event; these have nothing to unescape.
std::string text_in(std::string_view event, std::string_view key) {
  const std::string begin = fmt::format("\"{}\":\"", key);
  size_t at = event.find(begin);
  require(at != std::string_view::npos, [&] { return fmt::format("an event without {}", key); });
  at += begin.size();
  return std::string(event.substr(at, event.find('"', at) - at));
}

// nullopt: it tells of something else.
std::optional<AudienceEvent> move_of(std::string_view event) {
  if (event.find(R"("source":"audiences")") == std::string_view::npos) return std::nullopt;
  return AudienceEvent{text_in(event, "tenant"), text_in(event, "message_id"), text_in(event, "user"),
                       text_in(event, "audience"), text_in(event, "event") == "Audience Entered"};
}

}  // namespace

void End::read_log(const Broker& broker) {
  std::set<std::pair<std::string, std::string>> known;
  for (uint32_t p = 0; p < broker.partitions(Topic::kActions); ++p)
    for (const eventlog::RecordView& view : broker.at({Topic::kActions, p}).records) {
      const int kind = kind_of(view.value);
      if (kind == v1::Envelope::LOOP || kind == v1::Envelope::CONTROL) continue;  // most records are of these kinds
      v1::Envelope record;
      require(record.ParseFromArray(view.value.data(), static_cast<int>(view.value.size())), "no envelope in the log");
      if (known.emplace(record.tenant(), record.message_id()).second) {
        records.push_back(std::move(record));
      } else {
        ++repeated;
      }
    }
  for (uint32_t p = 0; p < broker.partitions(Topic::kEvents); ++p)
    for (const eventlog::RecordView& view : broker.at({Topic::kEvents, p}).records)
      if (auto move = move_of(view.value)) moves.push_back(std::move(*move));
  for (uint32_t p = 0; p < broker.partitions(Topic::kDeadLetters); ++p)
    for (const eventlog::RecordView& view : broker.at({Topic::kDeadLetters, p}).records) {
      v1::DeadLetter letter;
      require(letter.ParseFromArray(view.value.data(), static_cast<int>(view.value.size())), "no dead letter");
      dead_letters.insert(letter.tenant() + "/" + letter.message_id());
      if (letter.code() == "person_limit") ++limited;
      // Nobody forges messages here: one that was set aside is a fault of the protocol.
      require(letter.code() != "bad_message", [&] { return "a message was set aside: " + letter.reason(); });
    }
}

void End::read_state(const Rows& rows) {
  for (const auto& [key, row] : rows) {
    bool readable = true;
    if (key[0] == 'a') readable = aliases[key.substr(1)].ParseFromString(row);
    if (key[0] == 'm') readable = metas.emplace_back().ParseFromString(row);
    if (key[0] == 'e') {
      v1::EntityState& entity = entities[key_of_bytes(key.substr(1))];
      readable = entity.ParseFromString(row);
      model::unpack(entity);
    }
    require(readable, "a row of the state can't be read");
  }
}

uint64_t End::erased_messages() const {
  return std::accumulate(metas.begin(), metas.end(), uint64_t{0},
                         [](uint64_t sum, const v1::PartitionMeta& meta) { return sum + meta.erased_messages(); });
}

uint64_t End::limited_messages() const {
  return std::accumulate(metas.begin(), metas.end(), uint64_t{0},
                         [](uint64_t sum, const v1::PartitionMeta& meta) { return sum + meta.limited_messages(); });
}

Key End::survivor(Key key) const {
  // The checks have made sure before that redirects end.
  while (entities.at(key).status() == v1::EntityState::REDIRECT) key = key_of(entities.at(key).target());
  return key;
}

std::vector<const v1::EntityState*> End::live(v1::EntityKind kind) const {
  std::vector<const v1::EntityState*> out;
  for (const auto& [key, entity] : entities)
    if (entity.status() == v1::EntityState::LIVE && entity.ref().kind() == kind) out.push_back(&entity);
  return out;
}

}  // namespace freshet::sim
