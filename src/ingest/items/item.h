// One item of a request on its way to an envelope: what every adapter does with names, values and times; with
// identifiers: identity.h. The functions return how it went, and a caller passes on whatever is not kOk.
// docs/format/verdicts.md lists the codes.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ingest/items/json_body.h"
#include "ingest/items/parsed.h"
#include "model/time.h"

namespace freshet::ingest {

// kRejected: this item is refused, and the reason is noted in it. kBroken: the JSON itself is
// damaged, which condemns the whole document (the body; in /v1/records the line), because nothing
// behind the damage can be read.
enum class Outcome : uint8_t { kOk, kRejected, kBroken };

// Returns whatever is not kOk to the caller's caller.
#define FRESHET_ITEM(expression)                                         \
  do {                                                                   \
    if (const ::freshet::ingest::Outcome freshet_outcome = (expression); \
        freshet_outcome != ::freshet::ingest::Outcome::kOk)              \
      return freshet_outcome;                                            \
  } while (false)

// Reads with simdjson, or passes its error on by `report`, the item's or the parser's:
//   FRESHET_JSON(value.get_array().get(array), item.broken);
#define FRESHET_JSON(expression, report)                                                                       \
  do {                                                                                                         \
    if (const simdjson::error_code freshet_json_error = (expression); freshet_json_error != simdjson::SUCCESS) \
      return report(freshet_json_error);                                                                       \
  } while (false)

inline constexpr size_t kItemBytesMax = 32u << 10;

// An attribute that names somebody, too.
struct Promotion {
  std::string_view attribute;
  std::string_view type;  // of the identifier
};
inline constexpr size_t kPromotionsMax = 8;

// The attributes of one kind of entity that name it.
struct Promotions {
  v1::EntityKind kind;
  schema::Subject subject;
  std::span<const Promotion> list;  // at most kPromotionsMax
};
extern const Promotions kUserPromotions;  // email and phone

class Item {
 public:
  // `raw` is the item as it was sent. Of items without a message id it is the fingerprint, with
  // `index` beside it.
  Item(const AdapterContext& context, Parsed& parsed, google::protobuf::Arena& arena, std::string_view source,
       size_t index, std::string_view raw);

  // Both note why and return the outcome to pass on.
  Outcome reject(std::string_view code, std::string message, std::string_view attribute = {});
  Outcome broken(simdjson::error_code error);
  void warn(std::string_view code) { parsed.warn(index, code); }

