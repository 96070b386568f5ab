// What the admin listener serves from the binary: the console's page, which loads nothing from elsewhere, and the
// descriptions of both listeners' HTTP interfaces (docs/api/).
#pragma once

#include <string_view>

#include "http/message.h"

namespace freshet::console {

extern const std::string_view kIndexHtml;
extern const std::string_view kConsoleCss;
extern const std::string_view kConsoleJs;
extern const std::string_view kIngestYaml;  // OpenAPI 3.1
extern const std::string_view kAdminYaml;

[[nodiscard]] http::Response index_html();
[[nodiscard]] http::Response console_css();
[[nodiscard]] http::Response console_js();
[[nodiscard]] http::Response openapi(std::string_view document);

}  // namespace freshet::console
