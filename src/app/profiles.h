// The profile store as configured: embedded, MongoDB, or both (split). (Of kind state there is none.)
#pragma once

#include <memory>
#include <vector>

#include "app/config.h"
#include "docstore/doc_store.h"
#include "docstore/mongo/mongo_store.h"
#include "env/clock.h"

namespace freshet::app {

using TenantList = std::vector<std::shared_ptr<const model::Tenant>>;

// How MongoDB is opened, for kMongodb and kSplit.
[[nodiscard]] docstore::MongoOptions mongo_options(const Config& config, const TenantList& tenants, env::Clock& clock);

// `memory_bytes` is for the cache of the embedded store, `pending_bytes` for the changes that wait
// for its sync.
[[nodiscard]] Result<std::unique_ptr<docstore::DocStore>> open_profiles(const Config& config, const TenantList& tenants,
                                                                        uint64_t memory_bytes, uint64_t pending_bytes,
                                                                        env::Clock& clock);

}  // namespace freshet::app
