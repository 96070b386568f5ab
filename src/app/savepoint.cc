#include "app/savepoint.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>

#include "app/json_output.h"

namespace freshet::app {
namespace {

constexpr env::TimeUs kLookForSavepointUs = 200'000;
// Without any progress: a state of hundreds of gigabytes takes long, but sends all the time.
constexpr env::TimeUs kSavepointPatienceUs = 900'000'000;
constexpr const char* kSavepointPath = "/v1/checkpoints";

struct SavepointSeen {
  bool done = false;
  std::vector<uint32_t> made;
  size_t partitions = 0;
  std::string error;
};

Result<SavepointSeen> parse_savepoint(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  SavepointSeen seen;
  simdjson::dom::array parts;
  if (parser.parse(body).get(root) != simdjson::SUCCESS ||
      root["done"].get_bool().get(seen.done) != simdjson::SUCCESS ||
      root["partitions"].get_array().get(parts) != simdjson::SUCCESS)
    return fail(Code::kCorrupt, "what answers there is no Freshet of this release");
  for (const simdjson::dom::element part : parts) {
    uint64_t number = 0;
    bool done = false;
    std::string_view error;
    if (part["partition"].get_uint64().get(number) != simdjson::SUCCESS ||
        part["done"].get_bool().get(done) != simdjson::SUCCESS)
      return fail(Code::kCorrupt, "what answers there is no Freshet of this release");
    ++seen.partitions;
    if (done) seen.made.push_back(static_cast<uint32_t>(number));
    if (part["error"].get_string().get(error) == simdjson::SUCCESS && !error.empty() && seen.error.empty())
      seen.error = fmt::format("partition {}: {}", number, printable(error));
  }
  return seen;
}

Result<SavepointSeen> ask_about_savepoint(AdminClient& client, const char* method) {
  FRESHET_ASSIGN(const auto response, client.ask_at(method, kSavepointPath));
  return parse_savepoint(response.body);
}

}  // namespace

std::string savepoint_json(const state::AskedFor& asked, size_t workers) {
  const bool done = asked.round > 0 && asked.members.size() >= workers &&
                    std::ranges::all_of(asked.parts, [](const auto& part) { return part.done || part.gone; });
  return json_text([&](JsonWriter& json) {
    json.begin_object().member("round", asked.round).member("done", done).key("partitions").begin_array();
    for (const state::AskedFor::Part& part : asked.parts) {
      json.begin_object().member("partition", part.partition).member("offset", part.offset);
      json.member("done", part.done).member("gone", part.gone).member("error", part.error).end_object();
    }
    json.end_array().end_object();
  });
}

Result<std::vector<uint32_t>> make_savepoint(AdminClient& client, ProgressBar& bar) {
  env::Clock& clock = env::real_clock();
  FRESHET_ASSIGN(SavepointSeen seen, ask_about_savepoint(client, "POST"));
  env::TimeUs until = clock.monotonic_us() + kSavepointPatienceUs;
  while (!seen.done) {
    if (!seen.error.empty()) return fail(Code::kRetry, seen.error + " (the process goes on trying, by itself)");
    if (clock.monotonic_us() > until)
      return fail(Code::kRetry, fmt::format("only {} of {} partitions have a checkpoint, and there is no progress",
                                            seen.made.size(), seen.partitions));
    clock.sleep_us(kLookForSavepointUs);
    bar.show("partitions", seen.made.size(), std::max<size_t>(seen.partitions, 1));
    const size_t before = seen.made.size();
    FRESHET_ASSIGN(seen, ask_about_savepoint(client, "GET"));
    if (seen.made.size() > before) until = clock.monotonic_us() + kSavepointPatienceUs;
  }
  return std::move(seen.made);
}

}  // namespace freshet::app
