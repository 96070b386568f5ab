#include "ingest/overflow/lane_key.h"

#include "base/assert.h"
#include "base/saturated.h"

namespace freshet::ingest {
namespace {

constexpr char kLiveMark = 'l';
constexpr char kBackfillMark = 'b';
constexpr int64_t kOldUs = 86'400ll * 1'000'000;

}  // namespace

LaneKind lane_kind_of(const v1::Envelope& envelope) {
  const bool is_data = envelope.kind() == v1::Envelope::TRACK || envelope.kind() == v1::Envelope::IDENTIFY ||
                       envelope.kind() == v1::Envelope::DEVICE;
  const bool is_old = saturated_difference(envelope.received_at_us(), envelope.time_us()) > kOldUs;
  return is_data && is_old ? LaneKind::kBackfill : LaneKind::kLive;
}

std::string overflow_key(const LaneName& lane, std::string_view key_in_actions) {
  // Names of tenants have no slash, so the first one ends the name.
  FRESHET_ASSERT(!lane.tenant.empty() && lane.tenant.find('/') == std::string::npos);
  std::string out;
  out.reserve(lane.tenant.size() + key_in_actions.size() + 2);
  out += lane.kind == LaneKind::kLive ? kLiveMark : kBackfillMark;
  out += lane.tenant;
  out += '/';
  out += key_in_actions;
  return out;
}

bool parse_overflow_key(std::string_view key, OverflowKey& out) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos || slash < 2) return false;
  if (key[0] != kLiveMark && key[0] != kBackfillMark) return false;
  out.kind = key[0] == kLiveMark ? LaneKind::kLive : LaneKind::kBackfill;
  out.tenant = key.substr(1, slash - 1);
  out.key_in_actions = key.substr(slash + 1);
  return true;
}

}  // namespace freshet::ingest
