#include "ingest/letter_budget.h"

#include <gtest/gtest.h>

#include "model/letter_body.h"

namespace freshet::ingest {
namespace {

v1::DeadLetter made(const std::string& tenant, const std::string& code, env::TimeUs at_us, size_t bytes = 10) {
  static int count = 0;
  v1::DeadLetter letter;
  letter.set_id(std::to_string(++count));
  letter.set_tenant(tenant);
  letter.set_code(code);
  letter.set_received_at_us(at_us);
  letter.set_body(std::string(bytes, 'x'));
  return letter;
}

uint64_t uncounted(const std::vector<v1::DeadLetter>& letters) {
  uint64_t sum = 0;
  for (const auto& letter : letters) sum += letter.uncounted();
  return sum;
}

TEST(LetterBudget, BeyondItLettersAreOnlyCounted) {
  LetterBudget budget(10, 1 << 20);
  std::vector<v1::DeadLetter> letters;
  for (int i = 0; i < 25; ++i) letters.push_back(made("acme", i % 2 == 0 ? "odd" : "even", 1));
  letters.push_back(made("beta", "odd", 1));
  budget.apply(letters);
  ASSERT_EQ(letters.size(), 13u) << "ten of acme, two sums, and the one of beta, which has a budget of its own";
  EXPECT_EQ(uncounted(letters), 15u);
  for (const auto& letter : letters) EXPECT_EQ(letter.body().empty(), letter.uncounted() > 0);
  // Half an hour later there is half of it.
  std::vector<v1::DeadLetter> later;
  for (int i = 0; i < 10; ++i) later.push_back(made("acme", "odd", 1 + 1'800'000'000));
  budget.apply(later);
  EXPECT_EQ(uncounted(later), 5u);
  // A clock that goes back gives nothing.
  std::vector<v1::DeadLetter> before{made("acme", "odd", 5)};
  budget.apply(before);
  EXPECT_EQ(uncounted(before), 1u);
}

TEST(LetterBudget, BytesCountToo) {
  LetterBudget budget(1000, 10'000);
  std::vector<v1::DeadLetter> letters;
  for (int i = 0; i < 10; ++i) letters.push_back(made("acme", "odd", 1, 3000));
  budget.apply(letters);
  EXPECT_EQ(uncounted(letters), 7u);
}

TEST(LetterBudget, WhatIsLongerThanAnyItemIsCut) {
  LetterBudget budget(10, 64u << 20);
  std::vector<v1::DeadLetter> letters{made("acme", "odd", 1, kLetterBodyBytesMax),
                                      made("acme", "odd", 1, kLetterBodyBytesMax + 1)};
  budget.apply(letters);
  EXPECT_EQ(letters[0].body().size(), kLetterBodyBytesMax);
  EXPECT_EQ(letters[0].cut_bytes(), 0u);
  EXPECT_EQ(letters[1].body().size(), model::kCutBodyBytes);
  EXPECT_EQ(letters[1].cut_bytes(), kLetterBodyBytesMax + 1);
}

}  // namespace
}  // namespace freshet::ingest
