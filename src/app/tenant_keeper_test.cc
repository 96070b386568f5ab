#include "app/tenant_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "app/agreement.h"
#include "app/tenant_document.h"
#include "eventlog/embedded/embedded_log.h"
#include "model/plan.h"
#include "testing/clock.h"
#include "testing/memory_store.h"

namespace freshet::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kTestPartitions = 3;

Config config_of_text(const std::string& text) {
  yaml::Problems problems("test");
  auto config = parse_config(text, {}, problems);
  EXPECT_TRUE(config) << problems.text();
  return config ? std::move(*config) : default_config();
}

// Processes that share a log, each with a data directory of its own.
class TenantKeeperTest : public ::testing::Test {
 protected:
  struct Node {
    std::string directory;
    std::unique_ptr<schema::Registry> registry = schema::make_registry();
    std::unique_ptr<Installation> installation;
    std::unique_ptr<TenantKeeper> keeper;
    ~Node() {
      keeper.reset();
      installation.reset();
      std::filesystem::remove_all(directory);
    }
  };

  TenantKeeperTest() {
    log_ = *eventlog::open_embedded_log(kv::open_memory(std::make_shared<kv::MemoryDisk>(), {}), env::real_clock(), {});
    EXPECT_TRUE(log_->create_topic(eventlog::Topic::kSchema, {}));
    eventlog::TopicOptions actions;
    actions.partitions = kTestPartitions;
    EXPECT_TRUE(log_->create_topic(eventlog::Topic::kActions, actions));
  }

  std::unique_ptr<Node> start(const Config& config, Status* published = nullptr) {
    auto node = std::make_unique<Node>();
    node->directory = ::testing::TempDir() + "/keeper-" + std::to_string(getpid()) + "-" + std::to_string(++nodes_);
    std::filesystem::remove_all(node->directory);
    node->installation = std::move(*Installation::open(node->directory, env::real_random()));
    node->keeper = std::make_unique<TenantKeeper>(TenantLedgerOptions{.log = log_.get(),
                                                                      .registry = node->registry.get(),
                                                                      .installation = node->installation.get(),
                                                                      .partitions = kTestPartitions,
                                                                      .clock = &clock_,
                                                                      .random = &env::real_random()});
    EXPECT_TRUE(node->keeper->ledger().agree());
    const Status status = node->keeper->ledger().publish(config, false);
    if (published != nullptr) {
      *published = status;
    } else {
      EXPECT_TRUE(status) << status.error().message;
    }
    return node;
  }

  // What became of a change, by one turn.
  static Result<std::string> change(Node& node, const std::string& name, std::optional<std::string> text,
                                    console::TenantWhat what = console::TenantWhat::kSettings,
                                    bool may_entrust = true) {
    Result<std::string> out = fail(Code::kFatal, "not done");
    node.keeper->change({name, what, std::move(text), may_entrust}, [&out](Result<std::optional<std::string>> done) {
      if (done && *done) {
        out = std::move(**done);
      } else {
        out = done ? fail(Code::kFatal, "forbidden") : tl::unexpected<Error>(done.error());
      }
    });
    node.keeper->turn();
    return out;
  }

  static std::vector<std::string> names_in(const Node& node) {
    std::vector<std::string> names;
    for (const console::TenantSummary& tenant : node.keeper->list("", 100))
      names.push_back(tenant.name + (tenant.settings.by_api ? "*" : "") + std::to_string(tenant.settings.revision));
    return names;
  }

  // Names and revisions of the rules in the Control records of a partition, in their order.
  std::vector<std::string> controls_in(uint32_t partition) {
    std::vector<std::string> out;
    const auto fetched = log_->read({eventlog::Topic::kActions, partition}, 0, 1u << 20);
    EXPECT_TRUE(fetched);
    for (const eventlog::RecordView& record : fetched->records) {
      v1::Envelope envelope;
      EXPECT_TRUE(envelope.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())));
      EXPECT_TRUE(envelope.control().changes_only());
      std::string line = std::to_string(envelope.control().revision());
      if (!envelope.control().hash_key().empty()) line += " base";
      for (const v1::TenantRules& rules : envelope.control().tenants()) line += " " + rules.name();
      out.push_back(line);
    }
    return out;
  }

  env::FakeClock clock_;
  std::unique_ptr<eventlog::EventLog> log_;
  int nodes_ = 0;
};

model::PhoneSpelling spelling_of(TenantKeeper& keeper, const std::string& tenant) {
  return keeper.ledger().find(tenant)->phones.in_force();
}

