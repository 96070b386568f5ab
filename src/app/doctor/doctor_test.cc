#include "app/doctor/doctor.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "app/doctor/archive.h"
#include "app/doctor/bundle.h"
#include "app/doctor/kafka_needs.h"
#include "app/doctor/masked_config.h"
#include "app/doctor/name_mask.h"
#include "app/doctor/report.h"
#include "app/doctor/server_answers.h"
#include "http/text.h"
#include "testing/file.h"

namespace freshet::app {
namespace {

TEST(Doctor, EachCheckHasANameOfItsOwnAndIsInTheDocument) {
  const std::string document = fleet::file_text("docs/operations/doctor.md");
  std::set<std::string_view> names;
  for (const Check& check : all_checks()) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_NE(document.find("| `" + std::string(check.name) + "` | "), std::string::npos) << check.name;
  }
}

TEST(Doctor, TellsTheWorstAndWhatToDo) {
  std::vector<Finding> all;
  Findings out("disk", all);
  out.ok("there");
  EXPECT_EQ(health_of(all), Health::kOk);
  out.fail("full \x1b[2J", "make room");
  out.warn("slow", "wait");
  EXPECT_EQ(health_of(all), Health::kFail);
  EXPECT_EQ(doctor_text(all),
            "ok    disk           there\n"
            "fail  disk           full  [2J\n"
            "                     → make room\n"
            "warn  disk           slow\n"
            "                     → wait\n"
            "1 ok, 1 to be looked at, 1 failed\n");
  EXPECT_EQ(doctor_json({all[2]}),
            R"({"health":"warn","findings":[{"check":"disk","health":"warn","found":"slow","advice":"wait"}]})");
}

TEST(Doctor, SumsOverLabelsAndNoOtherMetric) {
  EXPECT_EQ(sum_of("# HELP a b\na{x=\"1\"} 2\na{x=\"2\"} 3\na_b 7\nab 9\na 1\n", "a"), 6);
  EXPECT_EQ(sum_of("", "a"), 0);
}

TEST(KafkaNeeds, JudgeWhatIsOlder) {
  for (const char* old : {"2.8-IV1", "3.8-IV0", "3.8", "0.11.0"}) EXPECT_TRUE(is_older(old, 3, 9)) << old;
  for (const char* fine : {"3.9-IV0", "3.9", "3.10.1", "4.0-IV3", "12.1", "", "new", "4"})
    EXPECT_FALSE(is_older(fine, 3, 9)) << fine;
  std::vector<Finding> all;
  Findings out("kafka", all);
  eventlog::KafkaReport report;
  report.protocol_version = "3.9-IV0";
  judge_kafka_release(report, out);
  EXPECT_EQ(health_of(all), Health::kOk);
  report.protocol_version = "3.4-IV0";
  judge_kafka_release(report, out);
  EXPECT_EQ(health_of(all), Health::kWarn);
}

TEST(KafkaNeeds, AreThoseOfThePage) {
  const std::string page = fleet::file_text("docs/operations/acls.md");
  constexpr const char* kRoles[] = {"ingest", "action", "reaction", "console"};
  const char* const columns[] = {"actions",  "changes", "events", "deadletters",
                                 "overflow", "imports", "logs",   "schema"};
  for (size_t role = 0; role < 4; ++role) {
    std::string row = std::string("| ") + kRoles[role] + " |";
    for (const char* column : columns)
      for (const TopicNeeds& needs : topic_needs())
        if (name_of(needs.topic) == column)
          row += needs.of_role[role].empty() ? " |" : " " + std::string(needs.of_role[role]) + " |";
    EXPECT_NE(page.find(row), std::string::npos) << "docs/operations/acls.md has not: " << row;
  }
}

TEST(KafkaNeeds, TellWhatIsMissingAndWhoNeedsIt) {
  Config config;
  config.roles = {.ingest = true, .action = false, .reaction = true, .console = false};
  const auto said = [&](eventlog::Topic topic, std::optional<std::string> allowed) {
    std::vector<Finding> all;
    Findings out("kafka", all);
    eventlog::TopicReport is;
    is.name = "t";
    is.partitions = 1;
    is.allowed = std::move(allowed);
    judge_access(config, topic, is, out);
    return all.empty() ? "" : all[0].found;
  };
  EXPECT_EQ(said(eventlog::Topic::kOverflow, "RWD"), "");
  EXPECT_EQ(said(eventlog::Topic::kOverflow, "W"), "topic t: this user may not Read, Delete, which ingest needs");
  EXPECT_EQ(said(eventlog::Topic::kSchema, ""), "topic t: this user may not Read, Write, which ingest, reaction needs");
  EXPECT_EQ(said(eventlog::Topic::kEvents, ""), "") << "neither role reads or writes it";
  EXPECT_EQ(said(eventlog::Topic::kActions, std::nullopt),
            "topic t: the brokers do not say what this user may do there");
  config.tenants = {model::default_tenant("acme")};
  config.tenants[0].sinks.emplace_back();
  EXPECT_EQ(said(eventlog::Topic::kEvents, ""), "topic t: this user may not Read, which reaction needs") << "sinks do";
}

TEST(KafkaNeeds, TellOfGroupsAndTransactionalIds) {
  Config config;
  config.roles = {.ingest = true, .action = true, .reaction = false, .console = false};
  const eventlog::WantedAccess wanted = access_wanted(config);
  EXPECT_EQ(wanted.groups, (std::vector<std::string>{"overflow", "action", "reaction"}))
      << "ingest describes reaction's";
  EXPECT_EQ(wanted.transactional_ids, (std::vector<std::string>{"overflow.doctor", "action.doctor"}));
  const auto said = [&](const std::string& group, std::optional<std::string> allowed) {
    std::vector<Finding> all;
    Findings out("kafka", all);
    judge_group(config, group, {"f." + group, std::move(allowed)}, out);
    return all.empty() ? "" : all[0].found;
  };
  EXPECT_EQ(said("action", "RS"), "");
  EXPECT_EQ(said("action", "S"), "group f.action: this user may not Read, which action needs");
  EXPECT_EQ(said("action", ""), "group f.action: this user may not Describe, Read, which ingest, action needs");
  EXPECT_EQ(said("reaction", "S"), "");
  EXPECT_EQ(said("overflow", std::nullopt), "group f.overflow: the brokers do not say what this user may do there");
  const auto told = [](const eventlog::TransactionalIdReport& is) {
    std::vector<Finding> all;
    Findings out("kafka", all);
    judge_transactional_id("action.doctor", is, out);
    return all.empty() ? "" : all[0].found;
  };
  EXPECT_EQ(told({"f.action.doctor", false, ""}), "");
  EXPECT_EQ(told({"f.action.doctor", true, "no"}),
            "transactional ids f.action.…: this user may not Write, which action needs");
  EXPECT_EQ(told({"f.action.doctor", false, "no coordinator"}), "no coordinator");
  config.roles = {.ingest = false, .action = false, .reaction = true, .console = false};
  config.tenants = {model::default_tenant("acme")};
  config.tenants[0].sinks.emplace_back().name = "lake";
  EXPECT_EQ(access_wanted(config).groups, (std::vector<std::string>{"reaction", "sink.acme.lake"}));
  EXPECT_TRUE(access_wanted(config).transactional_ids.empty());
  EXPECT_EQ(said("sink.acme.lake", ""), "group f.sink.acme.lake: this user may not Read, which reaction needs");
}

TEST(NameMask, PutsNumbersInThePlaceOfTenantsAndSinks) {
  NameMask mask({model::default_tenant("first")});
  model::Tenant with_sink = model::default_tenant("acme");
  with_sink.sinks.emplace_back().name = "my.lake";
  EXPECT_EQ(mask.in_answer(R"(a{tenant="acme",c="d"} 1 a{tenant="b"} a{sink="crm",tenant="acme"})"),
            R"(a{tenant="tenant-2",c="d"} 1 a{tenant="tenant-3"} a{sink="sink-1",tenant="tenant-2"})");
  EXPECT_EQ(mask.in_answer(R"([{"tenant":"acme","n":1}])"), R"([{"tenant":"tenant-2","n":1}])");
  EXPECT_EQ(mask.in_answer(R"(a{store="sinks/acme.crm.0a"} b{store="data/profiles"})"),
            R"(a{store="sinks/tenant-2.sink-1.0a"} b{store="data/profiles"})");
  EXPECT_EQ(mask.in_sentence("no index freshet_first.users: x (firsts, first)"),
            "no index freshet_tenant-1.users: x (firsts, tenant-1)");
  EXPECT_EQ(NameMask({with_sink}).in_sentence("group freshet.sink.acme.my.lake: this user, acme"),
            "group freshet.sink.tenant-1.sink-1: this user, tenant-1");
  EXPECT_EQ(mask.in_path("sinks/other.a.b.0a/MANIFEST"), "sinks/tenant-4.sink-2.0a/MANIFEST");
  EXPECT_EQ(mask.in_path("log/MANIFEST"), "log/MANIFEST");
}

// What is found in MongoDB names databases, which are called after tenants; so are the tables of sinks.
TEST(Bundle, NamesNoTenantWhateverWasFound) {
  Subject subject;
  subject.clock = &env::real_clock();
  subject.config.data_dir = ::testing::TempDir() + "bundle-" + std::to_string(getpid());
  subject.config.tenants = {model::default_tenant("acme")};
  const std::string table = subject.config.data_dir + "/sinks/acme.crm.0a";
  std::filesystem::create_directories(table);
  std::ofstream(table + "/CURRENT") << "x";
  std::vector<Finding> found;
  Findings out("mongodb", found);
  out.warn("there is no index freshet_acme.users: identifiers.email (1 are missing)", "ask acme");
  for (const ArchiveFile& file : bundle_files(subject, found)) {
    EXPECT_EQ(file.content.find("acme"), std::string::npos) << file.name << ": " << file.content;
    EXPECT_EQ(file.content.find("crm"), std::string::npos) << file.name << ": " << file.content;
  }
}

constexpr std::string_view kSecrets = R"(
revision: 3
data_dir: /data
admin: {listen: "127.0.0.1:1", token: hunter2, tokens: [{name: hunter2, token: hunter2, role: read}]}
log: {kind: kafka, kafka: {brokers: "h:1", properties: {security.protocol: SASL_SSL, sasl.password: hunter2, sasl.username: hunter2}}}
profiles: {mongodb: {uri: "mongodb://hunter2:hunter2@h"}}
checkpoints: {to: "s3://bucket/x", endpoint: "http://hunter2@h:1"}
telemetry: {otlp: "http://h:1", ca: /ca.pem, headers: {x-key: hunter2, level: hunter2, role: "7hunter2"}}
tenants:
  - {name: hunter2, write_keys: [hunter2, "${KEY}"], data_api: {app_id: hunter2, secret: hunter2}, rate: {events_per_second: 7},
     limits: {identifiers_per_type: {hunter2: 7}}, computed: [{name: hunter2, count: hunter2, where: {hunter2: 1}}]}
unknown: {key: hunter2}
)";

