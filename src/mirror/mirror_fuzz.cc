// Values of others' records through a filter and a projection; and what others may have written into the mirror's own
// topics.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/pattern.h"
#include "mirror/marks.h"
#include "mirror/share.h"
#include "mirror/transform.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::mirror;  // NOLINT
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  TopicRule rule;
  rule.where = {{"a", {"1", "x", "true"}}};
  rule.fields = {"a", "b", "c"};
  Transform transform(rule), again(rule);
  std::string out, twice;
  // What was projected passes once more, unchanged.
  if (transform.apply(text, out) == Fate::kPass) FRESHET_ASSERT(again.apply(out, twice) == Fate::kPass && twice == out);
  if (const auto mark = decode_mark(text)) FRESHET_ASSERT(decode_mark(encode(*mark)) == *mark);
  const Note note = decode_note(text);
  FRESHET_ASSERT(decode_note(encode(note)) == note || note.until_ms <= 0);
  const size_t half = size / 2;
  FRESHET_ASSERT(freshet::fits_pattern(text.substr(0, half), text.substr(half)) ==
                 freshet::match_pattern(text.substr(0, half), text.substr(half)).has_value());
  return 0;
}