const std::string kPhones =
    "revision: 1\ntenants: [{name: a, write_keys: [ka]}, {name: b, identity: {phone: {spelling: both}}},\n"
    "  {name: c, identity: {phone: {default_country: \"91\"}}}]\n";

TEST_F(TenantKeeperTest, NewInstallationsBringPhoneNumbersToOneSpelling) {
  const auto first = start(config_of_text(kPhones));
  EXPECT_EQ(spelling_of(*first->keeper, "a"), model::PhoneSpelling::kNormal);
  EXPECT_EQ(spelling_of(*first->keeper, "b"), model::PhoneSpelling::kBoth);
}

// Whoever is known by a number as it was sent must not become two by an upgrade.
TEST_F(TenantKeeperTest, InstallationsFromBeforeGoOnUntilSomebodySaysOtherwise) {
  const auto registry = schema::make_registry();
  ASSERT_TRUE(Agreement(*log_, *registry).hash_key("0123456789abcdef"));
  const auto node = start(config_of_text(kPhones));
  EXPECT_EQ(spelling_of(*node->keeper, "a"), model::PhoneSpelling::kAsSent);
  EXPECT_EQ(spelling_of(*node->keeper, "b"), model::PhoneSpelling::kBoth);
  EXPECT_EQ(spelling_of(*node->keeper, "c"), model::PhoneSpelling::kNormal);
  ASSERT_TRUE(change(*node, "a", "{write_keys: [ka], identity: {phone: {spelling: normal}}}"));
  EXPECT_EQ(spelling_of(*node->keeper, "a"), model::PhoneSpelling::kNormal);
}

const std::string kTwo = "revision: 1\ntenants: [{name: a, write_keys: [ka]}, {name: b, write_keys: [kb]}]\n";

TEST_F(TenantKeeperTest, AChangeIsInForceWhereverTheLogIsRead) {
  const auto one = start(config_of_text(kTwo));
  const auto other = start(config_of_text(kTwo));
  ingest::Tenants seen;
  int handed_on = 0;
  other->keeper->start([&](const ingest::Tenants& tenants) {
    seen = tenants;
    ++handed_on;
  });
  other->keeper->stop();
  EXPECT_EQ(handed_on, 1);
  EXPECT_TRUE(seen.by_key("ka"));

  EXPECT_THAT(change(*one, "c", "write_keys: [kc, kd]\nlimits: {depth: 3}").value(),
              AllOf(HasSubstr(R"("tenant":"c","settings":{"limits":{"depth":3}})"), HasSubstr(R"("from":"api")"),
                    Not(HasSubstr("kc"))));
  other->keeper->turn();
  EXPECT_THAT(names_in(*other), ElementsAre("a1", "b1", "c*2"));
  EXPECT_EQ(other->keeper->find("c")->limits.depth, 3u);
  ASSERT_TRUE(seen.by_key("kd"));
  EXPECT_EQ(seen.by_key("kd")->tenant->name, "c");
  for (uint32_t p = 0; p < kTestPartitions; ++p)
    EXPECT_THAT(controls_in(p), ElementsAre("1 base", "1 a b", "1 base", "2 c"));

  ASSERT_TRUE(change(*one, "c", std::nullopt));
  other->keeper->turn();
  EXPECT_FALSE(seen.by_key("kd"));
  EXPECT_FALSE(other->keeper->show("c"));
  EXPECT_TRUE(other->keeper->find("c")) << "its data is there";
  EXPECT_TRUE(seen.by_name("c"));
  EXPECT_EQ(change(*one, "c", std::nullopt).error().code, Code::kNotFound);
  // A new node has it all from the log.
  const auto third = start(config_of_text(kTwo));
  EXPECT_THAT(names_in(*third), ElementsAre("a1", "b1"));
}

