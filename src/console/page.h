// What the admin listener serves from the binary: the console's page, which loads nothing from elsewhere, and the
// descriptions of both listeners' HTTP interfaces (docs/api/).
#pragma once

#include <span>
#include <string_view>

#include "http/message.h"

namespace freshet::console {

// One of src/console/page/: index.html, the style, and a module of JavaScript for each page of the console.
struct PageFile {
  std::string_view name;
  std::string_view text;
};
extern const std::span<const PageFile> kPageFiles;
extern const std::string_view kIngestYaml;  // OpenAPI 3.1
extern const std::string_view kAdminYaml;

// The file of this name; 404 if there is none.
[[nodiscard]] http::Response page_file(std::string_view name);
[[nodiscard]] http::Response openapi(std::string_view document);

}  // namespace freshet::console
