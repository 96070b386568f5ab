#include "app/problems.h"

#include <fmt/format.h>

#include "model/json.h"

namespace freshet::app {

std::string json_text(std::string_view text) {
  std::string out;
  model::append_json_string(out, text);
  return out;
}

void print_problems(const yaml::Problems& problems, bool json) {
  if (!json) return fmt::print(stderr, "{}\n", problems.text());
  std::string list;
  for (const yaml::Problem& problem : problems.sorted()) {
    list += fmt::format("{}{{\"file\":{},\"line\":{},\"column\":{},\"message\":{}}}", list.empty() ? "" : ",",
                        json_text(problems.file()), problem.at.line, problem.at.column, json_text(problem.message));
  }
  fmt::print("{{\"ok\":false,\"problems\":[{}]}}\n", list);
}

}  // namespace freshet::app
