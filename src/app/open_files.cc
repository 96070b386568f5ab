#include "app/open_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/assert.h"
#include "http/server_options.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

// Standard streams, locks, what is open for a moment (manifests, outputs of compactions, /proc, resolvers).
constexpr uint64_t kOwnFiles = 48;
constexpr uint64_t kFilesOfThread = 3;  // epoll, timer and wake-up of a server thread
// Connections to brokers and to MongoDB: librdkafka has some clients, and each has some for a broker.
constexpr uint64_t kKafkaFiles = 256;
constexpr uint64_t kMongoFiles = 64;
// Of a store, whatever it holds: its lock, log, manifest, write-ahead log (the next one beside it), two directories.
constexpr uint64_t kStoreFiles = 7;
// Fewer of tables, and each read would open a file.
constexpr uint64_t kTablesMin = 10;
constexpr uint64_t kIngestMin = 16;
constexpr uint64_t kAdminMin = 16;

uint64_t stores_of(const Config& config) {
  using Kind = Config::Profiles::Kind;
  const Kind kind = profiles_kind(config);
  const bool embedded_profiles = kind == Kind::kEmbedded || kind == Kind::kSplit;
  uint64_t stores = config.log.kind == Config::LogKind::kEmbedded ? 1 : 0;
  if (config.roles.action) stores += config.log.partitions;
  if (config.roles.ingest) ++stores;   // imports
  if (config.roles.console) ++stores;  // dead letters
  if (embedded_profiles && (config.roles.reaction || config.roles.console)) ++stores;
  return stores;
}

uint64_t files_without_tables(const Config& config, uint32_t threads) {
  uint64_t files = kOwnFiles + (uint64_t{threads} + 1) * kFilesOfThread + stores_of(config) * kStoreFiles;
  if (config.log.kind == Config::LogKind::kKafka) files += kKafkaFiles;
  using Kind = Config::Profiles::Kind;
  if (config.profiles.kind == Kind::kMongodb || config.profiles.kind == Kind::kSplit) files += kMongoFiles;
  return files;
}

uint64_t sockets_of(uint64_t connections) {
  return connections + http::spare_connections(static_cast<uint32_t>(connections));
}

// The most connections whose sockets fit.
uint32_t connections_in(uint64_t sockets, uint32_t wanted) {
  uint64_t fit = std::min<uint64_t>(wanted, sockets);
  while (fit > 0 && sockets_of(fit) > sockets) --fit;
  return static_cast<uint32_t>(fit);
}

}  // namespace

void hold_standard_files() {
  int opened = 0;
  while (opened >= 0 && opened <= STDERR_FILENO) opened = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (opened >= 0) close(opened);
}

uint64_t raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return UINT64_MAX;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

Status fit_open_files(Config& config, uint64_t limit, uint32_t threads) {
  const uint64_t stores = stores_of(config);
  const uint64_t fixed = files_without_tables(config, threads);
  const uint64_t admin_wanted = sockets_of(config.admin.connections);
  const uint64_t ingest_wanted = config.roles.ingest ? sockets_of(config.ingest.connections) : 0;
  const uint64_t ingest_min = config.roles.ingest ? sockets_of(kIngestMin) : 0;
  const uint64_t least = fixed + stores * kTablesMin + sockets_of(kAdminMin) + ingest_min;
  if (limit < least) {
    return fail(
        Code::kInvalid,
        fmt::format("open files: the limit is {}, and {} stores, two listeners and what else there is need {} at "
                    "least: raise it (ulimit -n, LimitNOFILE= of systemd), or have fewer log.partitions",
                    limit, stores, least));
  }
  // Half of what is left goes to tables, as far as they have a use for it, the rest to connections.
  uint64_t left = limit - fixed - stores * kTablesMin - sockets_of(kAdminMin) - ingest_min;
  const uint64_t more_tables = stores == 0 ? 0 : std::min<uint64_t>(left / 2 / stores, config.store_files - kTablesMin);
  config.store_files = static_cast<uint32_t>(kTablesMin + more_tables);
  left -= more_tables * stores;
  const uint64_t admin_sockets = std::min(admin_wanted, sockets_of(kAdminMin) + left / 4);
  config.admin.connections = connections_in(admin_sockets, config.admin.connections);
  left -= std::min(left, admin_sockets - sockets_of(kAdminMin));
  if (!config.roles.ingest) return {};
  const uint32_t connections = connections_in(ingest_min + left, config.ingest.connections);
  if (connections < config.ingest.connections) {
    log::warn(
        "open files: the limit of {} leaves {} of {} ingest.connections: raise it (ulimit -n, LimitNOFILE= of "
        "systemd)",
        limit, connections, config.ingest.connections);
  }
  config.ingest.connections = connections;
  FRESHET_ASSERT(config.store_files >= kTablesMin && connections >= std::min<uint64_t>(kIngestMin, ingest_wanted));
  return {};
}

}  // namespace freshet::app
