// `freshet checkpoint`: creates, lists, verifies and restores checkpoints by hand, with the same
// code as a running process has.

#include "app/checkpoint_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <vector>

#include "app/admin_client.h"
#include "app/checkpoints.h"
#include "app/config.h"
#include "app/installation.h"
#include "app/json_output.h"
#include "app/log_move.h"
#include "app/progress_bar.h"
#include "app/repartition.h"
#include "app/savepoint.h"
#include "base/hash.h"
#include "kv/check_file.h"
#include "kv/store.h"
#include "model/time.h"
#include "state/checkpoint/catalog.h"
#include "state/checkpoint/writer.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;
using state::FoundCheckpoint;

constexpr size_t kStoreMemoryBytes = 64u << 20;
constexpr const char* kReplaced = ".replaced";

// What the command line says, for all of these commands.
struct CheckpointOptions {
  std::string config, data_dir, ca;
  std::vector<uint32_t> only;      // these partitions; if there are none, all
  uint32_t partitions = 0;         // restore: with 0 as many as there are
  std::string into, topic_prefix;  // restore, for another number of partitions
  bool cancel = false;             // prepare
  bool all = false, replace = false, json = false;
};

// What every one of these commands works on.
struct Work {
  Config config;
  std::unique_ptr<objectstore::ObjectStore> store;
  objectstore::Pace pace{env::real_clock(), 0};
  ProgressBar bar{env::real_clock(), is_terminal()};
  std::vector<uint32_t> partitions;
};

Result<std::unique_ptr<Work>> open_work(const CheckpointOptions& options) {
  FRESHET_ASSIGN(auto config, load_config(options.config, process_environment()));
  auto work = std::make_unique<Work>();
  work->config = std::move(config);
  if (!options.data_dir.empty()) work->config.data_dir = options.data_dir;
  FRESHET_ASSIGN(auto store, open_checkpoint_store(work->config, env::real_clock(), env::real_random()));
  work->store = std::move(store);
  work->partitions = options.only;
  if (work->partitions.empty()) {
    work->partitions.resize(work->config.log.partitions);
    std::iota(work->partitions.begin(), work->partitions.end(), 0u);
  }
  for (const uint32_t partition : work->partitions)
    if (partition >= work->config.log.partitions)
      return fail(Code::kInvalid, fmt::format("--partition {}: log.partitions is {}, so the last one is {}", partition,
                                              work->config.log.partitions, work->config.log.partitions - 1));
  return work;
}

state::Progress progress_of(Work& work, const char* what, uint32_t partition) {
  return [&work, what = fmt::format("{} partition {}", what, partition)](uint64_t done, uint64_t total) {
    work.bar.show(what, done, total);
  };
}

// Prints one line for each partition or checkpoint, or gathers one JSON object.
class Lines {
 public:
  explicit Lines(bool json) : json_(json) {}
  void add(const std::string& text, const std::string& object) {
    if (json_) {
      objects_.push_back(object);
    } else {
      fmt::print("{}\n", text);
    }
  }
  void end(std::string_view name) const {
    if (!json_) return;
    print_json([&](JsonWriter& json) {
      json.begin_object().key(name).begin_array();
      for (const std::string& object : objects_) json.raw(object);
      json.end_array().end_object();
    });
  }

 private:
  const bool json_;
  std::vector<std::string> objects_;
};

std::string describe(const v1::Checkpoint& c) {
  return fmt::format("partition {:4}  offset {:>12}  taken {}  {:>7} MB in {} files", c.partition(), c.next_offset(),
                     model::format_time(c.taken_at_us()), state::total_bytes(c) >> 20, c.files_size());
}

std::string describe_json(const v1::Checkpoint& c, bool whole = false) {
  return json_text([&](JsonWriter& json) {
    json.begin_object().member("partition", c.partition()).member("partitions", c.partitions());
    json.member("offset", c.next_offset()).member("taken_at", model::format_time(c.taken_at_us()));
    json.member("bytes", state::total_bytes(c)).member("files", c.files_size());
    json.member("logic_version", c.logic_version()).member("installation", to_hex(c.installation()));
    if (whole) json.member("whole", true);
    json.end_object();
  });
}

void add_error(Lines& lines, uint32_t partition, const Error& error) {
  lines.add(fmt::format("partition {:4}  {}", partition, error.message), json_text([&](JsonWriter& json) {
              json.begin_object().member("partition", partition).member("error", error.message).end_object();
            }));
}

