#include "yaml/node.h"

#include <gtest/gtest.h>

#include <map>

namespace freshet::yaml {
namespace {

ParseOptions with_environment(std::map<std::string, std::string> variables) {
  ParseOptions options;
  options.environment = [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return options;
}

std::string problems_of(std::string_view text, const ParseOptions& options = {}) {
  Problems problems("f.yaml");
  (void)parse(text, options, problems);
  return problems.text();
}

TEST(Node, RemembersPlaces) {
  Problems problems("f.yaml");
  const auto root = parse("a: 1\nlist:\n  - x\n  - {b: \"2\"}\n", {}, problems);
  ASSERT_TRUE(root.has_value());
  ASSERT_TRUE(problems.empty());
  EXPECT_EQ(root->find("a")->text, "1");
  EXPECT_FALSE(root->find("a")->quoted);
  const Node* b = root->find("list")->items[1].find("b");
  EXPECT_TRUE(b->quoted);
  EXPECT_EQ(b->at, (Place{4, 9}));
  EXPECT_EQ(root->find("nothing"), nullptr);
}

TEST(Node, VariablesStandAlsoUnquotedInsideBraces) {
  Problems problems("f.yaml");
  const auto root = parse("admin: {listen: x, token: ${TOKEN}}\nuri: \"a${U}b$${U}\"\n",
                          with_environment({{"TOKEN", "s3}cret: [x"}, {"U", "-"}}), problems);
  ASSERT_TRUE(root.has_value()) << problems.text();
  EXPECT_EQ(root->find("admin")->find("token")->text, "s3}cret: [x");
  EXPECT_EQ(root->find("uri")->text, "a-b${U}");
}

TEST(Node, AnUnsetVariableIsAProblemWithItsPlace) {
  const std::string text = problems_of("a: b\ntoken: ${NOPE}\n", with_environment({}));
  EXPECT_NE(text.find("f.yaml:2:8: the environment variable NOPE is not set"), std::string::npos) << text;
}

TEST(Node, WithoutAnEnvironmentNothingIsSubstituted) {
  Problems problems("f.yaml");
  const auto root = parse("a: \"${HOME}\"", {}, problems);
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->find("a")->text, "${HOME}");
}

TEST(Node, RefusesWhatCouldGrowOrHide) {
  EXPECT_NE(problems_of("a: &x [1]\nb: *x\n").find("f.yaml:2:4: aliases"), std::string::npos);
  EXPECT_NE(problems_of("a: !!python/object 1\n").find("tags"), std::string::npos);
  EXPECT_NE(problems_of("---\na: 1\n---\nb: 2\n").find("several documents"), std::string::npos);
  EXPECT_NE(problems_of("a: 1\na: 2\n").find("f.yaml:2:1: \"a\" is there twice (also at line 1)"), std::string::npos);
  EXPECT_NE(problems_of(std::string(200, '[')).find("not YAML"), std::string::npos);
  EXPECT_NE(problems_of(std::string("a: \x01")).find("control character"), std::string::npos);
  EXPECT_NE(problems_of("a: [1\n").find("not YAML"), std::string::npos);
  EXPECT_NE(problems_of("a: 1", ParseOptions{.bytes_max = 3, .environment = {}}).find("too large"), std::string::npos);
}

TEST(Node, OtherEncodingsAreRefusedWithTheirPlace) {
  EXPECT_EQ(problems_of("a: 1\nowner: caf\xe9 noir\n"), "f.yaml:2:11: not UTF-8: save the file as UTF-8");
  EXPECT_EQ(problems_of("\xe9"), "f.yaml:1:1: not UTF-8: save the file as UTF-8");
  EXPECT_EQ(problems_of("a: \xc3\xa9\xc3"), "f.yaml:1:6: not UTF-8: save the file as UTF-8")
      << "cut within a character";
  EXPECT_EQ(problems_of("a: \xed\xa0\x80\n"), "f.yaml:1:4: not UTF-8: save the file as UTF-8") << "half of a pair";
  EXPECT_EQ(problems_of("a: caf\xc3\xa9 \xf0\x9f\x98\x80\n"), "");
  const ParseOptions latin = {.environment = [](const std::string&) { return std::optional<std::string>("caf\xe9"); }};
  EXPECT_EQ(problems_of("a: ${NAME}\n", latin), "f.yaml:1:4: the environment variable NAME is not UTF-8");
}

TEST(Node, EmptyTextAndMissingValuesAreNothing) {
  Problems problems("f.yaml");
  EXPECT_EQ(parse("", {}, problems)->kind, Node::Kind::kNull);
  const auto root = parse("a:\nb: ~\n", {}, problems);
  EXPECT_EQ(root->find("a")->kind, Node::Kind::kNull);
  EXPECT_EQ(root->find("b")->kind, Node::Kind::kNull);
  EXPECT_EQ(root->find("a")->at.line, 1U);
}

TEST(Node, BoundsWhatStrangersMaySend) {
  ParseOptions options;
  options.structure_max = 10;
  EXPECT_EQ(problems_of("a: [1, 2, 3, {b: 4}]", options), "");
  EXPECT_EQ(problems_of("a: " + std::string(100'000, '['), options),
            "f.yaml:1:1: too much: 100001 brackets, commas and colons, at most 10");
}

TEST(Node, ListsSoManyProblems) {
  std::string text, same;
  for (int i = 0; i < 100; ++i) {
    text += "k" + std::to_string(i) + ": !t x\n";
    same += "a: 1\n";
  }
  for (const size_t most : {3u, 90u}) {
    for (const std::string& wrong : {text, same}) {
      Problems problems("f.yaml", most);
      (void)parse(wrong, {}, problems);
      EXPECT_EQ(problems.sorted().size(), most);
      EXPECT_NE(problems.text().find("\nf.yaml: only " + std::to_string(most) + " problems are listed"),
                std::string::npos);
    }
  }
}

}  // namespace
}  // namespace freshet::yaml