TEST(MaskedConfig, HidesSecretsAndTenantsAndShowsTheRest) {
  const auto masked = masked_config(kSecrets);
  ASSERT_TRUE(masked.has_value());
  EXPECT_EQ(masked->find("hunter2"), std::string::npos) << *masked;
  for (const char* shown : {"revision: 3", "/data", "127.0.0.1:1", "role: read", "SASL_SSL", "s3://bucket/x", "h:1",
                            "/ca.pem", "events_per_second: 7", "${KEY}"})
    EXPECT_NE(masked->find(shown), std::string::npos) << shown << " is not in\n" << *masked;
  EXPECT_FALSE(masked_config("a: [").has_value());
}

TEST(Archive, IsWhatTarMakesOfIt) {
  const std::string tar = make_tar({{"a/b", "hello"}, {"c", ""}}, 1);
  ASSERT_EQ(tar.size(), 5 * 512U);
  EXPECT_EQ(tar.substr(0, 3), "a/b");
  EXPECT_EQ(tar.substr(124, 11), "00000000005");
  EXPECT_EQ(tar.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(tar.substr(512, 5), "hello");
  EXPECT_EQ(tar.substr(1024, 1), "c");
}

TEST(Archive, AnyContentFillsItsBlocks) {
  ASSERT_TRUE(rc::check([] {
    const auto content = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const std::string tar = make_tar({{"x", content}}, 0);
    RC_ASSERT(tar.size() % 512 == 0U);
    RC_ASSERT(tar.substr(512, content.size()) == content);
    RC_ASSERT(http::gzip(tar) == http::gzip(tar));
  }));
}

}  // namespace
}  // namespace freshet::app