  const AdapterContext& context;
  const model::Limits& limits;
  Parsed& parsed;
  v1::Envelope& envelope;
  const size_t index;
  const std::string_view raw;
  bool saw_identifier = false;          // an identifier was sent, usable or not
  std::string_view named_as;            // the identifier that was read last, as it was sent
  Rejection unusable;                   // why one can't be used that is of somebody; its code is "": there was none
  std::vector<v1::Identifier> as_sent;  // other spellings of users' identifiers, where the tenant wants both
  const Promotions* promotions = &kUserPromotions;
  // What promotions->list[i] was set to last, whole: the attribute itself may be cut, or left out over a limit. Without
  // data: it was not set, or something else after that. promote_identifiers() makes identifiers of them.
  std::array<std::string_view, kPromotionsMax> promoted;
  std::vector<PlanMiss> conflicts;  // values of other types than were learned; without the message id, until it ends
  Rejection rejection;
  simdjson::error_code error = simdjson::SUCCESS;
};

// The one end of an item: `outcome` is what its parser says of it, and of a whole envelope the tenant's plan says the
// rest. It is added to `parsed` as an envelope, and the schema keeps what it has taught; or to `rejected`, with `sent`
// as its text, and the schema forgets what it alone has taught. Returns which of the two. REQUIRES: not kBroken; an
// envelope has an identifier, a kind and a message id; reject() was called for what is rejected.
Outcome end_item(Item& item, Outcome outcome, std::string_view sent, int64_t sent_at_us = 0);
// Rejects what is so wrong that there is no Item of it.
void refuse_raw(Parsed& parsed, size_t index, std::string_view code, std::string message, std::string_view sent,
                int64_t sent_at_us);
// Says what is wrong with a text that simdjson refused, in words for the sender: at which byte of it and in which
// value, where it is no JSON.
[[nodiscard]] std::string json_error(simdjson::error_code error, std::string_view text);
// The failure of a document that is damaged. Whoever has the text of it passes it on through bad_body(), which says
// where.
[[nodiscard]] tl::unexpected<Error> bad_json(simdjson::error_code error);
// The failure of a whole body: where it stops being JSON, if it does, because that has to be mended first; else
// `error`.
[[nodiscard]] tl::unexpected<Error> bad_body(std::string_view body, Error error);

// Both reject an item: for a text with an escape that is none, and for a number that can't be read. `attribute`: whose.
Outcome reject_text(Item& item, std::string_view attribute = {});
Outcome reject_number(Item& item, std::string_view attribute = {});

// Unescapes the name of a field, whole: a tenant's limit of names is for its data (limit_name()), not for the members
// that a source knows. Control characters reject the item. An empty name gives an empty view: the caller leaves the
// field out.
Outcome read_name(Item& item, ondemand::field& field, std::string_view& name);
// As much of a sender's name as is told again.
[[nodiscard]] inline std::string_view shown_name(std::string_view name) { return name.substr(0, prefix_of(name, 200)); }

// Calls read(name, value) for each field of an object that was not read yet.
template <class Read>
Outcome each_field(Item& item, ondemand::object object, const Read& read) {
  for (auto result : object) {
    ondemand::field field;
    FRESHET_JSON(std::move(result).get(field), item.broken);
    std::string_view name;
    FRESHET_ITEM(read_name(item, field, name));
    FRESHET_ITEM(read(name, field.value()));
  }
  return Outcome::kOk;
}

// Opens an object whose members are read later, after reset(), and steps behind its end. Left just opened, an object
// like {"a"} would put the walk over the members around it off its level: what is inside would be taken for what
// stands beside, and members would be lost.
// REQUIRES: the value is an object.
Outcome open_for_later(Item& item, ondemand::value value, std::optional<ondemand::object>& out);
// A list that is read later, after reset(), and its text. Opened and not walked, ["a":1] would do the same as {"a"}.
struct LaterList {
  ondemand::array elements;
  std::string_view raw;
};
// Anything but a list leaves `out` empty.
Outcome open_for_later(Item& item, ondemand::value value, std::optional<LaterList>& out);

// Opens a member that must be an object for later; anything else rejects the item.
Outcome read_object(Item& item, std::string_view name, ondemand::value value, std::optional<ondemand::object>& out);

// A value that begins with an n must be null: on-demand itself passes over whatever it is.
Outcome read_null(Item& item, ondemand::value& value);
// Whether a member is as good as not there: null, which many languages write for what is absent, or, where `shape` is
// kObject, an empty list, which PHP writes for an empty object.
enum class Shape : uint8_t { kAny, kObject };
Outcome read_absent(Item& item, ondemand::value& value, Shape shape, bool& absent);
// Reads a text, or a number as its text ("123.0" and "1.23E2" as "123": that is how some languages write a whole
// number). null gives nullopt, and so does anything else, with a warning. The view lives as long as the document and
// the item.
Outcome read_scalar(Item& item, ondemand::value value, std::optional<std::string_view>& out);
// A number's token as a text: "123.0" and "1.23E2" as "123", any other as it is. It lives as long as the item.
[[nodiscard]] std::string_view text_of_number(Item& item, std::string_view token);
Outcome read_time(Item& item, ondemand::value value, std::optional<model::TimeUs>& out);
// Reads true or false, also spelled as a text: true, yes, on, 1, or false, no, off, 0, in any case. null and blanks
// leave `out` as it was. Anything else rejects the item, and names the field: taken as absent, an opt-out would be
// none.
Outcome read_flag(Item& item, std::string_view name, ondemand::value value, bool& out);
// What the word says, with blanks around it or without; also by its first letter, as databases write it, or as 1.0.
// nullopt: it is none of these.
[[nodiscard]] std::optional<bool> flag_of(std::string_view word);
// Rejects an item for a flag that can't be read.
Outcome reject_flag(Item& item, std::string_view name);

// Checks the event's name and tells it to the schema.
Outcome set_event(Item& item, std::optional<std::string_view> name, v1::Event*& event);

}  // namespace freshet::ingest