int list(const CheckpointOptions& options) {
  auto work = open_work(options);
  if (!work) return report(work.error());
  Lines lines(options.json);
  int exit_code = 0;
  for (const uint32_t partition : (*work)->partitions) {
    const auto found = state::find_checkpoints(*(*work)->store, partition);
    if (!found) return report(found.error());
    for (const FoundCheckpoint& checkpoint : *found) {
      if (!checkpoint.manifest) {
        add_error(lines, partition, checkpoint.manifest.error());
        exit_code = 1;
        continue;
      }
      lines.add(describe(*checkpoint.manifest), describe_json(*checkpoint.manifest));
    }
    if (found->empty() && !options.json) fmt::print("partition {:4}  no checkpoint\n", partition);
  }
  lines.end("checkpoints");
  return exit_code;
}

// Reads every file of the checkpoints. The exit status is 1 if one is not whole, or a partition has
// none.
int verify(const CheckpointOptions& options) {
  auto work = open_work(options);
  if (!work) return report(work.error());
  Lines lines(options.json);
  int exit_code = 0;
  for (const uint32_t partition : (*work)->partitions) {
    auto found = state::find_checkpoints(*(*work)->store, partition);
    if (!found) return report(found.error());
    if (found->empty()) {
      add_error(lines, partition, {Code::kNotFound, "no checkpoint"});
      exit_code = 1;
    }
    if (!options.all && found->size() > 1) found->erase(found->begin() + 1, found->end());
    for (const FoundCheckpoint& checkpoint : *found) {
      Status whole = checkpoint.manifest
                         ? state::verify_checkpoint(*(*work)->store, *checkpoint.manifest, (*work)->pace,
                                                    progress_of(**work, "verifying", partition))
                         : Status(tl::unexpected(checkpoint.manifest.error()));
      (*work)->bar.clear();
      if (whole) {
        lines.add(describe(*checkpoint.manifest) + "  whole", describe_json(*checkpoint.manifest, true));
        // Damage is what the command looks for; anything else (no network) says nothing about the
        // checkpoints.
      } else if (whole.error().code == Code::kCorrupt || whole.error().code == Code::kInvalid) {
        add_error(lines, partition, whole.error());
        exit_code = 1;
      } else {
        return report(whole.error());
      }
    }
  }
  lines.end("checkpoints");
  return exit_code;
}

// ---- what needs the data directory

// The lock of the data directory shows whether a process runs on it.
Result<std::unique_ptr<Installation>> take_data_dir(Work& work) {
  auto installation = Installation::open(work.config.data_dir, env::real_random());
  if (!installation && installation.error().code == Code::kConflict)
    return fail(Code::kConflict,
                installation.error().message + " (a running freshet restores by itself what it needs; stop it first)");
  if (!installation) return installation;
  FRESHET_ASSIGN(const auto key, state::agree_on_hash_key(*work.store, (*installation)->hash_key()));
  FRESHET_TRY((*installation)->adopt_hash_key(key, "the checkpoints at " + work.store->where()));
  return installation;
}

Result<v1::Checkpoint> create_one(Work& work, uint32_t partition) {
  const std::string directory = state_directory(work.config, partition);
  std::error_code ignored;
  if (!fs::exists(directory + "/CURRENT", ignored))
    return fail(Code::kNotFound, fmt::format("{}: there is no state", directory));
  kv::Options options;
  options.path = directory;
  options.memory = kv::make_memory_budget(kStoreMemoryBytes);
  options.remember_damage = true;
  FRESHET_ASSIGN(auto opened, kv::open_rocks(options));
  const std::string snapshot = directory + ".checkpoint";
  FRESHET_ASSIGN(const auto meta, state::take_snapshot(*opened, snapshot));
  FRESHET_ASSIGN(auto writer, state::CheckpointWriter::claim({work.store.get(), &env::real_clock(), &env::real_random(),
                                                              partition, work.config.log.partitions,
                                                              work.config.checkpoints.keep, kv::check_of_snapshot}));
  Status made;
  // A state that has not moved since its newest checkpoint needs no other one.
  if (writer->newest_offset() != meta.next_offset()) {
    const auto written = writer->add(snapshot, meta, work.pace);
    if (!written) made = tl::unexpected(written.error());
  }
  // The snapshot is hard links; left behind it would keep deleted files' space.
  fs::remove_all(snapshot, ignored);
  FRESHET_TRY(std::move(made));
  FRESHET_ASSIGN(auto found, state::find_checkpoints(*work.store, partition));
  if (found.empty()) return fail(Code::kFatal, "the checkpoint that was made is not there");
  return std::move(found.front().manifest);
}

