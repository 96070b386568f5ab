// What must be true of a capture's topics, after each transaction and when all is said and done.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "capture/config.h"
#include "capture/position.h"
#include "other_run.h"
#include "testing/cluster/fake_cluster.h"
#include "testing/fake_documents.h"

namespace freshet::sim {

inline constexpr size_t kCapturedBytesMax = 2'500;  // of a record, in topics that have a limit

// What everybody in a simulated capture's world shares.
struct CaptureStage : OtherStage {
  using OtherStage::OtherStage;

  testing::FakeCluster target{clock};
  testing::FakeDocuments source{clock};
  capture::Config config;
  bool limited = false;           // in the size of its records: topic `shop.orders`
  std::set<size_t> asked_of_now;  // places in the source's log that somebody was told to begin at
};

// Looks at what was committed while the capture runs, and at its end; throws Violation.
class CaptureJudge {
 public:
  explicit CaptureJudge(const CaptureStage& stage) : stage_(stage) {}

  // Each transaction that was committed since the last call tells the changes between the positions before and behind
  // it, once and in their order.
  void check_transactions();
  // Once nobody does anything any more: topics that are read from their beginning give the documents.
  void check_end() const;

 private:
  using Transaction = std::shared_ptr<testing::FakeTransaction>;
  struct Told {
    std::string collection, key, op;
    int64_t at_ms = 0;
    bool set_aside = false;
    std::optional<std::string> before;
  };
  [[nodiscard]] std::vector<Told> told_in(const Transaction& transaction) const;
  void check_transaction(const Transaction& transaction, const capture::Position& position);
  void check_letters(const Transaction& transaction, const std::vector<Told>& told) const;
  [[nodiscard]] bool begins_anew(const capture::Position& position, size_t to, const std::vector<Told>& told) const;
  static void check_order(const std::vector<Told>& told);
  [[nodiscard]] bool may_be_untold(size_t at) const;
  [[nodiscard]] bool is_captured(const std::string& collection) const;

  const CaptureStage& stage_;
  size_t seen_ = 0;                 // entries of the topic of positions
  std::optional<size_t> position_;  // in the source's log; nullopt: there is none yet
};

}  // namespace freshet::sim
