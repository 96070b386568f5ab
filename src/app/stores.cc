#include "app/stores.h"

#include <utility>

#include "telemetry/log.h"

namespace freshet::app {

Result<std::shared_ptr<kv::Store>> Stores::open_imports(const Config& config) {
  kv::Options options;
  options.path = config.data_dir + "/imports";
  options.memory = kv::make_memory_budget(8u << 20);
  options.write_buffer_bytes = 1u << 20;
  options.open_files_max = config.store_files;
  options.remember_damage = true;
  options.note_synced = true;
  FRESHET_ASSIGN(imports_, kv::MendingStore::open(options));
  return imports_;
}

Status Stores::watch(const Config& config, docstore::DocStore* profiles, eventlog::EventLog& log, env::Clock& clock) {
  profiles_ = profiles;
  FRESHET_ASSIGN(rebuild_, ProfileRebuild::begin(config, log, clock));
  return {};
}

// A failure is told by the store, and tried again.
void Stores::look_after(const std::vector<eventlog::Position>& readable) {
  if (imports_) static_cast<void>(imports_->mend());
  if (!are_rebuilding()) return;
  if (const Status done = rebuild_->step(readable, *profiles_); !done) spdlog::error("{}", done.error().message);
}

bool Stores::are_well() const {
  if (profiles_ != nullptr && !profiles_->health()) return false;
  if (imports_ != nullptr && !imports_->health()) return false;
  return !are_rebuilding();
}

}  // namespace freshet::app
