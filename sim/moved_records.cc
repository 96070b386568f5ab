#include "moved_records.h"

#include <deque>

#include "freshet/v1/envelope.pb.h"
#include "ingest/overflow/lane_key.h"

namespace freshet::sim {

void MovedRecords::add(const eventlog::Transaction& transaction) {
  for (const eventlog::Produce& produce : transaction.outputs) {
    if (produce.to.topic != Topic::kActions) continue;
    std::string_view data = produce.records.data(), key, value;
    bool corrupt = false;
    while (eventlog::next_record(data, key, value, &corrupt)) values_[produce.to.partition].emplace_back(value);
  }
}

uint64_t MovedRecords::moved() const {
  uint64_t sum = 0;
  for (const auto& [partition, values] : values_) sum += values.size();
  return sum;
}

void MovedRecords::check(const Broker& broker) const {
  struct Place {
    std::string lane;  // and its partition
    Offset offset;
  };
  std::map<std::string_view, std::deque<Place>> waited;
  for (uint32_t p = 0; p < broker.partitions(Topic::kOverflow); ++p)
    for (const eventlog::RecordView& record : broker.at({Topic::kOverflow, p}).records) {
      ingest::OverflowKey key;
      if (!ingest::parse_overflow_key(record.key, key)) continue;
      const std::string lane(record.key.substr(0, key.tenant.size() + 1));
      waited[record.value].push_back({std::to_string(p) + lane, record.offset});
    }
  for (const auto& [partition, values] : values_) {
    std::map<std::string, Offset> last;
    for (const std::string& value : values) {
      const auto found = waited.find(value);
      require(found != waited.end() && !found->second.empty(), "a record of overflow was moved twice");
      const Place place = found->second.front();
      found->second.pop_front();
      const auto [of_lane, first] = last.emplace(place.lane, place.offset);
      require(first || of_lane->second <= place.offset, "records of a lane change places in overflow");
      of_lane->second = place.offset;
    }
  }
  for (const auto& [value, places] : waited) require(places.empty(), "a record of overflow was never moved");
}

void check_arrival(const Broker& broker) {
  for (uint32_t p = 0; p < broker.partitions(Topic::kActions); ++p) {
    std::map<ingest::LaneName, int64_t> last;
    for (const eventlog::RecordView& record : broker.at({Topic::kActions, p}).records) {
      v1::Envelope envelope;
      if (!envelope.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) continue;
      if (envelope.kind() == v1::Envelope::LOOP || envelope.kind() == v1::Envelope::CONTROL) continue;
      int64_t& received_us = last[{envelope.tenant(), ingest::lane_kind_of(envelope)}];
      require(received_us <= envelope.received_at_us(), "a record overtook what waited in overflow");
      received_us = envelope.received_at_us();
    }
  }
}

}  // namespace freshet::sim
