#include "app/sinks.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "action/control.h"
#include "app/log.h"
#include "app/secrets.h"
#include "base/hash.h"
#include "base/text.h"
#include "env/thread.h"
#include "reaction/reactor_options.h"
#include "sinks/topic/topic.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

// Of a process: each has a thread and a reader of its own.
constexpr size_t kSinksOfProcessMax = 256;
constexpr size_t kSinksMemoryBytes = 32u << 20;  // of their stores

}  // namespace

eventlog::Offset read_by_sinks(eventlog::EventLog& log,
                               const std::vector<std::shared_ptr<const model::Tenant>>& tenants,
                               eventlog::TopicPartition of) {
  // Asked of the log and not of what runs here: right after a start nothing does.
  eventlog::Offset least = std::numeric_limits<eventlog::Offset>::max();
  for (const auto& tenant : tenants) {
    for (const model::Sink& sink : tenant->sinks) {
      if (!sinks::follows_erasures(sink)) continue;
      const auto committed = log.committed(sinks::group_of(tenant->name, sink.name), of);
      least = std::min(least, committed ? committed->value_or(0) : 0);
    }
  }
  return least;
}

Sinks::Sinks(const Config& config, eventlog::EventLog& log, docstore::DocStore& profiles, env::Clock& clock,
             env::Random& random)
    : events_as_protobuf_(config.events_as_protobuf),
      directory_(config.data_dir + "/sinks"),
      memory_(kv::make_memory_budget(kSinksMemoryBytes)),
      log_(log),
      profiles_(profiles),
      clock_(clock),
      random_(random) {
  thread_ = std::thread([this] {
    env::name_thread("sinks");
    run();
  });
}

Sinks::~Sinks() { stop(); }

void Sinks::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Sinks::use(const std::vector<std::shared_ptr<const model::Tenant>>& tenants) {
  auto wanted = std::make_unique<std::vector<Wanted>>();
  for (const auto& tenant : tenants) {
    for (const model::Sink& sink : tenant->sinks) {
      if (wanted->size() == kSinksOfProcessMax) {
        log::error("sinks: {} is not run: a process has {} at most", sink.name, kSinksOfProcessMax);
      } else if (sink.on == model::SinkOn::kEvents && events_as_protobuf_) {
        log::error("sink {} of {} is not run: `on: events` needs events.format json", sink.name, tenant->name);
      } else {
        wanted->push_back({tenant->name, sink, tenant->webhooks_per_second});
      }
    }
  }
  const std::lock_guard lock(mutex_);
  wanted_ = std::move(wanted);
  changed_.notify_all();
}

void Sinks::run() {
  while (true) {
    std::unique_ptr<std::vector<Wanted>> wanted;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || wanted_ != nullptr; });
      if (stopping_) break;
      wanted = std::move(wanted_);
    }
    change_to(*wanted);
    tidy_up(*wanted);
  }
  change_to({});
}

void Sinks::change_to(const std::vector<Wanted>& wanted) {
  std::map<Name, const Wanted*> by_name;
  for (const Wanted& one : wanted) {
    by_name[{one.tenant, one.sink.name}] = &one;
    auto& turns = turns_[one.tenant];
    if (turns == nullptr) turns = std::make_shared<sinks::Turns>();
    turns->set_rate(one.webhooks_per_second);
  }
  // Those that end are told all at once, and then waited for.
  std::vector<Name> ending;
  for (auto& [name, running] : running_) {
    const auto found = by_name.find(name);
    if (found != by_name.end() && found->second->sink == running.sink) continue;
    running.runner->stop();
    ending.push_back(name);
  }
  for (const Name& name : ending) running_.erase(name);
  std::erase_if(turns_, [&](const auto& one) {
    return std::none_of(wanted.begin(), wanted.end(), [&](const Wanted& sink) { return sink.tenant == one.first; });
  });
  for (const auto& [name, one] : by_name) {
    if (running_.contains(name)) continue;
    running_[name] = {one->sink, std::make_unique<sinks::Runner>(options_of(*one))};
    log::info("sink {} of {} runs: {}, on {}", name.second, name.first, name_of(one->sink.kind), name_of(one->sink.on));
  }
}

sinks::RunnerOptions Sinks::options_of(const Wanted& wanted) {
  sinks::RunnerOptions options;
  options.log = &log_;
  options.around.tenant = wanted.tenant;
  options.around.sink = wanted.sink;
  options.around.clock = &clock_;
  options.around.random = &random_;
  options.around.secret = &secret_of;
  options.around.read_profile = [this](const v1::Change& change, eventlog::TopicPartition from, eventlog::Offset offset,
                                       sinks::ProfileAs as) { return read_profile(change, from, offset, as); };
  options.around.partitions = log_.partitions(eventlog::Topic::kChanges);
  options.around.say_again = [this, tenant = wanted.tenant](uint32_t partition, sinks::SayAgain what) {
    return say_again(tenant, partition, what);
  };
  options.around.tenant_turns = turns_.at(wanted.tenant);
  options.around.directory = directory_ + "/" + sinks::state_directory(wanted.tenant, wanted.sink);
  options.around.memory = memory_;
  return options;
}

Status Sinks::say_again(const std::string& tenant, uint32_t partition, sinks::SayAgain what) {
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = {eventlog::Topic::kActions, partition};
  const bool gone_too = what == sinks::SayAgain::kGoneToo;
  batches[0].records.add({}, action::republish_record(clock_.now_us(), 0, tenant, gone_too).SerializeAsString());
  return append(log_, std::move(batches));
}

// They have copies of profiles, which nobody erases from once their sink is gone.
void Sinks::tidy_up(const std::vector<Wanted>& wanted) const {
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error)) {
    const std::filesystem::path path = at->path();
    const std::string name = path.filename().string();
    const bool used = std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& one) {
      return one.sink.kind == model::SinkKind::kTopic && name == sinks::state_directory(one.tenant, one.sink);
    });
    if (used) continue;
    std::error_code failed;
    std::filesystem::remove_all(path, failed);
    if (failed) log::error("{}: can't be removed: {}", path.string(), failed.message());
  }
}

// What reaction has committed is in the store; so what is not there then was removed.
Result<std::optional<v1::Document>> Sinks::read_profile(const v1::Change& change, eventlog::TopicPartition from,
                                                        eventlog::Offset offset, sinks::ProfileAs as) {
  std::optional<eventlog::Offset> passed;
  const bool waits = as == sinks::ProfileAs::kSettled && !profiles_.is_ahead();
  if (waits) {
    FRESHET_ASSIGN(passed, log_.committed(reaction::kReactionGroup, from));
  }
  FRESHET_ASSIGN(auto found, profiles_.get({change.tenant(), change.kind(), Hash128::from(change.id())}));
  const bool settled = (found && found->document.version() >= change.version()) || passed.value_or(0) > offset;
  if (waits && !settled) return fail(Code::kRetry, "the profile store has not got this change yet");
  if (!found) return std::nullopt;
  return std::move(found->document);
}

}  // namespace freshet::app
