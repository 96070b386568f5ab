#include "app/problems.h"

#include <fmt/core.h>

#include "app/json_output.h"

namespace freshet::app {

void print_problems(const yaml::Problems& problems, bool json) {
  if (!json) return fmt::print(stderr, "{}\n", problems.text());
  print_json([&](JsonWriter& out) {
    out.begin_object().member("ok", false).key("problems").begin_array();
    for (const yaml::Problem& problem : problems.sorted()) {
      out.begin_object().member("file", problems.file()).member("line", problem.at.line);
      out.member("column", problem.at.column).member("message", problem.message).end_object();
    }
    out.end_array().end_object();
  });
}

}  // namespace freshet::app
