#include "mirror/marks.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>

#include "base/assert.h"
#include "base/json_writer.h"

namespace freshet::mirror {

std::string encode(const Mark& mark) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("source", mark.source).key("target").array(mark.target);
  json.member("made_ms", mark.made_ms).end_object();
  return out;
}

Result<Mark> decode_mark(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array target;
  Mark mark;
  bool fine = parser.parse(text.data(), text.size(), true).get(root) == simdjson::SUCCESS &&
              root["source"].get(mark.source) == simdjson::SUCCESS && root["target"].get(target) == simdjson::SUCCESS &&
              root["made_ms"].get(mark.made_ms) == simdjson::SUCCESS;
  for (auto at = target.begin(); fine && at != target.end(); ++at) {
    int64_t offset = 0;
    fine = (*at).get(offset) == simdjson::SUCCESS;
    mark.target.push_back(offset);
  }
  if (!fine) return fail(Code::kCorrupt, "a record of the progress topic is no mark: does something else write there?");
  return mark;
}

std::string mark_key(uint64_t count, uint64_t last) {
  uint64_t apart = 1;
  int level = 0;
  for (const uint64_t wider : {uint64_t{64}, uint64_t{4096}}) {
    if (count / wider == last / wider) break;
    apart = wider;
    ++level;
  }
  return fmt::format("mark-{}-{}", level, count / apart % kMarkSlots);
}

// Two of the same offset say the same; the later one is nearer.
void Marks::add(Mark mark) {
  Mark& kept = by_source_[mark.source];
  if (kept.target.empty() || kept.made_ms <= mark.made_ms) kept = std::move(mark);
}

const Mark* Marks::before(int64_t offset) const {
  const auto after = by_source_.upper_bound(offset);
  return after == by_source_.begin() ? nullptr : &std::prev(after)->second;
}

std::vector<std::optional<int64_t>> translate(const std::vector<Marks>& marks, const std::vector<int64_t>& committed,
                                              size_t target_partitions, bool one_to_one) {
  FRESHET_ASSERT(marks.size() == committed.size());
  std::vector<std::optional<int64_t>> out(target_partitions);
  std::vector<bool> unknown(target_partitions, false);
  for (size_t p = 0; p < marks.size(); ++p) {
    const Mark* const mark = marks[p].before(committed[p]);
    for (size_t t = 0; t < target_partitions; ++t) {
      if (one_to_one && t != p) continue;
      if (mark == nullptr) {
        unknown[t] = true;
        continue;
      }
      // Partitions that the target did not have at the mark had nothing before it.
      const int64_t at = t < mark->target.size() ? mark->target[t] : 0;
      out[t] = std::min(out[t].value_or(at), at);
    }
  }
  for (size_t t = 0; t < target_partitions; ++t)
    if (unknown[t]) out[t].reset();
  return out;
}

}  // namespace freshet::mirror
