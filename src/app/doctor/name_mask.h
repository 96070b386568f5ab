// Names that tell whose data it is, as numbers. Private to the doctor.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/tenant.h"

namespace freshet::app {

// A name has one number in all that one mask has read: whoever gets the texts can follow it through them, and learns
// who is who by nothing but their own knowledge.
class NameMask {
 public:
  explicit NameMask(const std::vector<model::Tenant>& tenants);

  // What a process answers: labels of metrics, and JSON members "tenant".
  [[nodiscard]] std::string in_answer(std::string_view text);
  // A sentence of ours that may name a tenant that is known by now, its database, or the group of one of its sinks.
  [[nodiscard]] std::string in_sentence(std::string_view text) const;
  // A path below the data directory: the tables of sinks are called after them.
  [[nodiscard]] std::string in_path(std::string_view path);

 private:
  using Numbers = std::map<std::string, size_t, std::less<>>;
  [[nodiscard]] static std::string numbered(Numbers& numbers, std::string_view kind, std::string_view name);
  [[nodiscard]] std::string tenant(std::string_view name) { return numbered(tenants_, "tenant", name); }
  [[nodiscard]] std::string sink(std::string_view name) { return numbered(sinks_, "sink", name); }

  Numbers tenants_, sinks_;
};

}  // namespace freshet::app
