#include "ingest/letter_budget.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "model/letter_body.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {
namespace {

constexpr double kRefillUs = 3600e6;

void cut(v1::DeadLetter& letter) {
  for (std::string* text : {letter.mutable_body(), letter.mutable_context()}) {
    if (text->size() <= kLetterBodyBytesMax) continue;
    letter.set_cut_bytes(std::max<uint64_t>(letter.cut_bytes(), text->size()));
    text->resize(model::kCutBodyBytes);
    text->shrink_to_fit();
  }
}

v1::DeadLetter tally(v1::DeadLetter& letter) {
  v1::DeadLetter out;
  out.set_id(std::move(*letter.mutable_id()));
  out.set_tenant(letter.tenant());
  out.set_source(letter.source());
  out.set_code(letter.code());
  out.set_received_at_us(letter.received_at_us());
  return out;
}

}  // namespace

bool LetterBudget::take(const v1::DeadLetter& letter) {
  const auto [at, is_new] =
      left_.try_emplace(letter.tenant(), Left{static_cast<double>(letters_), static_cast<double>(bytes_), 0});
  Left& left = at->second;
  if (is_new) left.at_us = letter.received_at_us();
  if (const auto passed = static_cast<double>(letter.received_at_us() - left.at_us); passed > 0) {
    const double share = passed / kRefillUs;
    left.letters = std::min(static_cast<double>(letters_), left.letters + share * static_cast<double>(letters_));
    left.bytes = std::min(static_cast<double>(bytes_), left.bytes + share * static_cast<double>(bytes_));
    left.at_us = letter.received_at_us();
  }
  const auto bytes = static_cast<double>(letter.ByteSizeLong());
  if (left.letters < 1 || left.bytes < bytes) return false;
  left.letters -= 1;
  left.bytes -= bytes;
  return true;
}

void LetterBudget::apply(std::vector<v1::DeadLetter>& letters) {
  if (letters.empty()) return;
  std::vector<v1::DeadLetter> kept;
  std::map<std::pair<std::string, std::string>, v1::DeadLetter> counted;  // by tenant and code
  const std::lock_guard lock(mutex_);
  for (v1::DeadLetter& letter : letters) {
    cut(letter);
    // Counts are no letters.
    if (letter.body_type() == v1::DeadLetter::PLAN_VIOLATIONS || take(letter)) {
      kept.push_back(std::move(letter));
      continue;
    }
    const std::pair group(letter.tenant(), letter.code());
    v1::DeadLetter& sum = counted.try_emplace(group, tally(letter)).first->second;
    sum.set_uncounted(sum.uncounted() + 1);
  }
  for (auto& [group, sum] : counted) {
    telemetry::counter("freshet_deadletters_only_counted_total",
                       "Dead letters that were not kept, because their tenant had too many in a short time.",
                       {{"tenant", group.first}})
        .add(sum.uncounted());
    kept.push_back(std::move(sum));
  }
  FRESHET_ASSERT(kept.size() <= letters.size());
  letters = std::move(kept);
}

}  // namespace freshet::ingest
