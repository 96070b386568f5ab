// What the fuzz targets of the adapters share: one input must give the same result twice, with every item accounted
// for.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "ingest/items/parsed.h"

namespace freshet::ingest {

// Everything that the result says. Aborts where it contradicts itself.
template <class Parse>
std::string fuzz_once(const Parse& parse) {
  static const model::Tenant tenant = model::default_tenant("fuzz");
  const auto registry = schema::make_registry();
  const auto session = registry->begin(tenant, 1);
  google::protobuf::Arena arena;
  const AdapterContext context{.tenant = tenant,
                               .schema = *session,
                               .received_at_us = 1'767'312'000'000'000,
                               .endpoint = "/fuzz",
                               .random_id = "0123456789abcdef"};
  const ParseResult result = parse(context, arena);
  if (!result) return result.error().message;
  if (result->envelopes.size() + result->rejected.size() != result->item_count) std::abort();
  if (result->envelopes.size() != result->items.size()) std::abort();
  std::string out;
  for (const v1::Envelope* const envelope : result->envelopes) {
    if (envelope->user().empty() && envelope->device().empty()) std::abort();
    if (envelope->message_id().empty() || envelope->kind() == v1::Envelope::KIND_UNSPECIFIED) std::abort();
    if (envelope->time_us() > envelope->received_at_us()) std::abort();
    out += envelope->SerializeAsString();
  }
  for (const Rejection& rejection : result->rejected) {
    if (rejection.code.empty() || rejection.message.empty()) std::abort();
    out += rejection.code + rejection.item;
  }
  return out;
}

template <class Parse>
void fuzz(const Parse& parse) {
  if (fuzz_once(parse) != fuzz_once(parse)) std::abort();
}

}  // namespace freshet::ingest