// The process that has the data directory makes them: of its own partitions, and of all that was committed when it was
// asked.
int create_while_running(const CheckpointOptions& options, Work& work) {
  AdminTarget target;
  target.url = admin_url_of(work.config.admin);
  target.token = admin_token_of(work.config.admin);
  target.ca = options.ca;
  AdminClient client(target);
  auto made = make_savepoint(client, work.bar);
  work.bar.clear();
  if (!made)
    return report({made.error().code, fmt::format("a freshet runs on {}; asked at {} for checkpoints: {}",
                                                  work.config.data_dir, target.url, made.error().message)});
  if (!options.only.empty())
    std::erase_if(*made, [&](uint32_t one) { return std::ranges::find(options.only, one) == options.only.end(); });
  Lines lines(options.json);
  for (const uint32_t partition : *made) {
    const auto found = state::find_checkpoints(*work.store, partition);
    if (!found) return report(found.error());
    // One without a single record has none.
    if (found->empty()) continue;
    if (!found->front().manifest) return report(found->front().manifest.error());
    lines.add(describe(*found->front().manifest), describe_json(*found->front().manifest));
  }
  lines.end("checkpoints");
  return 0;
}

int create(const CheckpointOptions& options) {
  auto work = open_work(options);
  if (!work) return report(work.error());
  const auto installation = take_data_dir(**work);
  if (!installation && installation.error().code == Code::kConflict) return create_while_running(options, **work);
  if (!installation) return report(installation.error());
  Lines lines(options.json);
  uint64_t done = 0;
  for (const uint32_t partition : (*work)->partitions) {
    (*work)->bar.show("partitions", done++, (*work)->partitions.size());
    const auto made = create_one(**work, partition);
    (*work)->bar.clear();
    if (!made) return report(made.error());
    lines.add(describe(*made), describe_json(*made));
  }
  lines.end("checkpoints");
  return 0;
}

// Puts the newest checkpoint that is whole in the place of what is there.
Result<v1::Checkpoint> restore_one(Work& work, uint32_t partition, const state::CheckpointIdentity& identity) {
  const std::string directory = state_directory(work.config, partition);
  FRESHET_ASSIGN(auto found, state::find_checkpoints(*work.store, partition));
  std::string why = "there is none";
  for (const FoundCheckpoint& checkpoint : found) {
    Status fetched = checkpoint.manifest ? state::check_identity(*checkpoint.manifest, identity, work.store->where())
                                         : Status(tl::unexpected(checkpoint.manifest.error()));
    std::error_code error;
    fs::remove_all(directory + ".restored", error);
    if (fetched)
      fetched = state::fetch_checkpoint(*work.store, *checkpoint.manifest, directory + ".restored", work.pace,
                                        progress_of(work, "restoring", partition));
    work.bar.clear();
    if (!fetched && fetched.error().code != Code::kCorrupt) return tl::unexpected(std::move(fetched).error());
    if (!fetched) {
      why = fetched.error().message;
      fmt::print(stderr, "partition {}: the next older checkpoint is tried: {}\n", partition, why);
      continue;
    }
    // What is there is moved aside and not deleted: a restore by mistake can be undone.
    fs::remove_all(directory + kReplaced, error);
    if (!error && fs::exists(directory, error)) fs::rename(directory, directory + kReplaced, error);
    if (!error) fs::rename(directory + ".restored", directory, error);
    if (error) return fail(Code::kFatal, fmt::format("{}: can't be put in place: {}", directory, error.message()));
    return checkpoint.manifest;
  }
  return fail(Code::kNotFound, fmt::format("partition {}: no checkpoint to restore: {}", partition, why));
}

// The configuration of the new data directory and log, or why these options make none.
Result<Config> config_after(const CheckpointOptions& options, const Config& before) {
  const bool kafka = before.log.kind == Config::LogKind::kKafka;
  if (options.into.empty())
    return fail(Code::kInvalid, "--partitions: --into takes the new data directory: the old one is left as it is");
  if (!options.only.empty() || options.replace)
    return fail(Code::kInvalid,
                "--partitions rebuilds all of them in a new data directory: no --partition, no --replace");
  if (kafka && (options.topic_prefix.empty() || options.topic_prefix == before.log.topic_prefix))
    return fail(Code::kInvalid,
                fmt::format("--partitions: --topic-prefix takes a new one: the topics under \"{}\" have "
                            "{} partitions for ever",
                            before.log.topic_prefix, before.log.partitions));
  if (!kafka && !options.topic_prefix.empty())
    return fail(Code::kInvalid, "--topic-prefix: the log of this configuration is embedded and has none");
  Config after = before;
  after.data_dir = options.into;
  after.log.partitions = options.partitions;
  if (kafka) after.log.topic_prefix = options.topic_prefix;
  return after;
}

