// Topics of one rendering against those of the next.
#include "fleet/render/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/render/strimzi.h"
#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string topics_file(const std::string& topics) {
  yaml::Problems problems("f.yaml");
  const auto fleet = parse_topology(
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
      "clusters: [{name: c, platform: strimzi}]\ntopics: [" +
          topics + "]\n",
      problems);
  EXPECT_EQ(problems.text(), "");
  if (!fleet) return "";
  Rendering out;
  render_strimzi(*fleet, {"f.yaml", "0"}, out);
  for (const File& file : out.files) {
    if (has_topics(file.path)) return file.bytes;
  }
  return "";
}

TEST(Losses, AreTopicsPartitionsAndRetention) {
  const std::string was = topics_file("{name: keep, partitions: 12, retention: 30d}, {name: ledger, retention: 0}");
  EXPECT_THAT(
      losses(was, topics_file("{name: keep, retention: 1h}")),
      ElementsAre(HasSubstr("topic c/keep has 6 partitions instead of 12"),
                  HasSubstr("topic c/keep has a retention of 1h instead of 30d"), HasSubstr("topic c/ledger is gone")));
  EXPECT_THAT(losses(was, topics_file("{name: keep, partitions: 13, retention: 0}, {name: ledger, retention: 1d}")),
              ElementsAre(HasSubstr("topic c/ledger has a retention of 1d instead of no end")));
  EXPECT_THAT(losses(was, was), IsEmpty());
  EXPECT_EQ(losses(was, "").size(), 2U) << "the cluster is gone";
  EXPECT_THAT(losses("", was), IsEmpty());
}

TEST(Losses, AreBytesAndKeys) {
  const std::string was = topics_file("{name: state, cleanup: compact}, {name: log, retention_bytes: 2GiB}");
  EXPECT_THAT(losses(was, topics_file("{name: state}, {name: log, retention_bytes: 1GiB}")),
              ElementsAre(HasSubstr("retention_bytes of 1GiB instead of 2GiB"), HasSubstr("no longer compacted only")));
  EXPECT_THAT(losses(was, topics_file("{name: state, cleanup: compact, retention: 1s}, {name: log}")), IsEmpty())
      << "retention is not looked at where a topic is compacted only";
}

TEST(Losses, AreAllMessagesOfAKeyButTheLast) {
  const std::string was = topics_file("{name: audit, retention: 0}");
  for (const char* cleanup : {"compact", "compact_delete"}) {
    const std::string is = topics_file(std::string("{name: audit, retention: 0, cleanup: ") + cleanup + "}");
    EXPECT_THAT(losses(was, is), ElementsAre(HasSubstr("topic c/audit is compacted now"))) << cleanup;
    EXPECT_THAT(losses(is, is), IsEmpty()) << cleanup;
  }
}

TEST(Losses, NothingIsReadFromWhatIsNoTopic) {
  for (const char* text :
       {"", "---\n", "a: 1\n", "---\n[1\n---\nspec: {topicName: t}\n", "---\nmetadata: 3\nspec: 4\n"})
    EXPECT_THAT(losses(text, ""), IsEmpty()) << text;
}

}  // namespace
}  // namespace freshet::fleet
