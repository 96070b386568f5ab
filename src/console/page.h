// The console's page: three files in the binary, which load nothing from elsewhere.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.h"

namespace freshet::console {

extern const std::string_view kIndexHtml;
extern const std::string_view kConsoleCss;
extern const std::string_view kConsoleJs;

// nullopt: not one of the page's addresses ("/", "/console.css", "/console.js").
[[nodiscard]] std::optional<http::Response> page_response(std::string_view path);

}  // namespace freshet::console
