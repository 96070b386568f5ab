// The description of the keys (fields.h), visited to write a JSON Schema. The schema is for editors, which can't
// follow references or compare keys: what it accepts may still be refused by the parser.
#include "fleet/schema.h"

#include "fleet/fields.h"
#include "yaml/field_schema.h"

namespace freshet::fleet {

std::string schema_json() {
  yaml::SchemaWriter writer;
  FleetText fleet;
  describe(writer, fleet);
  return yaml::schema_file("A fleet of Kafka clusters (freshet fleet)", writer);
}

}  // namespace freshet::fleet
