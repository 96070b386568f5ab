// What becomes of one record on its way: a pure function, used by the mirror and by whoever checks its work.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/stream/stream.h"
#include "mirror/config.h"

namespace freshet::mirror {

// The header that says through which cluster a record came, one for each mirror on its way.
inline constexpr std::string_view kRouteHeader = "freshet.mirror.from";

// Whether the record has been in this cluster already, so that it must not go there again.
[[nodiscard]] bool came_from(const std::vector<cluster::Header>& headers, std::string_view cluster);
// Whether the last mirror on its way took it from this cluster.
[[nodiscard]] bool last_from(const std::vector<cluster::Header>& headers, std::string_view cluster);

// The partition of the target. nullopt: the record has no key and the rule does not spread those.
//   rule.partitions 0: the source's partition. Else by key, as Java's producers choose; without one, where they are
//   spread, by the source's partition, so that each keeps its order.
[[nodiscard]] std::optional<int32_t> place(const TopicRule& rule, int32_t source_partition, uint32_t target_partitions,
                                           std::optional<std::string_view> key);

enum class Fate : uint8_t { kPass, kLeftOut, kPoison };

// Filter and projection of values by a topic's rule. Tombstones pass. One thread uses it.
class Transform {
 public:
  explicit Transform(const TopicRule& rule);
  ~Transform();
  Transform(Transform&&) noexcept;
  Transform& operator=(Transform&&) noexcept;

  // Nothing is done to any value.
  [[nodiscard]] bool is_identity() const { return where_.empty() && fields_.empty(); }
  // kPass: `out` is what to write if the rule has fields, else untouched. kPoison: the value is no JSON object.
  [[nodiscard]] Fate apply(std::string_view value, std::string& out);

 private:
  struct Parser;
  std::vector<Condition> where_;
  std::vector<std::string> fields_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace freshet::mirror
