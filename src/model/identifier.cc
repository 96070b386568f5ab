// Rules about identifiers that ingest and action share. They must agree to the byte: ingest chooses the partition of a
// record by the same key by which action asks who has the identifier.
#include "model/identifier.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/mutant.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/code_point.h"
#include "model/email.h"
#include "model/padding.h"
#include "model/unfilled.h"

namespace freshet::model {
namespace {

// What programs send when they have nothing to send. Thousands of people share each of them: as identifiers, they
// would join all of these into one profile.
constexpr std::array<std::string_view, 20> kBlocked = {
    "null", "undefined",       "none", "nil", "nan",    "true",   "false",   "anonymous", "guest",     "unknown",
    "-1",   "[object object]", "n/a",  "na",  "(null)", "<null>", "missing", "(none)",    "(not set)", "%!s(<nil>)"};
// More of these: texts of what is empty, and formats that nobody has filled in.
constexpr std::array<std::string_view, 12> kEmptied = {
    "{}", "[]", "(empty)", "infinity",         "-infinity", "invalid date", "optional(nil)", "optional.empty",
    "%s", "%d", "%@",      "not_authenticated"};
// The name of a field in the place of its value, as a header line that was repeated has it, and code with a quote too
// many. MoEngage and PostHog refuse them, too.
constexpr std::array<std::string_view, 15> kNamesOfFields = {
    "id",           "uid",        "userid",      "user_id",     "customerid",
    "customer_id",  "distinctid", "distinct_id", "anonymousid", "deviceid",
    "anonymous_id", "device_id",  "email",       "phone",       "user_attribute_unique_id"};
// Of devices that do not tell theirs: an Android id of many old phones, and the address that newer ones give to apps.
// The last is UUID's largest value, which is nobody's as the smallest is.
constexpr std::array<std::string_view, 3> kBlockedOfDevices = {"9774d56d682e549c", "02:00:00:00:00:00",
                                                               "ffffffff-ffff-ffff-ffff-ffffffffffff"};
constexpr std::string_view kBlank = " \t\r\n\v\f";
constexpr std::string_view kQuotes = "\"'`";
constexpr size_t kUuidBytes = 36;
constexpr size_t kMaskBytesMin = 3;
constexpr std::array<std::string_view, 2> kUuidsInCapitals = {"idfa", "idfv"};
constexpr std::array<std::string_view, 3> kUuidsInSmall = {"gaid", "oaid", "amazon_aid"};

std::string_view strip(std::string_view text, std::string_view what) {
  const size_t begin = text.find_first_not_of(what);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(what) - begin + 1);
}

}  // namespace

std::string_view without_padding(std::string_view text) {
  while (true) {
    text = strip(text, kBlank);
    if (text.empty()) return text;
    if (const CodePoint front = code_point(text); front.bytes > 1 && is_padding(front.letter)) {
      text.remove_prefix(front.bytes);
      continue;
    }
    size_t last = text.size() - 1;  // where the last code point begins
    while (last > 0 && text.size() - last < 4 && !begins_character(text[last])) --last;
    const CodePoint back = code_point(text.substr(last));
    if (back.bytes == 1 || back.bytes != text.size() - last || !is_padding(back.letter)) return text;
    text.remove_suffix(back.bytes);
  }
}

