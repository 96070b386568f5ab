// Sends a file to the import endpoint, from wherever an earlier try came to. It knows the protocol
// (docs/sources/csv.md) and not the terminal.
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

// What is to be imported, and where to.
struct ImportJob {
  std::string file;  // path, for messages
  std::string tenant;
  std::string mapping;                   // YAML
  std::string key;                       // write key; never printed
  env::TimeUs timeout_us = 300'000'000;  // how long without any progress before giving up
};

// How it ended.
struct ImportOutcome {
  std::string id;
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  uint64_t bytes = 0;         // of the decompressed content
  uint64_t resumed_at = 0;    // offset that an earlier try had reached
  bool was_complete = false;  // nothing was left to do
};

// What an import needs of its surroundings, so that tests can stand in for file, network and
// terminal.
struct ImportHooks {
  std::function<Result<std::unique_ptr<Content>>()> open;  // opens the content at its start, each time
  std::function<Result<std::unique_ptr<http::Client>>()> connect;
  std::function<void(std::string_view what, uint64_t done, uint64_t total)> progress;
  std::function<void(const std::string&)> say;  // what a waiting person wants to know
  std::function<void(uint64_t line, const std::string& reason)> rejected;
};

// kInvalid: the mapping or the request is wrong and stays so, or the file can't be opened.
// kCorrupt: the file is damaged or changed meanwhile. kRetry: the server stayed away for the
// timeout. kFatal: the server refused.
[[nodiscard]] Result<ImportOutcome> run_import(const ImportJob& job, const ImportHooks& hooks, env::Clock& clock);

}  // namespace freshet::app
