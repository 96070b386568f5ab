// From bytes to a topology in three steps: YAML to a tree with places (yaml/node.h), the tree to values by the
// description of the keys (fields.h), names to indices (resolve.h).
#include "fleet/topology_yaml.h"

#include "fleet/fields.h"
#include "fleet/resolve.h"
#include "yaml/field_reader.h"
#include "yaml/file.h"

namespace freshet::fleet {
namespace {

using yaml::Problems;

// 200 clusters with 20,000 topics are 2.5 MB.
constexpr size_t kFileBytesMax = 64u << 20;

}  // namespace

std::optional<Topology> parse_topology(std::string_view text, Problems& problems) {
  yaml::ParseOptions options;
  options.bytes_max = kFileBytesMax;
  const auto root = yaml::parse(text, options, problems);
  if (!root) return std::nullopt;
  FleetText fleet;
  yaml::FieldReader reader(*root, "", problems, &fleet.value.where);
  describe(reader, fleet);
  reader.finish();
  Topology topology = resolve(std::move(fleet), problems);
  topology.file = problems.file();
  if (!problems.empty()) return std::nullopt;
  return topology;
}

std::optional<Topology> load_topology(const std::string& path, Problems& problems) {
  const auto text = yaml::read_file(path, "a description of a fleet", problems);
  return text ? parse_topology(*text, problems) : std::nullopt;
}

}  // namespace freshet::fleet
