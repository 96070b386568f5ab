// Topic `schema`, as every process of an installation follows it. Discoveries go to the registry,
// and by the topic's order the processes agree on the key of the alias hashes and on which rules
// stand under which revision. Whoever proposes something reads on until it sees what came first:
// the log decides, not a lock.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"
#include "schema/registry.h"

namespace freshet::app {

// One thread uses it. Log and registry outlive it.
class Agreement {
 public:
  Agreement(eventlog::EventLog& log, schema::Registry& registry) : log_(log), registry_(registry) {}

  // Takes in what the topic has by now. Call it now and then, because other processes go on
  // discovering.
  [[nodiscard]] Status follow();

  // Returns the installation's key: the first one that was proposed, maybe by this call.
  [[nodiscard]] Result<std::string> hash_key(const std::string& proposal);
  // Claims a revision for the rules of this fingerprint. kInvalid: another process was first, with
  // other rules.
  [[nodiscard]] Status claim(uint64_t revision, const std::string& rules);

  // The highest revision that was claimed, and the fingerprint of its rules; 0 if there is none.
  [[nodiscard]] uint64_t revision() const { return claimed_.empty() ? 0 : claimed_.rbegin()->first; }
  [[nodiscard]] std::string rules() const { return claimed_.empty() ? std::string() : claimed_.rbegin()->second; }

 private:
  void take(const v1::SchemaChange& change);
  [[nodiscard]] Status propose(const v1::Agreement& agreement);

  eventlog::EventLog& log_;
  schema::Registry& registry_;
  eventlog::Offset next_ = 0;
  std::string hash_key_;
  std::map<uint64_t, std::string> claimed_;
};

}  // namespace freshet::app
