// What others may have written into topic `schema`, as records that a registry takes in between requests of a node of
// its own: no crash, and another node that reads the same topic knows the same names.
#include "base/assert.h"
#include "schema/registry.h"
#include "testing/fuzzed_records.h"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  return freshet::mutate_records<freshet::v1::SchemaChange>(data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;          // NOLINT
  using namespace freshet::schema;  // NOLINT
  static const model::Tenant tenant = model::default_tenant("t");
  const auto registry = make_registry(), other = make_registry();
  const auto learn = [&](const v1::SchemaChange& change) {
    registry->apply(change);
    other->apply(change);
  };
  for (const std::string_view bytes : fuzzed_records({reinterpret_cast<const char*>(data), size})) {
    v1::SchemaChange change;
    if (!change.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    learn(change);
    const auto session = registry->begin(tenant, 1);
    for (const Type type : {Type::kText, Type::kList, Type::kUnknown}) {
      (void)session->check(Subject::kEvent, "", change.of(), Type::kUnknown);
      (void)session->check(Subject::kEventAttribute, change.of(), change.name(), type);
      (void)session->check(Subject::kUserAttribute, "", change.name(), type);
      type == Type::kList ? session->drop() : session->keep();
    }
    for (const v1::SchemaChange& discovery : session->take_discoveries()) learn(discovery);
  }
  for (const std::string& name : {tenant.name, std::string()}) {
    const auto known = registry->list(name), known_there = other->list(name);
    FRESHET_ASSERT(known.size() == known_there.size());
    for (size_t i = 0; i < known.size(); ++i) {
      FRESHET_ASSERT(known[i].name == known_there[i].name && known[i].type == known_there[i].type);
      FRESHET_ASSERT(registry->knows(name, known[i].subject, known[i].of, known[i].name));
    }
    // From the end: an event takes its properties along.
    for (size_t i = known.size(); i-- > 0;) {
      registry->apply(removal_of(name, known[i], 2));
      FRESHET_ASSERT(!registry->knows(name, known[i].subject, known[i].of, known[i].name));
    }
    FRESHET_ASSERT(registry->list(name).empty());
  }
  return 0;
}
