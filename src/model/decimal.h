// Exact sums: a 128-bit integer scaled by 10^9. Addition is associative and commutative, so any order of events ends in
// the same sum (invariant 6), which doubles do not give.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::model {

class Decimal {
 public:
  static constexpr int kScale = 9;  // digits after the point; more are rounded half to even

  constexpr Decimal() = default;
  static Decimal from_words(int64_t high, uint64_t low);
  // "-12.50", "1e3"; nullopt: not a number or beyond ±10^28.
  [[nodiscard]] static std::optional<Decimal> parse(std::string_view text);

  // Saturates at the ends of the range.
  Decimal& operator+=(const Decimal& other);
  auto operator<=>(const Decimal& other) const = default;
  [[nodiscard]] int64_t high() const;
  [[nodiscard]] uint64_t low() const;
  [[nodiscard]] std::string text() const;  // shortest plain notation: "12.5", "-3"

 private:
  __extension__ typedef __int128 Int;
  Int units_ = 0;
};

}  // namespace freshet::model
