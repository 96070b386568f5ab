// A tenant's audiences, compiled: their tests, and which of them read what. A profile whose change touches nothing that
// an audience reads is not judged.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

struct ComputedAttribute;
struct Tenant;

struct AudienceTest {
  v1::ComputedRule::Filter filter;
  v1::Section section = v1::ATTRIBUTES;         // or COMPUTED
  std::string name;                             // within it
  const ComputedAttribute* computed = nullptr;  // of COMPUTED; null: the tenant has none of this name
};

struct Audience {
  std::string name;
  std::vector<AudienceTest> tests;
};

class Audiences {
 public:
  Audiences() = default;
  // REQUIRES: the computed attributes of the tenant stay where they are.
  explicit Audiences(const Tenant& tenant);

  [[nodiscard]] const std::vector<Audience>& all() const { return all_; }  // by name
  // Of all that says who is in them: a profile that was judged by another one is judged anew. 0: there are none.
  [[nodiscard]] uint64_t hash() const { return hash_; }
  // Which of all() read this part of a profile; null: none.
  [[nodiscard]] const std::vector<size_t>* reading(v1::Section section, std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;

 private:
  using Readers = absl::flat_hash_map<std::string, std::vector<size_t>>;

  std::vector<Audience> all_;
  Readers of_attribute_, of_computed_;
  uint64_t hash_ = 0;
};

}  // namespace freshet::action
