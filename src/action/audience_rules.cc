#include "action/audience_rules.h"

#include <algorithm>
#include <cstring>

#include "action/rules.h"
#include "base/hash.h"
#include "model/filter.h"

namespace freshet::action {
namespace {

// What is computed is at hand; attributes may have to be unpacked first, which is spared where a test before them
// fails.
void sort_by_cost(std::vector<AudienceTest>& tests) {
  std::stable_partition(tests.begin(), tests.end(), [](const AudienceTest& t) { return t.section == v1::COMPUTED; });
}

uint64_t word_of(std::string_view bytes) {
  const Hash128 hash = hash128(bytes);
  uint64_t word;
  std::memcpy(&word, hash.bytes.data(), sizeof word);
  return word == 0 ? 1 : word;  // 0 is for none.
}

}  // namespace

// The definitions of what is computed are part of the hash: who changes a sum changes who has enough of it.
Audiences::Audiences(const Tenant& tenant) {
  std::vector<const v1::AudienceRule*> rules;
  for (const v1::AudienceRule& rule : tenant.rules.audiences()) rules.push_back(&rule);
  std::sort(rules.begin(), rules.end(), [](const auto* a, const auto* b) { return a->name() < b->name(); });
  std::string said;
  for (const v1::AudienceRule* rule : rules) {
    Audience& audience = all_.emplace_back();
    audience.name = rule->name();
    const std::string bytes = rule->SerializeAsString();
    said.append(std::to_string(bytes.size())).append(1, ':').append(bytes);
    for (const v1::ComputedRule::Filter& filter : rule->where()) {
      const auto [section, name] = model::part_named(filter.property());
      AudienceTest& test = audience.tests.emplace_back(AudienceTest{filter, section, std::string(name), nullptr});
      if (section == v1::COMPUTED) test.computed = tenant.find_computed(name);
      if (test.computed != nullptr) said.append(std::to_string(test.computed->definition)).append(1, ',');
      std::vector<size_t>& readers = (section == v1::COMPUTED ? of_computed_ : of_attribute_)[test.name];
      if (readers.empty() || readers.back() != all_.size() - 1) readers.push_back(all_.size() - 1);
    }
    sort_by_cost(audience.tests);
  }
  if (!all_.empty()) hash_ = word_of(said);
}

const std::vector<size_t>* Audiences::reading(v1::Section section, std::string_view name) const {
  if (section != v1::ATTRIBUTES && section != v1::COMPUTED) return nullptr;
  const Readers& readers = section == v1::COMPUTED ? of_computed_ : of_attribute_;
  const auto at = readers.find(absl::string_view(name.data(), name.size()));
  return at == readers.end() ? nullptr : &at->second;
}

bool Audiences::has(std::string_view name) const {
  const auto at = std::lower_bound(all_.begin(), all_.end(), name,
                                   [](const Audience& a, std::string_view wanted) { return a.name < wanted; });
  return at != all_.end() && at->name == name;
}

}  // namespace freshet::action
