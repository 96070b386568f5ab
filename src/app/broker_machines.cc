// Up to 32 commands run at once, because each may take as long as a connection to a machine that is away, and a look at
// the fleet waits for the slowest.
#include "app/broker_machines.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "app/broker_command.h"
#include "app/child.h"
#include "fleet/watch/cpu_times.h"

namespace freshet::app {
namespace {

constexpr size_t kAtOnce = 32;
constexpr size_t kOutputMax = 64u << 10;  // /proc/stat of a large machine has some kilobytes

// A command that runs, and what it has said. It is killed with this, if it runs yet.
class Asked {
 public:
  explicit Asked(const std::string& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    runs_ = child_.begin(command, ends[1]).has_value();
    ::close(ends[1]);
    from_ = ends[0];
  }
  ~Asked() {
    if (from_ >= 0) ::close(from_);
    child_.kill();
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  [[nodiscard]] int from() const { return from_; }
  [[nodiscard]] bool runs() const { return runs_; }
  void read_some() {
    char bytes[4096];
    const ssize_t count = ::read(from_, bytes, sizeof bytes);
    if (count > 0) said_.append(bytes, static_cast<size_t>(count));
    runs_ = count > 0 && said_.size() <= kOutputMax;
  }
  // "" of one that has not ended, or has said too much.
  [[nodiscard]] std::string output() { return runs_ || said_.size() > kOutputMax ? std::string() : std::move(said_); }

 private:
  Child child_;
  int from_ = -1;
  bool runs_ = false;  // it has not closed its output
  std::string said_;
};

void read_until(std::vector<std::unique_ptr<Asked>>& asked, env::TimeUs end_us, env::Clock& clock) {
  while (true) {
    std::vector<pollfd> waits;
    std::vector<Asked*> of;
    for (const auto& one : asked) {
      if (!one->runs()) continue;
      waits.push_back({one->from(), POLLIN, 0});
      of.push_back(one.get());
    }
    const env::TimeUs left_us = end_us - clock.monotonic_us();
    if (waits.empty() || left_us <= 0) return;
    if (::poll(waits.data(), waits.size(), static_cast<int>(left_us / 1000) + 1) <= 0) continue;
    for (size_t i = 0; i < waits.size(); ++i)
      if (waits[i].revents != 0) of[i]->read_some();
  }
}

class MachineLooks final : public fleet::LookSource {
 public:
  MachineLooks(std::unique_ptr<fleet::LookSource> source, std::string command, env::TimeUs timeout_us,
               env::Clock& clock)
      : source_(std::move(source)), command_(std::move(command)), timeout_us_(timeout_us), clock_(clock) {}

  Result<fleet::Look> look() override {
    FRESHET_ASSIGN(fleet::Look seen, source_->look());
    std::vector<std::string> commands;
    std::vector<fleet::BrokerSeen*> of;
    for (fleet::BrokerSeen& broker : seen.brokers) {
      auto command = command_for(command_, named(broker));
      if (!command) {
        seen.doubts.push_back(command.error().message);
        continue;
      }
      commands.push_back(std::move(*command));
      of.push_back(&broker);
    }
    const std::vector<std::string> said = outputs_of(commands, timeout_us_, clock_);
    for (size_t i = 0; i < said.size(); ++i) {
      const auto times = fleet::parse_proc_stat(said[i]);
      if (times)
        of[i]->cpu = shares_.take(of[i]->id, clock_.monotonic_us(), *times);
      else
        seen.doubts.push_back(fmt::format("broker {}: --machines brought no /proc/stat", of[i]->id));
    }
    return seen;
  }

 private:
  static CommandedBroker named(const fleet::BrokerSeen& broker) {
    CommandedBroker out{broker.id, broker.host, 0};
    const size_t colon = broker.host.rfind(':');
    if (colon == std::string::npos) return out;
    out.host.resize(colon);
    std::from_chars(broker.host.data() + colon + 1, broker.host.data() + broker.host.size(), out.port);
    return out;
  }

  const std::unique_ptr<fleet::LookSource> source_;
  const std::string command_;
  const env::TimeUs timeout_us_;
  env::Clock& clock_;
  fleet::CpuShares shares_;
};

}  // namespace

std::vector<std::string> outputs_of(const std::vector<std::string>& commands, env::TimeUs timeout_us,
                                    env::Clock& clock) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < commands.size(); begin += kAtOnce) {
    std::vector<std::unique_ptr<Asked>> asked;
    for (size_t i = begin; i < std::min(commands.size(), begin + kAtOnce); ++i)
      asked.push_back(std::make_unique<Asked>(commands[i]));
    read_until(asked, clock.monotonic_us() + timeout_us, clock);
    for (const auto& one : asked) out.push_back(one->output());
  }
  return out;
}

std::unique_ptr<fleet::LookSource> with_machines(std::unique_ptr<fleet::LookSource> source, std::string command,
                                                 env::TimeUs timeout_us, env::Clock& clock) {
  return std::make_unique<MachineLooks>(std::move(source), std::move(command), timeout_us, clock);
}

}  // namespace freshet::app
