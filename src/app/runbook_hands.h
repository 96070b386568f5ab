// The hands of `freshet fleet runbook … --follow`: a shell, processes of mirrors that outlive it, and who sits at the
// terminal.
#pragma once

#include <string>

#include "fleet/runbook/follow.h"

namespace freshet::app {

struct RunbookHandsOptions {
  std::string folder;  // where the mirrors' files are; their logs and process numbers lie beside them
  std::string people;  // a command of the shell for what people do; "": who sits at the terminal is asked
  bool yes = false;    // commands that would ask are told yes
};

class ShellHands final : public fleet::RunbookHands {
 public:
  explicit ShellHands(RunbookHandsOptions options) : options_(std::move(options)) {}

  Result<int> run(const std::string& command) override;
  Status start_mirror(const std::string& file) override;
  bool mirror_runs(const std::string& file) override;
  Status end_mirror(const std::string& file) override;
  fleet::Answer ask(const fleet::RunbookStep& step, bool going_back) override;
  void tell(const std::string& line) override;

 private:
  [[nodiscard]] std::string path_of(const std::string& file, std::string_view end) const;
  // The process of this file's mirror; 0: it does not run.
  [[nodiscard]] int process_of(const std::string& file) const;

  const RunbookHandsOptions options_;
};

}  // namespace freshet::app