// Otherwise whoever may change settings gives itself a key of its own, and erases with that.
TEST_F(TenantKeeperTest, OnlyWhoMayEraseAddsKeysThatCommand) {
  const auto node =
      start(config_of_text("revision: 1\ntenants: [{name: a, write_keys: [ka], server_keys: [sa, sb], "
                           "data_api: {app_id: app, secret: da}}]\n"));
  const auto operate = [&](const std::string& name, const std::string& text) {
    const auto made = change(*node, name, text, console::TenantWhat::kSettings, false);
    return made ? "" : made.error().message;
  };
  const std::string secret = "data_api: {app_id: app, secret: da}\n";
  for (const std::string& text :
       {"server_keys: [mine]\n" + secret, "server_keys: [sa, sb, mine]\n" + secret,
        "server_keys: [" + SecretHash::of("mine").configured() + "]\n" + secret,
        std::string("server_keys: [sa, sb]\ndata_api: {app_id: app, secret: mine}\n"),
        "server_keys: [sa, sb]\ndata_api: {app_id: app, secret: " + SecretHash::of("mine").configured() + "}\n"})
    EXPECT_EQ(operate("a", text), "forbidden") << text;
  EXPECT_EQ(operate("new", "write_keys: [kn]\nserver_keys: [mine]\n"), "forbidden");
  EXPECT_EQ(operate("new", "data_api: {app_id: app-n, secret: mine}\n"), "forbidden");
  EXPECT_THAT(names_in(*node), ElementsAre("a1")) << "nothing was changed";
  // All else goes, with the same keys, as themselves or as hashes, or with fewer of them.
  EXPECT_EQ(operate("new", "write_keys: [kn]\n"), "");
  EXPECT_EQ(operate("a", "write_keys: [ka, kb]\nserver_keys: [sb, sa]\n" + secret), "");
  EXPECT_EQ(operate("a", "write_keys: [ka]\nserver_keys: [" + SecretHash::of("sa").configured() + "]\n" + secret), "");
  EXPECT_EQ(operate("a", "server_keys: [sb]\n" + secret), "forbidden") << "it was taken away meanwhile";
  // Nor do those come back of a tenant that was deleted: its persons are there still.
  ASSERT_TRUE(change(*node, "a", std::nullopt));
  EXPECT_EQ(operate("a", "server_keys: [sa]\n"), "forbidden");
  EXPECT_EQ(operate("a", secret), "forbidden");
  EXPECT_TRUE(change(*node, "a", "server_keys: [mine]\n"));
}

// Else whoever may change settings has all that a tenant's customers do sent to an address of its own, for as long as
// nobody looks, also after its token was taken away.
TEST_F(TenantKeeperTest, OnlyWhoMayEraseAddsSinks) {
  const std::string crm = "{name: crm, kind: webhook, url: \"https://crm.example/h\", secret: s1}";
  const std::string lake = "{name: lake, kind: files, to: \"file:///lake\"}";
  const auto with = [](const std::string& sinks) { return "write_keys: [ka]\nsinks: [" + sinks + "]\n"; };
  const auto node = start(
      config_of_text("revision: 1\ntenants: [{name: a, write_keys: [ka], sinks: [" + crm + ", " + lake + "]}]\n"));
  const auto operate = [&](const std::string& name, const std::string& text) {
    const auto made = change(*node, name, text, console::TenantWhat::kSettings, false);
    return made ? "" : made.error().message;
  };
  for (const char* const other : {"{name: mine, kind: webhook, url: \"https://mine.example/h\", secret: s1}",
                                  "{name: crm, kind: webhook, url: \"https://mine.example/h\", secret: s1}",
                                  "{name: crm, kind: webhook, url: \"https://crm.example/h\", secret: mine}",
                                  "{name: crm, kind: webhook, on: changes, url: \"https://crm.example/h\", secret: s1}",
                                  "{name: lake, kind: files, to: \"file:///mine\"}"})
    EXPECT_EQ(operate("a", with(other)), "forbidden") << other;
  EXPECT_EQ(operate("new", "write_keys: [kn]\nsinks: [" + crm + "]\n"), "forbidden");
  EXPECT_THAT(names_in(*node), ElementsAre("a1")) << "nothing was changed";
  // What is there may stay, and go.
  EXPECT_EQ(operate("a", with(lake + ", " + crm) + "rate: {events_per_second: 5}\n"), "");
  EXPECT_EQ(operate("a", with(lake)), "");
  EXPECT_EQ(operate("a", with(lake + ", " + crm)), "forbidden") << "it was taken away meanwhile";
  ASSERT_TRUE(change(*node, "a", std::nullopt));
  EXPECT_EQ(operate("a", with(lake)), "forbidden") << "a tenant that was deleted has none";
  EXPECT_TRUE(change(*node, "a", with(crm)));
}

