// The stores of a process that may fall ill while it runs: those of profiles, of imports, and of dead letters with
// erasures. The embedded log and the states are not among them: without these the process ends, and its next start
// finds out.
#pragma once

#include <memory>
#include <vector>

#include "app/config.h"
#include "app/rebuild.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "kv/mending_store.h"

namespace freshet::app {

class Stores {
 public:
  // The store of imports' progress, which mends itself.
  [[nodiscard]] Result<std::shared_ptr<kv::Store>> open_imports(const Config& config);
  // The store of dead letters and erasures. Its keeper has it mended, as it has some of it in memory. One that has lost
  // rows which were synced is not opened (kCorrupt) without Config::accept_loss: nobody else has them.
  [[nodiscard]] Result<std::shared_ptr<kv::MendingStore>> open_letters(const Config& config);
  // Begins to make the profiles anew, if they have to be. `profiles` may be null; both outlive this.
  [[nodiscard]] Status watch(const Config& config, docstore::DocStore* profiles, eventlog::EventLog& log,
                             env::Clock& clock);

  // To be called every second or so. `readable`: up to where reaction's changes can be read.
  void look_after(const std::vector<eventlog::Position>& readable);
  // Whether every store can be read and written, and every profile that there is can be found. On any thread.
  [[nodiscard]] bool are_well() const;
  [[nodiscard]] bool are_rebuilding() const { return rebuild_ != nullptr && !rebuild_->done(); }

 private:
  docstore::DocStore* profiles_ = nullptr;
  std::shared_ptr<kv::MendingStore> imports_;
  std::shared_ptr<kv::MendingStore> letters_;
  std::unique_ptr<ProfileRebuild> rebuild_;  // null if the profiles are whole
};

}  // namespace freshet::app
