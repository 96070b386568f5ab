#include "app/doctor/doctor.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "app/doctor/archive.h"
#include "app/doctor/masked_config.h"
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

TEST(Doctor, PutsNumbersInThePlaceOfTenants) {
  EXPECT_EQ(without_tenants(R"(a{tenant="acme",c="d"} 1 a{tenant="b"} a{x="y",tenant="acme"})"),
            R"(a{tenant="tenant-1",c="d"} 1 a{tenant="tenant-2"} a{x="y",tenant="tenant-1"})");
  EXPECT_EQ(without_tenants(R"([{"tenant":"acme","n":1}])"), R"([{"tenant":"tenant-1","n":1}])");
}

constexpr std::string_view kSecrets = R"(
revision: 3
data_dir: /data
admin: {listen: "127.0.0.1:1", token: hunter2, tokens: [{name: hunter2, token: hunter2, role: read}]}
log: {kind: kafka, kafka: {brokers: "h:1", properties: {security.protocol: SASL_SSL, sasl.password: hunter2, sasl.username: hunter2}}}
profiles: {mongodb: {uri: "mongodb://hunter2:hunter2@h"}}
checkpoints: {to: "s3://bucket/x", endpoint: "http://hunter2@h:1"}
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
                            "events_per_second: 7", "${KEY}"})
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
