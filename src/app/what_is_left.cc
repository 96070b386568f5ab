#include "app/what_is_left.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "kv/synced_note.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

// Reads every row, since damage within a file shows only when it is read.
Status check_rows(kv::Store& store) {
  return store.scan("", "", [](std::string_view, std::string_view) { return true; });
}

}  // namespace

Result<WhatIsLeft> open_what_is_left(kv::Options options) {
  options.accept_loss = true;
  auto store = kv::open_rocks(options);
  const Status readable = store ? check_rows(**store) : Status{};
  if (store && readable) {
    const uint64_t lost = (*store)->lost_rows();
    return WhatIsLeft{std::move(*store), lost};
  }
  const Error why = store ? readable.error() : store.error();
  if (why.code != Code::kCorrupt) return tl::unexpected(why);
  const auto synced = kv::SyncedNote::read(options.path);
  store = fail(Code::kCorrupt, "closed");  // It must not be open when it is renamed.
  FRESHET_ASSIGN(const std::string aside, kv::set_aside(options.path));
  log::error("{}; it begins anew, the damaged one lies in {}", why.message, aside);
  WhatIsLeft left;
  left.lost_rows = synced && *synced ? std::max<uint64_t>((*synced)->synced, 1) : 1;
  FRESHET_ASSIGN(left.store, kv::open_rocks(options));
  return left;
}

Error with_way_on(Error error) {
  if (error.code == Code::kCorrupt)
    error.message += ", or go on without what is lost: freshet run --accept-loss (docs/operations/damage.md)";
  return error;
}

}  // namespace freshet::app
