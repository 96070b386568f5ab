#include "fleet/render/publish.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace freshet::fleet {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

using Tree = std::map<std::string, std::string>;

class Publish : public testing::Test {
 protected:
  Publish() {
    std::string name = (fs::temp_directory_path() / "freshet-publish-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~Publish() override { fs::remove_all(root_); }

  [[nodiscard]] std::string out() const { return (root_ / "out").string(); }
  [[nodiscard]] Published done(const std::vector<File>& files, const PublishOptions& options = {}) const {
    const auto result = publish(out(), files, {"f.yaml", "h"}, options);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? *result : Published{};
  }
  void put(const std::string& path, const std::string& bytes) const {
    fs::create_directories((fs::path(out()) / path).parent_path());
    std::ofstream(fs::path(out()) / path) << bytes;
  }
  // What lies in the folder, less the manifest; nothing may lie beside it.
  [[nodiscard]] Tree tree(bool alone = true) const {
    Tree out_tree;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().lexically_relative(root_).generic_string();
      if (!path.starts_with("out/")) {
        EXPECT_FALSE(alone) << path;
        continue;
      }
      std::ifstream in(entry.path());
      std::ostringstream text;
      text << in.rdbuf();
      if (path != "out/MANIFEST") out_tree[path.substr(4)] = text.str();
    }
    return out_tree;
  }

  fs::path root_;
};

const std::vector<File> kOne = {{"a/x", "1"}, {"a/y", "2"}, {"b/z", "3"}};
const std::vector<File> kTwo = {{"a/x", "1"}, {"a/y", "two"}, {"c/w", "4"}};
const Tree kOneTree = {{"a/x", "1"}, {"a/y", "2"}, {"b/z", "3"}};
const Tree kTwoTree = {{"a/x", "1"}, {"a/y", "two"}, {"c/w", "4"}};

TEST_F(Publish, WritesReplacesAndRemoves) {
  EXPECT_EQ(done(kOne).written, 3u);
  EXPECT_EQ(tree(), kOneTree);
  const Published second = done(kTwo);
  EXPECT_EQ(second.written, 2u);
  EXPECT_EQ(second.unchanged, 1u);
  EXPECT_EQ(second.removed, 1u);
  EXPECT_EQ(tree(), kTwoTree);
}

TEST_F(Publish, SaysWhatApplyingItWouldLose) {
  const auto topics = [](int partitions) {
    return "---\nmetadata: {labels: {strimzi.io/cluster: c}}\nspec: {topicName: t, partitions: " +
           std::to_string(partitions) + "}\n";
  };
  const std::string path = "strimzi/v1/c/topics.yaml";
  EXPECT_TRUE(done({{path, topics(6)}}).losses.empty()) << "nothing was there";
  EXPECT_TRUE(done({{path, topics(7)}}).losses.empty());
  EXPECT_THAT(done({{path, topics(3)}}).losses, ElementsAre(HasSubstr("topic c/t has 3 partitions instead of 7")));
  EXPECT_TRUE(done({{"jmx/x", "1"}}, {.only = {"jmx"}}).losses.empty()) << "stays";
  EXPECT_THAT(done({{"jmx/x", "1"}}).losses, ElementsAre(HasSubstr("topic c/t is gone")));
}

TEST_F(Publish, TheSameAgainTouchesNothing) {
  (void)done(kOne);
  size_t steps = 0;
  const Published again = done(kOne, {.at_step = [&] { ++steps; }});
  EXPECT_EQ(again.written + again.removed, 0u);
  EXPECT_EQ(steps, 0u);
}

TEST_F(Publish, ChangesByHandAreSeenAndKept) {
  (void)done(kOne);
  put("a/x", "mine");
  fs::remove(fs::path(out()) / "a/y");
  put("c/w", "mine too");
  const Tree before = tree();
  EXPECT_THAT(done(kTwo).by_hand, ElementsAre("a/x: changed", "a/y: deleted", "c/w: not rendered before"));
  EXPECT_EQ(tree(), before);
  EXPECT_EQ(done(kTwo, {.force = true}).by_hand.size(), 3u);
  EXPECT_EQ(tree(), kTwoTree);
}

TEST_F(Publish, WhatIsNoLongerRenderedIsNotThrownAwayIfSomebodyChangedIt) {
  (void)done(kOne);
  put("b/z", "mine");
  EXPECT_THAT(done(kTwo).by_hand, ElementsAre("b/z: changed, and no longer rendered"));
  EXPECT_EQ(tree().at("b/z"), "mine");
}

TEST_F(Publish, TheSameChangeByHandAndInTheInputIsNone) {
  (void)done(kOne);
  put("a/y", "two");
  EXPECT_TRUE(done(kTwo).by_hand.empty());
  EXPECT_EQ(tree(), kTwoTree);
}

TEST_F(Publish, OtherFilesStay) {
  (void)done(kOne);
  put("a/notes.md", "n");
  put(".git/config", "g");
  fs::create_symlink("a/x", fs::path(out()) / "link");
  (void)done(kTwo);
  Tree expected = kTwoTree;
  expected["a/notes.md"] = "n";
  expected[".git/config"] = "g";
  expected["link"] = "1";
  EXPECT_EQ(tree(), expected);
  EXPECT_TRUE(fs::is_symlink(fs::path(out()) / "link"));
}

TEST_F(Publish, OnlyOneTargetLeavesTheOthers) {
  (void)done(kOne);
  put("b/z", "mine");  // not of the target that is rendered
  const Published part = done({{"a/x", "9"}}, {.only = {"a"}});
  EXPECT_EQ(part.written, 1u);
  EXPECT_EQ(part.removed, 1u);
  EXPECT_EQ(tree(), (Tree{{"a/x", "9"}, {"b/z", "mine"}}));
  EXPECT_THAT(done(kOne).by_hand, ElementsAre("b/z: changed")) << "still seen later";
}

TEST_F(Publish, RefusesWhatIsNotItsOwn) {
  put("precious", "p");
  const auto refused = publish(out(), kOne, {"f.yaml", "h"}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("was not made by `fleet render`"));
  EXPECT_EQ(tree(), (Tree{{"precious", "p"}}));
  EXPECT_TRUE(publish(out(), kOne, {"f.yaml", "h"}, {.force = true}));
  EXPECT_EQ(tree().at("precious"), "p");
}

TEST_F(Publish, TheManifestIsWhatXxh128sumChecks) {
  (void)done({{"a", ""}});
  std::ifstream in(fs::path(out()) / "MANIFEST");
  std::string header, line;
  std::getline(in, header);
  std::getline(in, line);
  EXPECT_THAT(header, HasSubstr("# Generated by `freshet fleet render` from f.yaml (xxh128 h)"));
  EXPECT_EQ(line, "99aa06d3014798d86001c324468d497f  a");
}

// Dies before its step `at`; true: there was no such step.
bool publish_and_die(const std::string& out, const std::vector<File>& files, int at, bool exchange) {
  const pid_t child = ::fork();
  if (child == 0) {
    int step = 0;
    const PublishOptions options = {.exchange = exchange, .at_step = [&] {
                                      if (step++ == at) ::_exit(1);
                                    }};
    ::_exit(publish(out, files, {"f.yaml", "h"}, options) ? 0 : 2);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 0;
}

TEST_F(Publish, ACrashAnywhereLeavesAWholeFolder) {
  std::vector<bool> was_new;
  for (int at = 0;; ++at) {
    fs::remove_all(root_ / "out");
    (void)done(kOne);
    put("notes", "n");
    const bool finished = publish_and_die(out(), kTwo, at, true);
    Tree now = tree(finished);
    EXPECT_EQ(now.erase("notes"), 1u) << at;
    EXPECT_TRUE(now == kOneTree || now == kTwoTree) << "died at step " << at;
    was_new.push_back(now == kTwoTree);
    EXPECT_TRUE(done(kTwo).by_hand.empty()) << at;
    now = tree();
    EXPECT_EQ(now.erase("notes"), 1u);
    EXPECT_EQ(now, kTwoTree);
    if (finished) break;
  }
  EXPECT_GE(was_new.size(), 6u) << "before each file, the manifest, the swap and the cleaning up";
  EXPECT_FALSE(was_new.front());
  EXPECT_TRUE(was_new.back());
}

TEST_F(Publish, WithoutAnExchangeTheNextRunPutsItBack) {
  for (int at = 0;; ++at) {
    fs::remove_all(root_ / "out");
    (void)done(kOne);
    const bool finished = publish_and_die(out(), kTwo, at, false);
    EXPECT_TRUE(done(kTwo).by_hand.empty()) << at;
    EXPECT_EQ(tree(), kTwoTree) << "died at step " << at;
    if (finished) break;
  }
}

RC_GTEST_FIXTURE_PROP(Publish, EndsAsTheLastRendering, ()) {
  fs::remove_all(root_ / "out");
  const auto count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < count; ++i) {
    Tree tree_now;
    for (const std::string path : {"a/1", "a/2", "b/1", "b/c/1", "d"}) {
      if (*rc::gen::inRange(0, 2) == 1) tree_now[path] = *rc::gen::element<std::string>("", "x", "y\n");
    }
    std::vector<File> files;
    for (const auto& [path, bytes] : tree_now) files.push_back({path, bytes});
    RC_ASSERT(done(files).by_hand.empty());
    RC_ASSERT(tree() == tree_now);
  }
}

}  // namespace
}  // namespace freshet::fleet
