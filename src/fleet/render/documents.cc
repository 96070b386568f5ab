#include "fleet/render/documents.h"

#include <algorithm>
#include <utility>

namespace freshet::fleet {

// A line of three dashes is between documents; a text may end with three, too.
std::vector<yaml::Node> documents_in(std::string_view file) {
  constexpr std::string_view kDashes = "---\n";
  std::vector<yaml::Node> out;
  for (size_t begin = 0; begin < file.size();) {
    size_t end = file.find(kDashes, begin);
    while (end != file.npos && end > 0 && file[end - 1] != '\n') end = file.find(kDashes, end + 1);
    end = std::min(end, file.size());
    yaml::Problems problems("rendered");
    auto root = yaml::parse(file.substr(begin, end - begin), {}, problems);
    if (root && root->kind != yaml::Node::Kind::kNull) out.push_back(*std::move(root));
    begin = end + kDashes.size();
  }
  return out;
}

}  // namespace freshet::fleet
