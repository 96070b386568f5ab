// The sinks of the tenants that this process runs: those of the reaction role.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/config.h"
#include "docstore/doc_store.h"
#include "model/tenant.h"
#include "sinks/runner.h"

namespace freshet::app {

// Up to where the sinks of these tenants that follow erasures have read a partition, whether they run or not yet; as
// far as it goes if there are none. 0: one has not begun, or the log does not say.
[[nodiscard]] eventlog::Offset read_by_sinks(eventlog::EventLog& log,
                                             const std::vector<std::shared_ptr<const model::Tenant>>& tenants,
                                             eventlog::TopicPartition of);

class Sinks {
 public:
  // Log, profiles and clock outlive it.
  Sinks(const Config& config, eventlog::EventLog& log, docstore::DocStore& profiles, env::Clock& clock,
        env::Random& random);
  ~Sinks();
  Sinks(const Sinks&) = delete;
  Sinks& operator=(const Sinks&) = delete;

  // From now on the sinks of these tenants run, and no others: those that are as they were go on. Does not block.
  void use(const std::vector<std::shared_ptr<const model::Tenant>>& tenants);
  // Blocks until all have ended; a second call does nothing.
  void stop();

 private:
  struct Wanted {
    std::string tenant;
    model::Sink sink;
    uint64_t webhooks_per_second = 0;  // of the tenant
  };
  using Name = std::pair<std::string, std::string>;  // tenant, sink
  struct Running {
    model::Sink sink;
    std::unique_ptr<sinks::Runner> runner;
  };

  void run();
  void change_to(const std::vector<Wanted>& wanted);
  [[nodiscard]] sinks::RunnerOptions options_of(const Wanted& wanted);
  // Asks action for all profiles that a tenant has in a partition.
  [[nodiscard]] Status say_again(const std::string& tenant, uint32_t partition, sinks::SayAgain what);
  // What sinks have put beside the data, of those that are there no more.
  void tidy_up(const std::vector<Wanted>& wanted) const;
  [[nodiscard]] Result<std::optional<v1::Document>> read_profile(const v1::Change& change,
                                                                 eventlog::TopicPartition from, eventlog::Offset offset,
                                                                 sinks::ProfileAs as);

  const bool events_as_protobuf_;
  const std::string directory_;  // of what sinks can make again
  const std::shared_ptr<kv::MemoryBudget> memory_;
  eventlog::EventLog& log_;
  docstore::DocStore& profiles_;
  env::Clock& clock_;
  env::Random& random_;
  std::map<Name, Running> running_;                             // of the thread, as is the next
  std::map<std::string, std::shared_ptr<sinks::Turns>> turns_;  // of webhooks, by tenant
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<std::vector<Wanted>> wanted_;  // guarded by mutex_, as is the next; null: no change
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace freshet::app
