#include "app/rebalance_files.h"

#include <fmt/core.h>
#include <simdjson.h>

#include "app/journal_file.h"
#include "app/small_file.h"

namespace freshet::app {
namespace {

using fleet::rebalance::Wish;

std::string wish_path(const std::string& journal_path) { return journal_path + ".wish"; }

}  // namespace

Result<std::optional<fleet::rebalance::Journal>> read_journal(const std::string& path) {
  return read_journal_file(path, &fleet::rebalance::journal_from_json);
}

Status write_journal(const std::string& path, const fleet::rebalance::Journal& journal) {
  return write_journal_file(path, journal);
}

Status write_wish(const std::string& journal_path, Wish wish) {
  const std::string path = wish_path(journal_path);
  if (wish == Wish::kGoOn) return remove_small_file(path);
  return write_small_file(path, wish == Wish::kCancel ? "cancel\n" : "pause\n");
}

Wish read_wish(const std::string& journal_path) {
  const auto file = read_small_file(wish_path(journal_path));
  if (!file || !*file) return Wish::kGoOn;
  return (*file)->text == "cancel\n" ? Wish::kCancel : Wish::kPause;
}

Result<std::vector<fleet::rebalance::Wanted>> read_assignment(const std::string& path) {
  std::vector<fleet::rebalance::Wanted> out;
  try {
    simdjson::dom::parser parser;
    const simdjson::dom::element file = parser.load(path);
    for (const simdjson::dom::element one : simdjson::dom::array(file["partitions"])) {
      fleet::rebalance::Wanted& wanted = out.emplace_back();
      wanted.topic = std::string(std::string_view(one["topic"]));
      wanted.partition = static_cast<int32_t>(int64_t{one["partition"]});
      for (const int64_t broker : simdjson::dom::array(one["replicas"]))
        wanted.brokers.push_back(static_cast<int32_t>(broker));
    }
  } catch (const simdjson::simdjson_error& error) {
    return fail(Code::kInvalid, fmt::format("{}: {}; it must be a file for kafka-reassign-partitions: "
                                            "{{\"partitions\":[{{\"topic\":…,\"partition\":…,\"replicas\":[…]}}]}}",
                                            path, error.what()));
  }
  return out;
}

}  // namespace freshet::app