namespace {

// Advertising ids and their like are the same in capitals and in small letters (RFC 9562). Each has the case in which
// its platform writes it, which nearly all senders keep.
std::string normal_uuid(std::string_view type, std::string_view text) {
  std::string out(text);
  const bool capitals = std::find(kUuidsInCapitals.begin(), kUuidsInCapitals.end(), type) != kUuidsInCapitals.end();
  const bool small = std::find(kUuidsInSmall.begin(), kUuidsInSmall.end(), type) != kUuidsInSmall.end();
  if (!(capitals || small) || text.find_first_not_of("0123456789abcdefABCDEF-") != std::string_view::npos) return out;
  for (char& c : out) {
    if (capitals && c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    if (small && c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// REQUIRES: the word has no capitals.
bool is_word(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  return text.size() == word.size() && std::equal(text.begin(), text.end(), word.begin(), same);
}

// "0", "0000", "00000000-0000-0000-0000-000000000000", "00:00:00", and of wallets "0x0000"
bool is_all_zero(std::string_view text) {
  if (is_word(text.substr(0, 2), "0x")) text.remove_prefix(2);
  return text.find('0') != std::string_view::npos && text.find_first_not_of("0-:.{}") == std::string_view::npos;
}

// "-", "--", "?": what forms and tables have where there is nothing.
bool is_dashes(std::string_view text) { return text.find_first_not_of("-?") == std::string_view::npos; }

// "****": what masks have where something was.
bool is_masked(std::string_view text) {
  return text.size() >= kMaskBytesMin && text.find_first_not_of('*') == std::string_view::npos;
}

}  // namespace

const google::protobuf::RepeatedPtrField<std::string>& priority_of(v1::EntityKind kind, const v1::TenantRules& rules) {
  return kind == v1::ENTITY_KIND_DEVICE ? rules.device_priority() : rules.user_priority();
}

std::string normalize_identifier(std::string_view type, std::string_view value) {
  const std::string_view stripped = without_padding(value);
  if (type == kEmail) return normal_email(stripped);
  return stripped.size() == kUuidBytes ? normal_uuid(type, stripped) : std::string(stripped);
}

std::string normalize_identifier(const Tenant& tenant, std::string_view type, std::string_view value) {
  std::string sent = normalize_identifier(type, value);
  if (type != kPhone || tenant.phones.in_force() == PhoneSpelling::kAsSent) return sent;
  return normal_phone(sent, tenant.phones.default_country);
}

std::optional<std::string> other_spelling(const Tenant& tenant, std::string_view type, std::string_view value) {
  if (type != kPhone || tenant.phones.in_force() == PhoneSpelling::kAsSent) return std::nullopt;
  std::string sent = normalize_identifier(type, value);
  if (sent == normal_phone(sent, tenant.phones.default_country)) return std::nullopt;
  return sent;
}

bool is_blocked_identifier(std::string_view value, const v1::TenantRules& rules) {
  std::string_view bare = value;
  for (std::string_view before; before.size() != bare.size();) {
    before = bare;
    bare = strip(without_padding(bare), kQuotes);
  }
  if (bare.empty() || is_all_zero(bare) || is_dashes(bare) || is_masked(bare)) return true;
  if (is_unfilled_template(bare) || is_lost_value(bare)) return true;
  const auto is_it = [bare](std::string_view word) { return is_word(bare, word); };
  return std::any_of(kBlocked.begin(), kBlocked.end(), is_it) || std::any_of(kEmptied.begin(), kEmptied.end(), is_it) ||
         std::any_of(kNamesOfFields.begin(), kNamesOfFields.end(), is_it) ||
         std::any_of(kBlockedOfDevices.begin(), kBlockedOfDevices.end(), is_it) ||
         std::any_of(rules.blocked_values().begin(), rules.blocked_values().end(), is_it);
}

// The NULs keep the parts apart: a type "a" with the value "bc" is another identifier than "ab" with "c".
std::string identifier_key(std::string_view tenant, v1::EntityKind kind, const v1::Identifier& identifier) {
  std::string key;
  key.reserve(tenant.size() + identifier.type().size() + identifier.value().size() + 5);
  key.append(tenant);
  key += '\0';
  key += kind == v1::ENTITY_KIND_DEVICE ? 'd' : 'u';
  key += '\0';
  key.append(identifier.type());
  key += '\0';
  key.append(identifier.value());
  return key;
}

uint32_t home_of(std::string_view tenant, v1::EntityKind kind, const v1::Identifier& identifier, uint32_t partitions) {
  return freshet::partition_of(identifier_key(tenant, kind, identifier), partitions);
}

uint32_t rank_of(v1::EntityKind kind, std::string_view type, const v1::TenantRules& rules) {
  const auto& priority = priority_of(kind, rules);
  uint32_t rank = 0;
  while (rank < static_cast<uint32_t>(priority.size()) && priority[static_cast<int>(rank)] != type) ++rank;
  return rank;
}

bool is_shared(v1::EntityKind kind, std::string_view type, const v1::TenantRules& rules) {
  // A push token moves with the app's installation, to whichever device used it last.
  if (kind == v1::ENTITY_KIND_DEVICE) return type == "push_token" && !FRESHET_MUTANT(kTokenJoinsDevices);
  return std::find(rules.shared().begin(), rules.shared().end(), type) != rules.shared().end();
}

// A person has one user_id, unless the rules say otherwise for that very type: a default for all types does not make
// it two.
Hash128 value_hash(std::string_view key16, std::string_view tenant, std::string_view value) {
  const std::string_view stripped = strip(value, kBlank);
  std::string bytes;
  bytes.reserve(tenant.size() + stripped.size() + 7);
  bytes.append("value").append(1, '\0').append(tenant).append(1, '\0');
  for (const char c : stripped) bytes += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return keyed_hash128(key16, bytes);
}

uint32_t identifier_limit(std::string_view type, const v1::TenantRules& rules) {
  uint32_t rest = type == kUserId ? 1 : 5;
  for (const v1::IdentifierLimit& limit : rules.identifier_limits()) {
    if (limit.type() == type) return limit.max();
    if (limit.type() == "default" && type != kUserId) rest = limit.max();
  }
  return rest;
}

uint32_t merges_max(const v1::TenantRules& rules) { return rules.merges_max() != 0 ? rules.merges_max() : kMergesMax; }

uint32_t identifiers_max(const v1::TenantRules& rules) {
  return rules.identifiers_max() != 0 ? rules.identifiers_max() : kIdentifiersMax;
}

uint32_t claimants_max(const v1::TenantRules& rules) {
  return rules.claimants_max() != 0 ? rules.claimants_max() : kClaimantsMax;
}

bool moves_on_conflict(std::string_view type, const v1::TenantRules& rules) {
  return std::find(rules.conflict_move().begin(), rules.conflict_move().end(), type) != rules.conflict_move().end();
}

void sort_identifiers(v1::EntityKind kind, const v1::TenantRules& rules,
                      google::protobuf::RepeatedPtrField<v1::Identifier>& identifiers) {
  if (identifiers.size() < 2) return;
  const auto before = [&](const v1::Identifier& a, const v1::Identifier& b) {
    const uint32_t rank_a = rank_of(kind, a.type(), rules);
    const uint32_t rank_b = rank_of(kind, b.type(), rules);
    if (rank_a != rank_b) return rank_a < rank_b;
    return a.type() != b.type() ? a.type() < b.type() : a.value() < b.value();
  };
  std::sort(identifiers.begin(), identifiers.end(), before);
  const auto same = [](const v1::Identifier& a, const v1::Identifier& b) {
    return a.type() == b.type() && a.value() == b.value();
  };
  const auto end = std::unique(identifiers.begin(), identifiers.end(), same);
  identifiers.erase(end, identifiers.end());
}

}  // namespace freshet::model