TEST_F(TenantKeeperTest, WhatIsWrongOrAnothersChangesNothing) {
  const auto node = start(config_of_text(kTwo));
  const auto wrong = change(*node, "c", "{\"limits\":\n  {\"dept\": 3}}");
  EXPECT_EQ(wrong.error().code, Code::kInvalid);
  EXPECT_THAT(wrong.error().message, AllOf(HasSubstr("tenant c:2:4: limits"), HasSubstr("did you mean \"depth\"")));
  EXPECT_EQ(change(*node, "UPPER", "{}").error().code, Code::kInvalid);
  EXPECT_THAT(change(*node, "c", "name: d").error().message, HasSubstr("name: must be c"));
  const auto taken = change(*node, "c", "write_keys: [ka]");
  EXPECT_EQ(taken.error().code, Code::kConflict);
  EXPECT_THAT(taken.error().message, AllOf(HasSubstr("that of a"), Not(HasSubstr("ka"))));
  EXPECT_EQ(change(*node, "c", "server_keys: [" + SecretHash::of("kb").configured() + "]").error().code,
            Code::kConflict);
  EXPECT_THAT(names_in(*node), ElementsAre("a1", "b1"));
  // The same again is the same: nothing is appended.
  ASSERT_TRUE(change(*node, "a", "{\"write_keys\": [\"ka\"]}"));
  EXPECT_THAT(names_in(*node), ElementsAre("a1", "b1"));
}

TEST_F(TenantKeeperTest, OfTwoChangesAtOnceBothCount) {
  const auto one = start(config_of_text(kTwo));
  const auto other = start(config_of_text(kTwo));
  // Neither has read what the other appends until it has appended itself.
  ASSERT_TRUE(change(*one, "c", "write_keys: [kc]"));
  ASSERT_TRUE(change(*other, "d", "write_keys: [kd]"));
  EXPECT_EQ(change(*one, "e", "write_keys: [kd]").error().code, Code::kConflict) << "it was never read here";
  EXPECT_THAT(names_in(*one), ElementsAre("a1", "b1", "c*2", "d*3"));
}

TEST_F(TenantKeeperTest, TheLaterRevisionStandsWhereverItComesFrom) {
  const auto node = start(config_of_text(kTwo));
  ASSERT_TRUE(change(*node, "a", "write_keys: [ka, ka2]"));
  ASSERT_TRUE(change(*node, "c", "{}"));
  const auto again = start(config_of_text(kTwo));
  EXPECT_THAT(names_in(*again), ElementsAre("a*2", "b1", "c*3"));
  const std::string other = "tenants: [{name: a, write_keys: [kx]}, {name: d}]\n";
  Status status;
  start(config_of_text("revision: 1\n" + other), &status);
  EXPECT_THAT(status.error().message, HasSubstr("raise it to 4"));
  start(config_of_text("revision: 3\n" + other), &status);
  EXPECT_THAT(status.error().message, AllOf(HasSubstr("came by the API"), HasSubstr("raise it to 4")));
  start(config_of_text("revision: 4\ntenants: [{name: d, write_keys: [ka2]}, {name: b}]\n"), &status);
  EXPECT_THAT(status.error().message, HasSubstr("that of a too, which came by the API"));
  const auto later = start(config_of_text("revision: 4\n" + other));
  // The file has taken `a` over; `b` has gone with it; `c` was never the file's.
  EXPECT_THAT(names_in(*later), ElementsAre("a4", "c*3", "d4"));
  start(config_of_text(kTwo), &status);
  EXPECT_THAT(status.error().message, HasSubstr("lower than 4"));
  node->keeper->turn();
  EXPECT_THAT(names_in(*node), ElementsAre("a4", "c*3", "d4"));
}

TEST_F(TenantKeeperTest, KeysBelongToTheRevisionToo) {
  const auto one = start(config_of_text(kTwo));
  Status status;
  start(config_of_text("revision: 1\ntenants: [{name: a, write_keys: [other]}, {name: b, write_keys: [kb]}]\n"),
        &status);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("raise it to 2"));
}

// Its process died before the rules were in every partition.
TEST_F(TenantKeeperTest, AnotherProcessFinishesWhatOneHasLeft) {
  const auto node = start(config_of_text(kTwo));
  const auto registry = schema::make_registry();
  Agreement gone(*log_, *registry);
  ASSERT_TRUE(gone.follow());
  v1::TenantsChange left;
  left.set_revision(2);
  left.set_by_api(true);
  left.add_parts()->set_tenant("c");
  left.mutable_parts(0)->set_what(v1::TenantsChange::Part::SETTINGS);
  left.mutable_parts(0)->set_document("{}\n");
  EXPECT_TRUE(gone.claim_change(left, env::real_random()).value());
  EXPECT_FALSE(gone.claim_change(left, env::real_random()).value()) << "it is claimed";
  node->keeper->turn();
  EXPECT_THAT(names_in(*node), ElementsAre("a1", "b1")) << "whoever claimed it may only be slow";
  clock_.sleep_us(5'000'000);
  node->keeper->turn();
  EXPECT_THAT(names_in(*node), ElementsAre("a1", "b1", "c*2"));
  for (uint32_t p = 0; p < kTestPartitions; ++p) EXPECT_EQ(controls_in(p).back(), "2 c");
}

