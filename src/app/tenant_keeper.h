// Has one thread follow and change the tenants (app/tenant_ledger.h), so that no request waits for the log, and hands
// them on to whoever uses them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/tenant_ledger.h"

namespace freshet::app {

class TenantKeeper final : public console::TenantDesk {
 public:
  // All that `options` names outlives it.
  explicit TenantKeeper(const TenantLedgerOptions& options);
  ~TenantKeeper() override;

  // Before start(), for the caller's thread.
  [[nodiscard]] TenantLedger& ledger() { return ledger_; }

  // From now on a thread follows the log. It calls `changed` whenever the tenants are others, and once at the begin;
  // and `prepare` for each tenant that is new or other, until that says ok.
  void start(std::function<void(const ingest::Tenants&)> changed,
             std::function<Status(const model::Tenant&)> prepare = {});
  void stop();  // blocks; a second call does nothing
  // Publishes another version of the file; the log says what became of it. `sections_before`: of the one that the
  // process started with.
  void reload(Config config, std::map<std::string, std::string> sections_before);

  // ---- TenantDesk
  [[nodiscard]] std::shared_ptr<const model::Tenant> find(const std::string& name) const override {
    return ledger_.find(name);
  }
  [[nodiscard]] std::vector<console::TenantSummary> list(std::string_view after, size_t limit) const override {
    return ledger_.list(after, limit);
  }
  [[nodiscard]] std::optional<std::string> show(const std::string& name) const override { return ledger_.show(name); }
  [[nodiscard]] std::optional<std::string> show_plan(const std::string& name) const override {
    return ledger_.show_plan(name);
  }
  void change(console::TenantOrder order, Done done) override;

  // Has the log told that all that had waited for its state is done. Thread-safe; cheap if it is told again and again.
  void say_caught_up() { caught_up_.store(true, std::memory_order_relaxed); }

  // ---- what the thread does; called by tests without start()
  // Takes in what the log has, does what was asked for, and finishes what others have left.
  void turn();

 private:
  using Work = std::function<void()>;

  void run();
  [[nodiscard]] bool is_stopping();
  void post(Work work, const std::function<void()>& refused);
  void hand_on();  // the tenants, if they are others, to whoever uses them
  void prepare_some();

  TenantLedger ledger_;  // of the thread
  std::map<std::string, std::shared_ptr<const model::Tenant>> unprepared_;
  std::function<void(const ingest::Tenants&)> changed_;
  std::function<Status(const model::Tenant&)> prepare_;
  std::mutex mutex_;
  std::deque<Work> work_;  // guarded by mutex_, as is what follows
  bool stopping_ = false;
  std::atomic<bool> caught_up_{false};
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace freshet::app
