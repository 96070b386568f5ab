// What all visitors of a description share.
#include "yaml/fields.h"

namespace freshet::yaml {

const TextRule kAnyText = {"", "text", [](std::string_view text) { return !text.empty(); }};

std::string plain_text(std::string_view doc) {
  std::string out;
  bool code = false;
  while (!doc.empty()) {
    const size_t middle = doc.find("](");
    const size_t end = doc.find(')', middle);
    if (doc.front() == '`') {
      code = !code;
    } else if (doc.front() == '[' && !code && end != std::string_view::npos) {
      out += doc.substr(1, middle - 1);
      doc.remove_prefix(end);
    } else {
      out += doc.front();
    }
    doc.remove_prefix(1);
  }
  return out;
}

}  // namespace freshet::yaml
