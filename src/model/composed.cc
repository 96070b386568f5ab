// The letters of Unicode that are also written as a letter and a mark behind it (canonical composition, UAX 15): of
// each mark the letters without and with it, in one order. As addresses are compared in small letters, capitals are
// left out, and so are signs that no address has. Unicode never changes what is here.
#include "model/composed.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/utf8.h"
#include "model/code_point.h"

namespace freshet::model {
namespace {

struct Mark {
  char16_t mark;
  std::u16string_view plain, marked;
};

// The i without its mark: a capital I with a dot (U+0130) has it as its small letter.
// clang-format off
constexpr std::array<Mark, 51> kMarks = {{
    {0x0300, u"aeiouünеиēōwâăêôơưyἀἁἐἑἠἡἰἱὀὁὐὑὠὡαεηιουωϊϋ",
     u"àèìòùǜǹѐѝḕṑẁầằềồờừỳἂἃἒἓἢἣἲἳὂὃὒὓὢὣὰὲὴὶὸὺὼῒῢ"},
    {0x0301, u"aeiouyclnrszügåæøϊαεηιϋουωϒгкçēïkmõōpũwâăêôơưἀἁἐἑἠἡἰἱὀὁὐὑὠὡ",
     u"áéíóúýćĺńŕśźǘǵǻǽǿΐάέήίΰόύώϓѓќḉḗḯḱḿṍṓṕṹẃấắếốớứἄἅἔἕἤἥἴἵὄὅὔὕὤὥ"},
    {0x0302, u"aeioucghjswyzạẹọ",
     u"âêîôûĉĝĥĵŝŵŷẑậệộ"},
    {0x0303, u"anoiuvâăeêôơưy",
     u"ãñõĩũṽẫẵẽễỗỡữỹ"},
    {0x0304, u"aeiouüäȧæǫöõȯyиуgḷṛαιυ",
     u"āēīōūǖǟǡǣǭȫȭȱȳӣӯḡḹṝᾱῑῡ"},
    {0x0306, u"aegiouиужаеȩạαιυ",
     u"ăĕğĭŏŭйўӂӑӗḝặᾰῐῠ"},
    {0x0307, u"cegzaobdfhmnprsśšṣtwxyſi",
     u"ċėġżȧȯḃḋḟḣṁṅṗṙṡṥṧṩṫẇẋẏẛi"},
    {0x0308, u"aeiouyιυϒеіаәжзиоөэучыhõūwxt",
     u"äëïöüÿϊϋϔёїӓӛӝӟӥӧӫӭӱӵӹḧṏṻẅẍẗ"},
    {0x0309, u"aâăeêioôơuưy",
     u"ảẩẳẻểỉỏổởủửỷ"},
    {0x030a, u"auwy",
     u"åůẘẙ"},
    {0x030b, u"ouу",
     u"őűӳ"},
    {0x030c, u"cdelnrstzaiouügkʒjh",
     u"čďěľňřšťžǎǐǒǔǚǧǩǯǰȟ"},
    {0x030f, u"aeioruѵ",
     u"ȁȅȉȍȑȕѷ"},
    {0x0311, u"aeioru",
     u"ȃȇȋȏȓȗ"},
    {0x0313, u"αεηιουωρ",
     u"ἀἐἠἰὀὐὠῤ"},
    {0x0314, u"αεηιουωρ",
     u"ἁἑἡἱὁὑὡῥ"},
    {0x031b, u"ou",
     u"ơư"},
    {0x0323, u"bdhklmnrstvwzaeioơuưy",
     u"ḅḍḥḳḷṃṇṛṣṭṿẉẓạẹịọợụựỵ"},
    {0x0324, u"u",
     u"ṳ"},
    {0x0325, u"a",
     u"ḁ"},
    {0x0326, u"st",
     u"șț"},
    {0x0327, u"cgklnrstedh",
     u"çģķļņŗşţȩḑḩ"},
    {0x0328, u"aeiuo",
     u"ąęįųǫ"},
    {0x032d, u"delntu",
     u"ḓḙḽṋṱṷ"},
    {0x032e, u"h",
     u"ḫ"},
    {0x0330, u"eiu",
     u"ḛḭṵ"},
    {0x0331, u"bdklnrtzh",
     u"ḇḏḵḻṉṟṯẕẖ"},
    {0x0342, u"ἀἁἠἡἰἱὐὑὠὡαηιϊυϋω",
     u"ἆἇἦἧἶἷὖὗὦὧᾶῆῖῗῦῧῶ"},
    {0x0653, u"ا",
     u"آ"},
    {0x0654, u"اويەہے",
     u"أؤئۀۂۓ"},
    {0x0655, u"ا",
     u"إ"},
    {0x093c, u"नरळ",
     u"ऩऱऴ"},
    {0x09be, u"ে",
     u"ো"},
    {0x09d7, u"ে",
     u"ৌ"},
    {0x0b3e, u"େ",
     u"ୋ"},
    {0x0b56, u"େ",
     u"ୈ"},
    {0x0b57, u"େ",
     u"ୌ"},
    {0x0bbe, u"ெே",
     u"ொோ"},
    {0x0bd7, u"ஒெ",
     u"ஔௌ"},
    {0x0c56, u"ె",
     u"ై"},
    {0x0cc2, u"ೆ",
     u"ೊ"},
    {0x0cd5, u"ಿೆೊ",
     u"ೀೇೋ"},
    {0x0cd6, u"ೆ",
     u"ೈ"},
    {0x0d3e, u"െേ",
     u"ൊോ"},
    {0x0d57, u"െ",
     u"ൌ"},
    {0x0dca, u"ෙො",
     u"ේෝ"},
    {0x0dcf, u"ෙ",
     u"ො"},
    {0x0ddf, u"ෙ",
     u"ෞ"},
    {0x102e, u"ဥ",
     u"ဦ"},
    {0x3099, u"かきくけこさしすせそたちつてとはひふへほうゝカキクケコサシスセソタチツテトハヒフヘホウワヰヱヲヽ",
     u"がぎぐげござじずぜぞだぢづでどばびぶべぼゔゞガギグゲゴザジズゼゾダヂヅデドバビブベボヴヷヸヹヺヾ"},
    {0x309a, u"はひふへほハヒフヘホ",
     u"ぱぴぷぺぽパピプペポ"},
}};

// In which order marks of one letter stand: those below come before those above (canonical combining class).
struct Ranks {
  char16_t first, last;
  uint8_t rank;
};
constexpr std::array<Ranks, 36> kRanks = {{
    {0x0300, 0x0314, 230}, {0x0315, 0x0315, 232}, {0x0316, 0x0319, 220}, {0x031a, 0x031a, 232},
    {0x031b, 0x031b, 216}, {0x031c, 0x0320, 220}, {0x0321, 0x0322, 202}, {0x0323, 0x0326, 220},
    {0x0327, 0x0328, 202}, {0x0329, 0x0333, 220}, {0x0334, 0x0338, 1}, {0x0339, 0x033c, 220},
    {0x033d, 0x0344, 230}, {0x0345, 0x0345, 240}, {0x0346, 0x0346, 230}, {0x0347, 0x0349, 220},
    {0x034a, 0x034c, 230}, {0x034d, 0x034e, 220}, {0x0350, 0x0352, 230}, {0x0353, 0x0356, 220},
    {0x0357, 0x0357, 230}, {0x0358, 0x0358, 232}, {0x0359, 0x035a, 220}, {0x035b, 0x035b, 230},
    {0x035c, 0x035c, 233}, {0x035d, 0x035e, 234}, {0x035f, 0x035f, 233}, {0x0360, 0x0361, 234},
    {0x0362, 0x0362, 233}, {0x0363, 0x036f, 230}, {0x0653, 0x0654, 230}, {0x0655, 0x0655, 220},
    {0x093c, 0x093c, 7}, {0x0c56, 0x0c56, 91}, {0x0dca, 0x0dca, 9}, {0x3099, 0x309a, 8}}};
// clang-format on

// Syllables of Korean are made by arithmetic (The Unicode Standard, 3.12).
constexpr char32_t kSyllables = 0xac00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11a7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
// What begins no character is kept as it came, beyond all characters.
constexpr char32_t kRawBytes = 0x110000;

bool is_vowel(char32_t c) { return c >= kVowels && c < kVowels + kVowelCount; }
bool is_tail(char32_t c) { return c > kTails && c < kTails + kTailCount; }

const Mark* find_mark(char32_t c) {
  const auto* const row =
      std::lower_bound(kMarks.begin(), kMarks.end(), c, [](const Mark& m, char32_t x) { return m.mark < x; });
  return row != kMarks.end() && row->mark == c ? row : nullptr;
}

// 0: no mark.
uint8_t mark_rank(char32_t c) {
  const auto* const run =
      std::lower_bound(kRanks.begin(), kRanks.end(), c, [](const Ranks& r, char32_t x) { return r.last < x; });
  return run != kRanks.end() && c >= run->first ? run->rank : uint8_t{0};
}

bool joins_what_is_before(char32_t c) {
  return c >= 0x300 && (mark_rank(c) != 0 || is_vowel(c) || is_tail(c) || find_mark(c) != nullptr);
}

// What two become, 0: they stay two.
char32_t put_together(char32_t first, char32_t second) {
  if (first >= kLeads && first < kLeads + kLeadCount && is_vowel(second))
    return kSyllables + ((first - kLeads) * kVowelCount + second - kVowels) * kTailCount;
  const bool open = first >= kSyllables && first < kSyllables + kLeadCount * kVowelCount * kTailCount &&
                    (first - kSyllables) % kTailCount == 0;
  if (open && is_tail(second)) return first + second - kTails;
  const Mark* const row = find_mark(second);
  if (row == nullptr || first > 0xffff) return 0;
  const size_t at = row->plain.find(static_cast<char16_t>(first));
  return at == std::u16string_view::npos ? 0 : row->marked[at];
}

// With the marks of a letter behind it, however many.
void take_apart(char32_t c, std::vector<char32_t>& out) {
  if (c >= 0xc0 && c <= 0xffff) {
    for (const Mark& row : kMarks) {
      const size_t at = row.marked.find(static_cast<char16_t>(c));
      if (at == std::u16string_view::npos) continue;
      take_apart(row.plain[at], out);
      return out.push_back(row.mark);
    }
  }
  out.push_back(c);
}

// The marks of each letter in their order; those of one rank stay as they stand.
void sort_marks(std::vector<char32_t>& letters) {
  for (auto begin = letters.begin(); begin != letters.end();) {
    begin = std::find_if(begin, letters.end(), [](char32_t c) { return mark_rank(c) != 0; });
    const auto end = std::find_if(begin, letters.end(), [](char32_t c) { return mark_rank(c) == 0; });
    std::stable_sort(begin, end, [](char32_t a, char32_t b) { return mark_rank(a) < mark_rank(b); });
    begin = end;
  }
}

std::vector<char32_t> put_all_together(const std::vector<char32_t>& letters) {
  std::vector<char32_t> out;
  size_t letter = 0;  // where the one is that a mark may join
  uint8_t last = 0;   // the rank of what stands behind it
  for (const char32_t c : letters) {
    const uint8_t rank = mark_rank(c);
    const bool has_letter = letter < out.size();
    const bool kept_apart = has_letter && out.size() > letter + 1 && last >= rank;
    const char32_t joined = has_letter && !kept_apart ? put_together(out[letter], c) : 0;
    if (joined != 0) {
      out[letter] = joined;
      continue;
    }
    if (rank == 0) letter = out.size();
    last = rank;
    out.push_back(c);
  }
  return out;
}

bool may_join(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = code_point(text);
    if (joins_what_is_before(c.letter)) return true;
    text.remove_prefix(c.bytes);
  }
  return false;
}

}  // namespace

std::string composed(std::string_view text) {
  if (!may_join(text)) return std::string(text);
  std::vector<char32_t> letters;
  while (!text.empty()) {
    const CodePoint c = code_point(text);
    text.remove_prefix(c.bytes);
    take_apart(c.bytes == 1 && c.letter >= 0x80 ? kRawBytes + c.letter : c.letter, letters);
  }
  sort_marks(letters);
  std::string out;
  for (const char32_t c : put_all_together(letters)) {
    if (c >= kRawBytes) {
      out += static_cast<char>(c - kRawBytes);
    } else {
      append_code_point(out, c);
    }
  }
  return out;
}

}  // namespace freshet::model