// Whether a tenant's events are written goes with the rules to every partition, before the change is answered.
TEST_F(TenantKeeperTest, ASinkHasTheEventsOfItsTenantWritten) {
  const auto node = start(config_of_text(kTwo));
  EXPECT_TRUE(node->keeper->find("a")->rules.events_unread());
  const std::string sink =
      R"({"write_keys":["ka"],"sinks":[{"name":"s","kind":"webhook","url":"https://h/","secret":"x",)";
  EXPECT_TRUE(change(*node, "a", sink + R"("on":"changes"}]})"));
  EXPECT_TRUE(node->keeper->find("a")->rules.events_unread());
  EXPECT_TRUE(change(*node, "a", sink + R"("on":"events"}]})"));
  EXPECT_FALSE(node->keeper->find("a")->rules.events_unread());
  for (uint32_t p = 0; p < kTestPartitions; ++p) {
    const auto fetched = log_->read({eventlog::Topic::kActions, p}, 0, 1u << 20);
    ASSERT_TRUE(fetched);
    v1::Envelope base, last;
    ASSERT_TRUE(base.ParseFromString(std::string(fetched->records.front().value)));
    ASSERT_TRUE(last.ParseFromString(std::string(fetched->records.back().value)));
    EXPECT_TRUE(base.control().events_if_read());
    ASSERT_EQ(last.control().tenants_size(), 1);
    EXPECT_FALSE(last.control().tenants(0).events_unread());
  }
}

// A file that says nothing of it is the same file as before there was the key; one that says it is another.
TEST_F(TenantKeeperTest, WhetherEventsAreWrittenIsOneOfTheRules) {
  start(config_of_text(kTwo));
  Status status;
  start(config_of_text(kTwo + "events: {keep: 0s}\n"), &status);
  EXPECT_TRUE(status) << "as it is without";
  start(config_of_text(kTwo + "events: {keep: 7d}\n"), &status);
  EXPECT_FALSE(status);
  start(config_of_text("revision: 2" + kTwo.substr(kTwo.find('\n')) + "events: {keep: 7d}\n"), &status);
  EXPECT_TRUE(status);
}

TEST_F(TenantKeeperTest, AFileIsReadAgain) {
  const auto node = start(config_of_text(kTwo));
  node->keeper->reload(config_of_text("revision: 2\ntenants: [{name: a, write_keys: [ka2]}]\n"), {});
  node->keeper->turn();
  EXPECT_THAT(names_in(*node), ElementsAre("a2"));
  node->keeper->reload(config_of_text("revision: 2\ntenants: [{name: a, write_keys: [ka3]}]\n"), {});
  node->keeper->turn();
  EXPECT_THAT(names_in(*node), ElementsAre("a2"));
  EXPECT_NE(node->keeper->find("a")->write_keys, std::vector{SecretHash::of("ka3").configured()});
}

TEST_F(TenantKeeperTest, WhoStillWaitsAtTheEndIsTold) {
  const auto node = start(config_of_text(kTwo));
  std::set<int> answered;
  for (int i = 0; i < 100; ++i)
    node->keeper->change({"t" + std::to_string(i), console::TenantWhat::kSettings, "{}"},
                         [&answered, i](const Result<std::optional<std::string>>& done) {
                           EXPECT_EQ(done.error().code, Code::kRetry);
                           answered.insert(i);
                         });
  node->keeper->stop();
  EXPECT_EQ(answered.size(), 100u);
}

const std::string kPlan = R"({"events": {"E": {"required": ["n"], "properties": {"n": {"type": "number"}}}}})";

