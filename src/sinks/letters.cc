#include "sinks/letters.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/hash.h"
#include "freshet/v1/event.pb.h"
#include "model/letter_body.h"
#include "model/letter_id.h"

namespace freshet::sinks {

Status append_letter(eventlog::EventLog& log, const Around& around, eventlog::TopicPartition from, const Item& item,
                     std::string_view code, const std::string& why) {
  const bool event = from.topic == eventlog::Topic::kEvents;
  const std::string place =
      fmt::format("{}/{}/{}/{}", around.sink.name, name_of(from.topic), from.partition, item.offset);
  v1::DeadLetter letter;
  letter.set_id(model::letter_id(item.received_at_us, hash128(around.tenant + "/" + place)));
  letter.set_tenant(around.tenant);
  letter.set_source("sink");
  letter.set_code(std::string(code));
  letter.set_reason(fmt::format("sink {}: {}", place, why));
  model::put_body(letter, item.value, event ? v1::DeadLetter::JSON_ITEM : v1::DeadLetter::CHANGE);
  letter.set_endpoint("sink " + around.sink.name);
  letter.set_received_at_us(item.received_at_us);
  eventlog::Produce out;
  const uint32_t partitions = std::max(log.partitions(eventlog::Topic::kDeadLetters), 1U);
  out.to = {eventlog::Topic::kDeadLetters, partition_of(letter.id(), partitions)};
  out.records.add(letter.id(), letter.SerializeAsString());
  std::vector<eventlog::Produce> outputs;
  outputs.push_back(std::move(out));
  std::promise<Status> done;
  log.append(std::move(outputs), [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

}  // namespace freshet::sinks
