// HCL native syntax (Terraform, Terragrunt), formatted as `terraform fmt` does: two spaces a level, and the '=' of
// neighbouring one-line attributes in one column.
//
// Values are trees: quoted scalars become templates with everything escaped, plain ones stand as they are (numbers,
// booleans, expressions such as local.region), lists and maps become tuples and objects. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "yaml/node.h"

namespace freshet::fleet {

// `type "label" "label" { attributes, then blocks }`.
struct HclBlock {
  std::string type;
  std::vector<std::string> labels = {};
  yaml::Node attributes = {};  // a map; its keys are identifiers
  std::vector<HclBlock> blocks = {};
};

// A file: attributes first, then blocks, with an empty line before each.
[[nodiscard]] std::string write_hcl(const yaml::Node& attributes, const std::vector<HclBlock>& blocks);

// "…" with quotes, backslashes, line breaks, ${ and %{ escaped.
[[nodiscard]] std::string hcl_string(std::string_view text);

}  // namespace freshet::fleet
