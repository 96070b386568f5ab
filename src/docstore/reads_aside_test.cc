#include "docstore/reads_aside.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "env/clock.h"
#include "testing/temporary_store.h"

namespace freshet::docstore {
namespace {

// A store that answers when it is let.
class AwayStore final : public DocStore {
 public:
  void write(std::vector<v1::Change> bulk, WriteDone done) override {
    std::vector<Status> results(bulk.size());
    done(std::move(bulk), std::move(results));
  }
  Status sync() override { return {}; }
  Result<std::optional<StoredDocument>> get(const EntityKey&) override { return nobody(); }
  Result<std::optional<StoredDocument>> find(const std::string&, v1::EntityKind, const v1::Identifier&) override {
    return nobody();
  }
  bool finds_by_prefix() const override { return true; }
  Result<std::vector<StoredDocument>> find_by_prefix(const std::string&, v1::EntityKind, const v1::Identifier&,
                                                     size_t) override {
    static_cast<void>(nobody());
    return std::vector<StoredDocument>();
  }
  Result<std::vector<StoredDocument>> list(const std::string&, v1::EntityKind, std::string_view, size_t) override {
    return std::vector<StoredDocument>();
  }

  std::atomic<int> asked{0};
  std::atomic<bool> away{false};
  std::promise<void> back;

 private:
  Result<std::optional<StoredDocument>> nobody() {
    ++asked;
    is_back_.wait();
    if (away) return fail(Code::kRetry, "no server answers");
    return std::nullopt;
  }
  std::shared_future<void> is_back_ = back.get_future().share();
};

TEST(ReadsAside, WhoAsksDoesNotWaitForAStoreThatIsAway) {
  AwayStore store;
  std::atomic<int> answered{0}, refused{0};
  {
    ReadsAside aside(store, 2);
    EXPECT_TRUE(aside.finds_by_prefix());
    const auto done = [&](const Result<std::optional<StoredDocument>>& found) {
      ++(found ? answered : refused);
      EXPECT_TRUE(found || found.error().code == Code::kRetry);
    };
    aside.find_soon("t", v1::ENTITY_KIND_USER, {}, done);
    aside.find_by_prefix_soon("t", v1::ENTITY_KIND_USER, {}, 1, [&](const Result<std::vector<StoredDocument>>& found) {
      ++(found ? answered : refused);
    });
    while (store.asked < 2) env::real_clock().sleep_us(1000);
    for (size_t i = 0; i < ReadsAside::kWaitingMax + 3; ++i) aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, done);
    EXPECT_EQ(answered, 0);
    EXPECT_EQ(refused, 3) << "those beyond what may wait";
    store.back.set_value();
    while (answered < static_cast<int>(ReadsAside::kWaitingMax) + 2) env::real_clock().sleep_us(1000);
    aside.close();
    aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, done);
    EXPECT_EQ(refused, 4) << "after its end";
  }
  EXPECT_EQ(answered, static_cast<int>(ReadsAside::kWaitingMax) + 2);
}

TEST(ReadsAside, WhatStillWaitsAtTheEndIsToldSo) {
  AwayStore store;
  std::atomic<int> answered{0}, refused{0};
  ReadsAside aside(store, 1);
  const auto done = [&](const Result<std::optional<StoredDocument>>& found) { ++(found ? answered : refused); };
  aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, done);
  while (store.asked < 1) env::real_clock().sleep_us(1000);
  for (int i = 0; i < 5; ++i) aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, done);
  std::thread ends([&] { aside.close(); });
  while (refused < 5) env::real_clock().sleep_us(1000);
  store.back.set_value();
  ends.join();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(refused, 5);
}

TEST(ReadsAside, WhoWaitedForAStoreThatDoesNotAnswerIsToldSoAtOnce) {
  AwayStore store;
  store.away = true;
  std::atomic<int> refused{0};
  ReadsAside aside(store, 1);
  const auto done = [&](const Result<std::optional<StoredDocument>>& found) {
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message, "no server answers");
    ++refused;
  };
  aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, done);
  while (store.asked < 1) env::real_clock().sleep_us(1000);
  for (int i = 0; i < 5; ++i) aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, done);
  store.back.set_value();
  while (refused < 6) env::real_clock().sleep_us(1000);
  EXPECT_EQ(store.asked, 1) << "the others would have waited as long again";
  store.away = false;
  std::promise<bool> found;
  aside.get_soon({"t", v1::ENTITY_KIND_USER, {}},
                 [&](const Result<std::optional<StoredDocument>>& one) { found.set_value(one.has_value()); });
  EXPECT_TRUE(found.get_future().get()) << "it is asked anew";
}

TEST(ReadsAside, FindsWhatTheStoreHas) {
  TemporaryStore temporary;
  ReadsAside aside(*temporary.store);
  std::promise<bool> found;
  aside.get_soon({"t", v1::ENTITY_KIND_USER, {}}, [&](const Result<std::optional<StoredDocument>>& one) {
    found.set_value(one.has_value() && !one->has_value());
  });
  EXPECT_TRUE(found.get_future().get());
}

}  // namespace
}  // namespace freshet::docstore
