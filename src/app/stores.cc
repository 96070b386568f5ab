#include "app/stores.h"

#include <fmt/core.h>

#include <utility>

#include "app/what_is_left.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

telemetry::Counter& lost_letter_rows() {
  return telemetry::counter("freshet_deadletters_lost_rows_total",
                            "Rows of dead letters and erasures that were synced and are gone: see --accept-loss.");
}

// Of a store that nobody else has a copy of. Damage that is found stays in mind (remember_damage), else the store would
// be opened again and again and take itself for well until somebody needs what is damaged.
kv::Options small_store(const Config& config, std::string_view name, size_t write_buffer_bytes) {
  kv::Options options;
  options.path = fmt::format("{}/{}", config.data_dir, name);
  options.memory = kv::make_memory_budget(8u << 20);
  options.write_buffer_bytes = write_buffer_bytes;
  options.open_files_max = config.store_files;
  options.remember_damage = true;
  options.note_synced = true;
  return options;
}

}  // namespace

Result<std::shared_ptr<kv::Store>> Stores::open_imports(const Config& config) {
  FRESHET_ASSIGN(imports_, kv::MendingStore::open(small_store(config, "imports", 1u << 20), kv::OnDamage::kBeginAnew));
  return imports_;
}

Result<std::shared_ptr<kv::MendingStore>> Stores::open_letters(const Config& config) {
  const kv::Options options = small_store(config, "letters", 2u << 20);
  static_cast<void>(lost_letter_rows());  // It is shown from the start.
  if (config.accept_loss) {
    FRESHET_ASSIGN(const WhatIsLeft left, open_what_is_left(options));  // Closed again: what is lost is told once.
    lost_letter_rows().add(left.lost_rows);
  }
  auto opened = kv::MendingStore::open(options, kv::OnDamage::kStayIll);
  if (!opened) return tl::unexpected(with_way_on(std::move(opened).error()));
  letters_ = std::move(*opened);
  return letters_;
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
  if (const Status done = rebuild_->step(readable, *profiles_); !done) log::error("{}", done.error().message);
}

bool Stores::are_well() const {
  if (profiles_ != nullptr && !profiles_->health()) return false;
  if (imports_ != nullptr && !imports_->health()) return false;
  if (letters_ != nullptr && !letters_->health()) return false;
  return !are_rebuilding();
}

}  // namespace freshet::app