// Says what comes next, or that nothing does.
void print_prepared(const Config& before, const Config& after, bool cancel, bool json) {
  if (json)
    return print_json([&](JsonWriter& out) {
      out.begin_object().key(cancel ? "canceled" : "prepared").begin_object();
      out.member("topic_prefix", after.log.topic_prefix).member("partitions", after.log.partitions);
      out.end_object().end_object();
    });
  if (cancel) {
    fmt::print("the topics under \"{}\" are for nobody any more: delete them. Those under \"{}\" go on as before.\n",
               after.log.topic_prefix, before.log.topic_prefix);
    return;
  }
  fmt::print(
      "the topics under \"{}\" are ready. Now, one after the other, start the processes with role ingest alone again "
      "with\n  log.partitions: {}\n  log.kafka.topic_prefix: {}\nand let all others go on until /v1/status shows no "
      "lag. "
      "Then stop them, and `freshet checkpoint create` and `freshet checkpoint restore` with the old configuration.\n",
      after.log.topic_prefix, after.log.partitions, after.log.topic_prefix);
}

int prepare(const CheckpointOptions& options) {
  const auto before = load_config(options.config, process_environment());
  if (!before) return report(before.error());
  if (before->log.kind != Config::LogKind::kKafka)
    return report({Code::kInvalid,
                   "prepare: the log of this configuration is embedded, so all of it is one process: stop "
                   "it and `freshet checkpoint restore --partitions`"});
  if (options.topic_prefix.empty() || options.topic_prefix == before->log.topic_prefix)
    return report({Code::kInvalid, "prepare: --topic-prefix takes a new one"});
  if (!options.cancel && options.partitions == 0)
    return report({Code::kInvalid, "prepare: --partitions takes the new number"});
  Config after = *before;
  after.log.topic_prefix = options.topic_prefix;
  if (options.partitions > 0) after.log.partitions = options.partitions;
  if (const Status done = prepare_move(*before, after, options.cancel); !done) return report(done.error());
  print_prepared(*before, after, options.cancel, options.json);
  return 0;
}

double seconds(env::TimeUs us) { return static_cast<double>(us) / 1e6; }

int restore_for_partitions(const CheckpointOptions& options, Work& work) {
  const auto after = config_after(options, work.config);
  if (!after) return report(after.error());
  const auto done = rebuild_for_partitions(work.config, *after, *work.store, work.pace, work.bar);
  if (!done) return report(done.error());
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().key("rebuilt").begin_object().member("partitions_before", work.config.log.partitions);
      json.member("partitions", after->log.partitions).member("data_dir", after->data_dir);
      json.member("rows", done->rows).member("bytes", done->bytes);
      json.key("fetch_s").raw(fmt::format("{:.1f}", seconds(done->fetch_us)));
      json.key("rebuild_s").raw(fmt::format("{:.1f}", seconds(done->rebuild_us)));
      json.key("mb_per_s").raw(fmt::format("{:.0f}", done->mb_per_s())).end_object().end_object();
    });
    return 0;
  }
  const bool kafka = after->log.kind == Config::LogKind::kKafka;
  fmt::print("fetched in {:.1f} s; {} rows ({} MB) rebuilt in {:.1f} s, {:.0f} MB/s\n", seconds(done->fetch_us),
             done->rows, done->bytes / 1'000'000, seconds(done->rebuild_us), done->mb_per_s());
  fmt::print(
      "{} partitions became {} in {}. Now configure\n  data_dir: {}\n  log.partitions: {}\n{}"
      "  checkpoints.to: a new place\nand start{}\n",
      work.config.log.partitions, after->log.partitions, after->data_dir, after->data_dir, after->log.partitions,
      kafka ? fmt::format("  log.kafka.topic_prefix: {}\n", after->log.topic_prefix) : "",
      kafka ? ", after `freshet checkpoint create` with that configuration if there are several workers." : ".");
  return 0;
}