TEST_F(TenantKeeperTest, APlanIsAPartOfItsOwn) {
  const auto node = start(config_of_text(kTwo));
  constexpr auto kAPlan = console::TenantWhat::kPlan;
  EXPECT_EQ(change(*node, "c", kPlan, kAPlan).error().code, Code::kNotFound);
  EXPECT_EQ(change(*node, "a", std::nullopt, kAPlan).error().code, Code::kNotFound);
  const auto wrong = change(*node, "a", "{\"events\": {\"E\":\n {\"requierd\": []}}}", kAPlan);
  EXPECT_EQ(wrong.error().code, Code::kInvalid);
  EXPECT_THAT(wrong.error().message,
              AllOf(HasSubstr("plan of a:2:3: events.E: unknown keyword"), HasSubstr("did you mean \"required\"")));
  EXPECT_THAT(change(*node, "a", kPlan, kAPlan).value(),
              AllOf(HasSubstr(R"("plan":{"events":{"E":{"properties")"), HasSubstr(R"("from":"api","revision":2)")));
  ASSERT_NE(node->keeper->find("a")->plan, nullptr);
  EXPECT_TRUE(node->keeper->find("a")->plan->check("E", "{}"));
  EXPECT_THAT(node->keeper->show("a").value(), HasSubstr(R"("plan":{"from":"api","revision":2)"));
  // Settings that don't speak of it leave it as it is, and those that do change it.
  ASSERT_TRUE(change(*node, "a", "write_keys: [ka, ka2]"));
  EXPECT_TRUE(node->keeper->find("a")->plan->knows("E"));
  ASSERT_TRUE(change(*node, "a", "write_keys: [ka]\nplan: {events: {F: {}}}"));
  EXPECT_FALSE(node->keeper->find("a")->plan->knows("E"));
  ASSERT_TRUE(change(*node, "a", std::nullopt, kAPlan));
  EXPECT_EQ(node->keeper->find("a")->plan, nullptr);
  EXPECT_FALSE(node->keeper->show_plan("a"));
}

TEST_F(TenantKeeperTest, APlanOfTheFileGoesWithIt) {
  const auto node = start(config_of_text("revision: 1\ntenants: [{name: a, plan: " + kPlan + "}]\n"));
  ASSERT_NE(node->keeper->find("a")->plan, nullptr);
  EXPECT_THAT(node->keeper->show("a").value(), HasSubstr(R"("plan":{"from":"file","revision":1)"));
  const auto later = start(config_of_text("revision: 2\ntenants: [{name: a}]\n"));
  EXPECT_EQ(later->keeper->find("a")->plan, nullptr);
  EXPECT_THAT(names_in(*later), ElementsAre("a1")) << "its settings are as they were";
}

TEST(TenantDocument, SaysTheSameWhicheverWayItIsWritten) {
  const auto document = [](const std::string& text) {
    yaml::Problems problems("t");
    auto read = read_tenant("acme", text, problems);
    EXPECT_TRUE(read) << problems.text();
    return read ? read->document : "";
  };
  const std::string one =
      document("write_keys: [k]\ncomputed: [{name: total, count: E, where: {size: \"5\", x: {gt: 5}}}]");
  EXPECT_EQ(one,
            document(R"({"name":"acme","computed":[{"count":"E","name":"total","where":{"x":{"gt":5},"size":"5"}}],)"
                     R"("write_keys":["k"]})"));
  EXPECT_EQ(one, document(one)) << "what it says is read as it was";
  EXPECT_NE(one, document("write_keys: [k]\ncomputed: [{name: total, count: E, where: {size: 5, x: {gt: 5}}}]"));
  EXPECT_THAT(one, Not(HasSubstr("[k]")));
  // As Python's json writes what is not ASCII.
  EXPECT_EQ(document(R"({"enrich":["\u00e9 \ud83d\ude00 \\ud83d\/"]})"), document("enrich: ['é 😀 \\ud83d/']"));
  EXPECT_THAT(document("data_api: {app_id: a, secret: s}"), AllOf(HasSubstr("app_id"), Not(HasSubstr(": s\n"))));
}

// A property of librdkafka may be a password, whatever it is called.
TEST(TenantDocument, ShowsNoPropertiesOfSinks) {
  yaml::Problems problems("t");
  const auto read = read_tenant(
      "acme",
      "write_keys: [k]\nsinks: [{name: s, kind: topic, on: changes, brokers: h, topic: t, properties: {sasl.username: "
      "hunter1, sasl.password: hunter2, ssl.key.password: \"env:KEY\"}}]",
      problems);
  ASSERT_TRUE(read) << problems.text();
  EXPECT_EQ(read->tenant.sinks.at(0).properties.size(), 3u);
  std::string shown;
  JsonWriter json(shown);
  write_settings(json, read->document);
  EXPECT_THAT(shown, AllOf(HasSubstr("env:KEY"), HasSubstr("\"brokers\":\"h\""), Not(HasSubstr("hunter"))));
}

}  // namespace
}  // namespace freshet::app
