// Sends a file to the import endpoint, from wherever an earlier try came to. Knows the protocol (docs/sources/csv.md), not
// the terminal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/content.h"
#include "base/result.h"
#include "env/clock.h"
#include "http/client.h"

namespace freshet::app {

struct ImportJob {
  std::string file;  // path, for messages
  std::string tenant;
  std::string mapping;                   // YAML
  std::string key;                       // write key; never printed
  env::TimeUs timeout_us = 300'000'000;  // how long without any progress before giving up
};

struct ImportOutcome {
  std::string id;
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  uint64_t bytes = 0;         // of the decompressed content
  uint64_t resumed_at = 0;    // offset that an earlier try had reached
  bool was_complete = false;  // nothing was left to do
};

struct ImportHooks {
  std::function<Result<std::unique_ptr<Content>>()> open;  // from the start, each time
  std::function<Result<std::unique_ptr<http::Client>>()> connect;
  std::function<void(std::string_view what, uint64_t done, uint64_t total)> progress;
  std::function<void(const std::string&)> say;  // what a waiting person wants to know
  std::function<void(uint64_t line, const std::string& reason)> rejected;
};

// Error codes: kInvalid: the mapping or the request is wrong and stays so, or the file can't be opened; kCorrupt: the file is damaged
// or changed meanwhile; kRetry: the server stayed away for the timeout; kFatal: it refused.
[[nodiscard]] Result<ImportOutcome> run_import(const ImportJob& job, const ImportHooks& hooks, env::Clock& clock);

}  // namespace freshet::app
