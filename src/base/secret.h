// A key, token or password as it is kept and compared: its SHA-256 (FIPS 180-4). Keys are long and random, so nobody
// finds one from its hash; and that two hashes differ in an early or a late byte tells nothing of the keys, so the time
// of a comparison tells nothing either.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

class SecretHash {
 public:
  // Of a secret as somebody presents it.
  [[nodiscard]] static SecretHash of(std::string_view secret);
  // Of a secret as a configuration has it: itself, or "sha256-" and the 64 hex digits of its hash, so that a file that
  // is read by many need not have it.
  [[nodiscard]] static SecretHash of_configured(std::string_view text);
  // Whether text begins like a hash. is_hash(): it is one; otherwise a slip of the pen, and nobody's secret.
  [[nodiscard]] static bool looks_hashed(std::string_view text);
  [[nodiscard]] static bool is_hash(std::string_view text);

  [[nodiscard]] std::string hex() const;
  // "sha256-" and hex(): what of_configured() takes for this hash.
  [[nodiscard]] std::string configured() const;
  // The 32 bytes, which live as long as this does.
  [[nodiscard]] std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  friend std::strong_ordering operator<=>(const SecretHash&, const SecretHash&) = default;
  friend bool operator==(const SecretHash&, const SecretHash&) = default;

 private:
  std::array<uint8_t, 32> bytes_{};
};

}  // namespace freshet
