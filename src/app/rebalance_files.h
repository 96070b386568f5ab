// The files of `freshet fleet rebalance`: its journal, which one process at a time works on, and what others wish of
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/journal_lock.h"
#include "base/result.h"
#include "fleet/rebalance/executor.h"

namespace freshet::app {

// nullopt: there is none. kCorrupt: it is damaged.
[[nodiscard]] Result<std::optional<fleet::rebalance::Journal>> read_journal(const std::string& path);
[[nodiscard]] Status write_journal(const std::string& path, const fleet::rebalance::Journal& journal);

// What a process that runs shall do: pause or cancel. It looks between its steps.
[[nodiscard]] Status write_wish(const std::string& journal_path, fleet::rebalance::Wish wish);
[[nodiscard]] fleet::rebalance::Wish read_wish(const std::string& journal_path);

// A file as kafka-reassign-partitions takes it: {"partitions":[{"topic":…,"partition":…,"replicas":[…]}]}. kInvalid: it
// is none, or can't be read.
[[nodiscard]] Result<std::vector<fleet::rebalance::Wanted>> read_assignment(const std::string& path);

}  // namespace freshet::app
