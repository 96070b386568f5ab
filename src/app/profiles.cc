// Opens the profile store of the configuration.

#include "app/profiles.h"

#include <utility>

#include "app/rebuild.h"
#include "base/assert.h"
#include "docstore/embedded/embedded_store.h"
#include "docstore/mongo/mongo_store.h"
#include "docstore/split/split_store.h"
#include "kv/store.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

using Kind = Config::Profiles::Kind;
using Store = std::unique_ptr<docstore::DocStore>;

Result<Store> open_embedded(const Config& config, uint64_t memory_bytes, uint64_t pending_bytes) {
  kv::Options options = docstore::embedded_options(config.data_dir + "/profiles", kv::make_memory_budget(memory_bytes));
  options.open_files_max = config.store_files;
  FRESHET_TRY(set_marked_aside(config.data_dir));
  auto store = kv::open_rocks(options);
  if (!store && store.error().code == Code::kCorrupt) {
    log::error("{}", store.error().message);
    FRESHET_TRY(mark_rebuild(config.data_dir, RebuildReason::kDamaged));
    FRESHET_TRY(set_marked_aside(config.data_dir));
    store = kv::open_rocks(options);
  }
  if (!store) return tl::unexpected(std::move(store).error());
  return docstore::open_embedded_store(std::move(*store), pending_bytes);
}

}  // namespace

docstore::MongoOptions mongo_options(const Config& config, const TenantList& tenants, env::Clock& clock) {
  docstore::MongoOptions options;
  options.uri = config.profiles.mongodb_uri;
  options.clock = &clock;
  // The split store keeps only in MongoDB what people search by.
  options.identified_only = config.profiles.kind == Kind::kSplit;
  for (const auto& tenant : tenants) {
    const v1::TenantRules& rules = tenant->rules;
    options.tenants.push_back({tenant->name,
                               {rules.user_priority().begin(), rules.user_priority().end()},
                               {rules.device_priority().begin(), rules.device_priority().end()}});
  }
  return options;
}

Result<Store> open_profiles(const Config& config, const TenantList& tenants, uint64_t memory_bytes,
                            uint64_t pending_bytes, env::Clock& clock) {
  const Kind kind = profiles_kind(config);
  FRESHET_ASSERT(kind != Kind::kState);
  if (kind == Kind::kEmbedded) return open_embedded(config, memory_bytes, pending_bytes);
  // MongoDB first: if it can't be reached, nothing has been opened yet.
  auto mongodb = docstore::open_mongo_store(mongo_options(config, tenants, clock));
  if (!mongodb || kind == Kind::kMongodb) return mongodb;
  auto embedded = open_embedded(config, memory_bytes, pending_bytes);
  if (!embedded) return embedded;
  return docstore::make_split_store(std::move(*embedded), std::move(*mongodb), config.profiles.indexed);
}

}  // namespace freshet::app
