// Nearly every record asks who has its first identifier and nothing else, so that is read without decoding the row.
#include "state/alias_row.h"

#include "state/wire.h"

namespace freshet::state {
namespace {

bool read_ref(std::string_view bytes, model::EntityRef& out) {
  v1::EntityRef ref;
  WireField field;
  while (!bytes.empty()) {
    if (!next_field(bytes, field) || field.type == kWireBytes) return false;
    switch (field.number) {
      case v1::EntityRef::kKindFieldNumber: ref.set_kind(static_cast<v1::EntityKind>(field.value)); break;
      case v1::EntityRef::kRankFieldNumber: ref.set_rank(static_cast<uint32_t>(field.value)); break;
      case v1::EntityRef::kSharedRootFieldNumber: ref.set_shared_root(field.value != 0); break;
      case v1::EntityRef::kIdHighFieldNumber: ref.set_id_high(field.value); break;
      case v1::EntityRef::kIdLowFieldNumber: ref.set_id_low(field.value); break;
      default: break;
    }
  }
  out = model::from_proto(ref);
  return true;
}

}  // namespace

void encode_alias(const Alias& alias, v1::AliasRow& row, std::string& bytes) {
  row.Clear();
  if (alias.held) to_proto(alias.ref, *row.mutable_ref());
  if (alias.use_time_us != 0 || !alias.use_message_id.empty()) {
    row.mutable_use()->set_time_us(alias.use_time_us);
    row.mutable_use()->set_message_id(alias.use_message_id);
  }
  row.set_generation(alias.generation);
  row.set_suppressed(alias.suppressed);
  row.mutable_claimants()->Add(alias.claimants.begin(), alias.claimants.end());
  row.set_common(alias.common);
  row.set_verified(alias.verified);
  row.mutable_verified_claimants()->Add(alias.verified_claimants.begin(), alias.verified_claimants.end());
  row.mutable_claim_days()->Add(alias.claim_days.begin(), alias.claim_days.end());
  row.SerializeToString(&bytes);
}

void decode_alias(const v1::AliasRow& row, Alias& alias) {
  alias.held = row.has_ref();
  if (alias.held) alias.ref = model::from_proto(row.ref());
  alias.use_time_us = row.use().time_us();
  alias.use_message_id = row.use().message_id();
  alias.generation = row.generation();
  alias.suppressed = row.suppressed();
  alias.claimants.assign(row.claimants().begin(), row.claimants().end());
  alias.common = row.common();
  alias.verified = row.verified();
  alias.verified_claimants.assign(row.verified_claimants().begin(), row.verified_claimants().end());
  alias.claim_days.assign(row.claim_days().begin(), row.claim_days().end());
}

std::optional<Holder> read_holder(std::string_view row) {
  Holder holder;
  WireField field;
  while (!row.empty()) {
    if (!next_field(row, field)) return std::nullopt;
    if (field.number == v1::AliasRow::kRefFieldNumber) {
      holder.held = true;
      if (field.type != kWireBytes || !read_ref(field.inside, holder.ref)) return std::nullopt;
    }
    if (field.number == v1::AliasRow::kSuppressedFieldNumber) holder.suppressed = field.value != 0;
  }
  return holder;
}

}  // namespace freshet::state
