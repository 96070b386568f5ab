// The configuration: one YAML file. Every unknown key, wrong type and impossible value is an error with file, line,
// column and what is allowed; one run shows all of them. docs/configuration.md has every key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/names.h"
#include "base/packed_text.h"
#include "base/result.h"
#include "console/access.h"
#include "eventlog/kafka/kafka_options.h"
#include "model/tenant.h"
#include "yaml/node.h"

namespace freshet::app {

inline constexpr uint32_t kPartitionsMax = 4096;  // of a topic
inline constexpr size_t kTenantsMax = 10'000;

enum class Role : uint8_t { kIngest, kAction, kReaction, kConsole };
[[nodiscard]] constexpr auto names_of(Role) {
  using enum Role;
  return std::to_array<Name<Role>>(
      {{kIngest, "ingest"}, {kAction, "action"}, {kReaction, "reaction"}, {kConsole, "console"}});
}

struct Roles {
  bool ingest = false;
  bool action = false;
  bool reaction = false;
  bool console = false;
};

struct Config {
  struct Tls {
    std::string cert;  // PEM files; both or none
    std::string key;
  };
  struct Ingest {
    std::string listen = "127.0.0.1:8080";
    Tls tls;
    uint32_t connections = 4096;
    uint32_t connections_per_address = 0;  // 0: a quarter of them
  };
  struct Admin {
    std::string listen = "127.0.0.1:8081";
    std::string token;                   // of the role erase; never logged; "": see tokens
    std::vector<console::Token> tokens;  // without any, and without `token`, none is asked for
    Tls tls;
    uint32_t connections = 256;  // not of the file; fit_open_files() lowers it
  };
  enum class LogKind : uint8_t { kEmbedded, kKafka };
  struct Log {
    LogKind kind = LogKind::kEmbedded;
    uint32_t partitions = 16;
    std::string brokers;  // kKafka
    std::string topic_prefix = "freshet.";
    eventlog::KafkaProperties properties;      // may have secrets: never logged
    uint64_t disk_reserve_bytes = 1ull << 30;  // kKafka: what must stay free of a log dir that has our topics
  };
  struct State {
    uint64_t memory_bytes = 1ull << 30;
    uint32_t standbys = 0;         // 0 or 1
    uint32_t slots = 0;            // with standbys: 0 means what slots_of() says
    int64_t standby_after_us = 0;  // with standbys: 0 means KafkaOptions::silence_us
  };
  struct Checkpoints {
    std::string to;        // file:///… or s3://bucket/prefix; "": none are taken
    std::string endpoint;  // of S3, http[s]://host:port; "": Amazon's
    int64_t interval_us = 60'000'000;
    int64_t min_pause_us = 10'000'000;
    uint32_t keep = 3;
    uint32_t concurrency = 1;
    uint64_t bytes_per_s = 64ull << 20;  // of hashing and sending, and of restoring
  };
  struct Profiles {
    enum class Kind : uint8_t { kState, kEmbedded, kMongodb, kSplit };
    Kind kind = Kind::kState;  // asked for; profiles_kind() says which one it is
    bool kind_said = false;    // by the file, and not left to us
    enum class Changes : uint8_t { kIfRead, kWritten };
    Changes changes = Changes::kIfRead;  // kState: who reads them is a sink
    std::string mongodb_uri;             // never logged
    std::vector<std::string> indexed;    // kSplit: attributes that MongoDB has, too
  };

  struct Retention {  // of what is not state, in topics; docs/operations/erasure.md
    int64_t events_us = 7ll * 86'400 * 1'000'000;
    int64_t changes_us = 3600ll * 1'000'000;
    int64_t deadletters_us = 30ll * 86'400 * 1'000'000;
    int64_t logs_us = 3ll * 86'400 * 1'000'000;
    int64_t imports_us = 30ll * 86'400 * 1'000'000;
  };
  struct Logs {
    uint64_t bytes_per_s = 16ull << 20;
  };
  struct DeadLetters {  // that are kept of each tenant
    uint64_t count = 100'000;
    uint64_t bytes = 64ull << 20;
  };

  struct Overflow {  // that waits of each tenant
    uint64_t count = 1'000'000;
    uint64_t bytes = 256ull << 20;
  };

  enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
  enum class LogFormat : uint8_t { kText, kJson };
  struct Logging {  // of this process's own log, on standard error
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
  };

  struct Collector {   // of OpenTelemetry
    std::string otlp;  // http[s]://host:port; "": there is none, and nothing is sent
    std::string ca;    // a file (PEM) with the authorities of its certificate; "": those of the system
    std::vector<std::pair<std::string, std::string>> headers;  // of each request; values as app/secrets.h has them
  };

  struct Telemetry : Collector {
    int64_t interval_us = 15'000'000;
  };

  struct Tracing : Collector {
    double sample = 0.001;        // share of requests without a trace of their own that begin one
    int64_t slow_us = 1'000'000;  // what takes longer is shown all the same; 0: nothing is
  };

  struct Console {                   // what its pages show beside this process
    std::vector<std::string> fleet;  // http[s]://host:port of `fleet watch`, `mirror`, `capture`
    std::vector<std::string> peers;  // of admin listeners of other processes
    std::string token;               // that peers ask for; never logged
  };

