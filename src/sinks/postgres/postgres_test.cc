// Two processes that both hold themselves for the owner of a partition, on tables in memory with PostgreSQL's locks.
#include "sinks/postgres/postgres.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "testing/sink_log.h"

namespace freshet::sinks {
namespace {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

// What is committed, and which transaction has locked which place.
struct SharedTables {
  std::map<TopicPartition, Offset> places;
  std::vector<std::string> rows;
  std::map<TopicPartition, const void*> locked;
};

// Only what the sink of events asks for. A row that is locked is not waited for: the statement fails, as it does late.
class PlaceTables final : public SinkTables {
 public:
  PlaceTables(SharedTables& shared, std::function<void()>& within) : shared_(shared), within_(within) {}
  bool is_open() const override { return true; }
  Status begin() override {
    open_ = true;
    return {};
  }
  Status commit() override {
    for (const auto& [of, next] : places_) shared_.places[of] = next;
    shared_.rows.insert(shared_.rows.end(), rows_.begin(), rows_.end());
    return rollback();
  }
  Status rollback() override {
    std::erase_if(shared_.locked, [this](const auto& one) { return one.second == this; });
    places_.clear();
    rows_.clear();
    open_ = false;
    return {};
  }
  Status prepare_part(env::TimeUs) override { return {}; }
  Result<std::optional<Offset>> place(TopicPartition of) override {
    const auto found = shared_.places.find(of);
    if (found == shared_.places.end()) return std::nullopt;
    FRESHET_TRY(lock(of));
    return found->second;
  }
  Status begin_place(TopicPartition of, Offset from) override {
    shared_.places.try_emplace(of, from);
    return {};
  }
  Status set_place(TopicPartition of, Offset next) override {
    FRESHET_TRY(lock(of));
    places_[of] = next;
    return {};
  }
  Status write_events(const std::string& rows) override {
    if (within_) std::exchange(within_, nullptr)();
    rows_.push_back(rows);
    return {};
  }
  Status write_profiles(const std::string&) override { return fail(Code::kFatal, "not in this test"); }
  Status remove_profiles(const std::string&) override { return fail(Code::kFatal, "not in this test"); }
  Status note_erased(const std::vector<std::string>&) override { return fail(Code::kFatal, "not in this test"); }
  Status settle_erased() override { return fail(Code::kFatal, "not in this test"); }
  Result<std::vector<std::string>> parts() override { return std::vector<std::string>(); }
  Result<uint64_t> delete_events(const std::string&, const std::vector<std::string>&) override { return 0; }
  Result<SqlRows> read_profiles(const std::string&) override { return SqlRows(); }

 private:
  Status lock(TopicPartition of) {
    const auto held = shared_.locked.find(of);
    if (held != shared_.locked.end() && held->second != this) return fail(Code::kRetry, "another one has the row");
    if (open_) shared_.locked[of] = this;
    return {};
  }
  SharedTables& shared_;
  std::function<void()>& within_;  // the next time that events are written
  bool open_ = false;
  std::map<TopicPartition, Offset> places_;
  std::vector<std::string> rows_;
};

struct PostgresOfTwo : ::testing::Test {
  std::unique_ptr<Sink> open() {
    auto sink = open_postgres_on(log.around, [this] {
      return Result<std::unique_ptr<SinkTables>>(std::make_unique<PlaceTables>(tables, within));
    });
    EXPECT_TRUE(sink);
    return std::move(*sink);
  }
  // What becomes of events 0 and up, the first `count` of the partition.
  Outcome take(Sink& sink, Offset count) const {
    std::vector<Item> items;
    for (Offset at = 0; at < count; ++at) items.push_back({at, 1'767'323'045'000'000, "u", R"({"event":"E"})"});
    const Batch batch{of, 0, count, items};
    return sink.take({&batch, 1}).front();
  }
  const TopicPartition of{Topic::kEvents, 0};
  SinkLog log;
  SharedTables tables;
  std::function<void()> within;
};

TEST_F(PostgresOfTwo, ThePlaceIsThereBeforeAnythingIsWritten) {
  const auto sink = open();
  const auto resume = sink->assigned(of, 7);
  ASSERT_TRUE(resume);
  EXPECT_EQ(resume->from, 7);
  EXPECT_EQ(tables.places.at(of), 7);
  EXPECT_EQ(open()->assigned(of, 5)->from, 7) << "one that is there stays";
}

TEST_F(PostgresOfTwo, OneWritesWhereBothBegin) {
  const auto one = open(), other = open();
  ASSERT_TRUE(one->assigned(of, 0));
  ASSERT_TRUE(other->assigned(of, 0));
  Outcome second;
  within = [&] { second = take(*other, 3); };
  EXPECT_EQ(take(*one, 2).what, Outcome::What::kDone);
  EXPECT_EQ(second.what, Outcome::What::kLater) << "it waits for who writes";
  EXPECT_EQ(tables.rows.size(), 1u);
  EXPECT_EQ(tables.places.at(of), 2);
  EXPECT_EQ(take(*other, 3).what, Outcome::What::kStale) << "somebody has written since";
  EXPECT_EQ(other->assigned(of, 0)->from, 2);
}

}  // namespace
}  // namespace freshet::sinks
