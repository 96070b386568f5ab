// Computed attributes: count, sum, min, max, first, last and unique set over a profile's events, as declared in the
// rules. Every accumulator is commutative and associative, so order does not matter (invariant 6). Sums are exact
// decimals: a sum of doubles depends on the order of its parts, so that two replays of the same orders would differ by
// a cent.
#pragma once

#include <optional>
#include <string_view>

#include "action/rules.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

inline constexpr int kUniqueValuesMax = 1000;  // of one unique set: it takes no more

// Looks properties of an event up, and parses its JSON at most once, and only if one is asked for. An engine has one,
// whose buffers serve all of its events.
class PropertyReader {
 public:
  PropertyReader();
  ~PropertyReader();
  void open(std::string_view properties);  // must stay valid until the next open()
  // Whether whole numbers beyond 64 bits keep their digits, by Tenant::keeps_digits. Before, they were
  // doubles, and beyond an unsigned word the whole event had no properties.
  void keep_digits(bool keep);
  // Scalars only; nullopt: absent, null, list or object.
  [[nodiscard]] std::optional<v1::Value> get(std::string_view name);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// Adds an event. True: the accumulator changed. `properties` is open at the event.
bool accumulate(v1::EntityState& entity, const Tenant& tenant, const ComputedAttribute& attribute, const v1::Use& use,
                PropertyReader& properties);

// Adds the accumulators of `from`; those of another definition than the tenant's are dropped.
void absorb_computed(v1::EntityState& entity, const v1::EntityState& from, const Tenant& tenant);

// What a reader sees; nullopt: nothing yet, or an accumulator of a definition that is no longer in force.
[[nodiscard]] std::optional<v1::Value> computed_value(const v1::Computed& computed, const ComputedAttribute& attribute);

}  // namespace freshet::action