  uint64_t revision = 1;
  std::string data_dir = "./freshet-data";
  Roles roles{true, true, true, true};
  Ingest ingest;
  Admin admin;
  Log log;
  State state;
  Checkpoints checkpoints;
  Profiles profiles;
  bool events_as_protobuf = false;
  int64_t events_keep_us = -1;  // 0: only what a sink reads is written; -1: the log says (writes_unread_events())
  Retention retention;
  Logs logs;
  DeadLetters deadletters;
  Overflow overflow;
  uint32_t store_files = 256;  // that a store may keep open; not of the file; fit_open_files() lowers it
  int64_t canary_us = 0;       // between two of its records; 0: there is none
  model::Objective objective = model::kUsualObjective;
  Tracing tracing;
  Telemetry telemetry;
  Console console;
  Logging logging;
  bool accept_loss = false;            // of the command line: what the embedded log has lost is no reason to stop
  std::vector<model::Tenant> tenants;  // sorted by name; names, write keys and app ids are all different
  // Of the file as it is written: each tenant's document (app/tenant_document.h), by name; and a hash of each section
  // beside them, which says whether it is as it was.
  std::map<std::string, PackedText> tenant_documents;
  std::map<std::string, PackedText> tenant_plans;  // the same of the plans, of those that have one
  std::map<std::string, std::string> section_hashes;
};

[[nodiscard]] constexpr auto names_of(Config::LogKind) {
  using enum Config::LogKind;
  return std::to_array<Name<Config::LogKind>>({{kEmbedded, "embedded"}, {kKafka, "kafka"}});
}
[[nodiscard]] constexpr auto names_of(Config::LogLevel) {
  using enum Config::LogLevel;
  return std::to_array<Name<Config::LogLevel>>(
      {{kTrace, "trace"}, {kDebug, "debug"}, {kInfo, "info"}, {kWarn, "warn"}, {kError, "error"}});
}
[[nodiscard]] constexpr auto names_of(Config::LogFormat) {
  using enum Config::LogFormat;
  return std::to_array<Name<Config::LogFormat>>({{kText, "text"}, {kJson, "json"}});
}
[[nodiscard]] constexpr auto names_of(Config::Profiles::Kind) {
  using enum Config::Profiles::Kind;
  return std::to_array<Name<Config::Profiles::Kind>>(
      {{kState, "state"}, {kEmbedded, "embedded"}, {kMongodb, "mongodb"}, {kSplit, "split"}});
}
[[nodiscard]] constexpr auto names_of(Config::Profiles::Changes) {
  using enum Config::Profiles::Changes;
  return std::to_array<Name<Config::Profiles::Changes>>({{kIfRead, "if_read"}, {kWritten, "written"}});
}

// What `freshet run` uses without a file: one tenant `demo`, everything on loopback.
[[nodiscard]] Config default_config();

// The configuration of this text; nullopt if `problems` has any.
[[nodiscard]] std::optional<Config> parse_config(std::string_view text, const yaml::Environment& environment,
                                                 yaml::Problems& problems);
// Of this file; the error's message has all problems, one a line.
[[nodiscard]] Result<Config> load_config(const std::string& path, const yaml::Environment& environment);

// The JSON Schema of the file, published as docs/freshet.schema.json; and the tables of its keys in Markdown, which
// docs/configuration.md has between `<!-- keys of … -->` and `<!-- end -->`: one for each of kKeyTables.
[[nodiscard]] std::string config_schema();
inline constexpr std::string_view kKeyTables[] = {
    "the file", "admin.tokens[]", "tenants[]", "tenants[].computed[]", "tenants[].audiences[]", "tenants[].sinks[]"};
[[nodiscard]] std::string config_keys(std::string_view table);

// kInvalid: the log is Kafka, action runs, and there is no place for checkpoints.
[[nodiscard]] Status check_checkpoints(const Config& config);

// Whether topic `events` gets the events of tenants without a sink that takes them; and how long it keeps what it gets.
[[nodiscard]] bool writes_unread_events(const Config& config);
[[nodiscard]] int64_t events_kept_us(const Config& config);

// In how many slots action's partitions are shared out; 0: there are no standbys, the group shares them out.
[[nodiscard]] uint32_t slots_of(const Config& config);
// kInvalid: there are standbys, and no log that processes share; or more slots than partitions; or what is for standbys
// only.
[[nodiscard]] Status check_standbys(const Config& config);

// The process's environment.
[[nodiscard]] yaml::Environment process_environment();

// "ingest,action": what --roles takes.
[[nodiscard]] Result<Roles> parse_roles(std::string_view list);
[[nodiscard]] std::string text_of(const Roles& roles);
[[nodiscard]] std::vector<Role> list_of(const Roles& roles);
[[nodiscard]] Roles roles_of(const std::vector<Role>& list);
// Where profiles are read from: action's state is what is meant where the file says nothing, if it can be.
[[nodiscard]] Config::Profiles::Kind profiles_kind(const Config& config);
// kInvalid: what these roles need is on the disk of another process.
[[nodiscard]] Status check_roles(const Config& config);
// Whether host:port (also [::1]:port) accepts connections from this machine only.
[[nodiscard]] bool is_loopback(std::string_view listen);

}  // namespace freshet::app