int restore(const CheckpointOptions& options) {
  auto work = open_work(options);
  if (!work) return report(work.error());
  if (options.partitions != 0 && options.partitions != (*work)->config.log.partitions)
    return restore_for_partitions(options, **work);
  if (!options.into.empty() || !options.topic_prefix.empty())
    return report(
        {Code::kInvalid, "--into and --topic-prefix go with --partitions, for another number than there are"});
  const auto installation = take_data_dir(**work);
  if (!installation) return report(installation.error());
  std::error_code unreadable;
  for (const uint32_t partition : (*work)->partitions)
    if (fs::exists(state_directory((*work)->config, partition), unreadable) && !options.replace)
      return report({Code::kInvalid, fmt::format("{} has a state: --replace moves it to {} and restores",
                                                 state_directory((*work)->config, partition), kReplaced)});
  const state::CheckpointIdentity identity{(*work)->config.log.partitions,
                                           state::installation_fingerprint((*installation)->hash_key())};
  Lines lines(options.json);
  for (const uint32_t partition : (*work)->partitions) {
    const auto restored = restore_one(**work, partition, identity);
    if (!restored) return report(restored.error());
    lines.add(describe(*restored) + "  restored", describe_json(*restored));
  }
  lines.end("restored");
  return 0;
}

using Run = int (*)(const CheckpointOptions&);

CLI::App* add(CLI::App& parent, const char* name, const char* what, const char* example, Run run, int& exit_code,
              const std::shared_ptr<CheckpointOptions>& options) {
  CLI::App* command = parent.add_subcommand(name, what);
  command->footer(fmt::format("Example:\n  freshet checkpoint {} --config freshet.yaml{}", name, example));
  command->add_option("--config", options->config, "The configuration (YAML), with checkpoints.to")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--data-dir", options->data_dir, "Instead of the configuration's");
  command->add_option("--partition", options->only, "Only this one (may be repeated)");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, run, &exit_code] {
    telemetry::set_up_log("warn", /*json=*/false);
    exit_code = run(*options);
  });
  return command;
}

}  // namespace

void add_checkpoint_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CheckpointOptions>();
  CLI::App* command = app.add_subcommand("checkpoint", "Checkpoints of the state: create, list, restore, verify");
  command->require_subcommand(1);
  command->footer("S3's credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION");
  CLI::App* of_create =
      add(*command, "create", "One of each partition, now: of a process that runs, of its own partitions", "", &create,
          exit_code, options);
  add_ca_option(*of_create, options->ca);
  add(*command, "list", "Which there are, newest first; exit status 1 if a manifest is damaged", " --json", &list,
      exit_code, options);
  CLI::App* of_prepare = add(*command, "prepare",
                             "On Kafka: topics for another number of partitions, which take what is sent until "
                             "`restore --partitions` has rebuilt the state; again, it copies what has come since",
                             " --partitions 32 --topic-prefix freshet32.", &prepare, exit_code, options);
  of_prepare->add_option("--partitions", options->partitions, "Of the new topics")
      ->check(CLI::Range(1u, kPartitionsMax));
  of_prepare->add_option("--topic-prefix", options->topic_prefix, "Of the new topics")->required();
  of_prepare->add_flag("--cancel", options->cancel, "Ends that, as long as nobody has sent anything there");
  CLI::App* of_restore =
      add(*command, "restore",
          "The newest whole one into the data directory (a start does that by itself for what is missing)",
          " --partition 3", &restore, exit_code, options);
  of_restore->add_flag("--replace", options->replace, "Moves a state that is there aside");
  of_restore
      ->add_option("--partitions", options->partitions, "Rebuild for another number of partitions, drained before")
      ->check(CLI::Range(1u, kPartitionsMax));
  of_restore->add_option("--into", options->into, "With --partitions: the new data directory");
  of_restore->add_option("--topic-prefix", options->topic_prefix, "With --partitions, on Kafka: the new one");
  of_restore->footer(
      "Examples:\n  freshet checkpoint restore --config freshet.yaml --partition 3 --replace\n"
      "  freshet checkpoint restore --config freshet.yaml --partitions 32 --into /var/lib/freshet-32\n"
      "Another number of partitions: stop what sends, wait until /v1/status shows no lag, stop freshet, `freshet "
      "checkpoint create`, restore,\nthen configure the new data_dir, log.partitions and checkpoints.to.");
  CLI::App* of_verify =
      add(*command, "verify", "Read every file and compare its hash; exit status 1 if one is not whole", " --all",
          &verify, exit_code, options);
  of_verify->add_flag("--all", options->all, "Not only the newest of each partition");
}

}  // namespace freshet::app
