// MANIFEST is trusted for nothing but comparison: a hash that somebody changed makes a file look changed by hand, and
// a path that leaves the folder is refused, because publish() removes what is listed and no longer rendered.
#include "fleet/render/manifest.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

namespace freshet::fleet {
namespace {

constexpr size_t kHashDigits = 32;

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// As render writes them: relative, in its shortest form, and below the folder.
bool is_inside(std::string_view path) {
  const std::filesystem::path parsed(path);
  if (path.empty() || path.find('\0') != std::string_view::npos || parsed.is_absolute()) return false;
  return parsed.has_filename() && *parsed.begin() != ".." && parsed.lexically_normal().string() == path && path != ".";
}

}  // namespace

std::string write_manifest(const Hashes& hashes, std::string_view header) {
  std::string out(header);
  for (const auto& [path, hash] : hashes) ((out += hash) += "  ").append(path) += "\n";
  return out;
}

Result<Hashes> parse_manifest(std::string_view text) {
  Hashes out;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with('#')) continue;
    const std::string_view hash = line.substr(0, kHashDigits);
    const std::string_view path = line.substr(std::min(line.size(), kHashDigits + 2));
    if (hash.size() < kHashDigits || !std::ranges::all_of(hash, is_hex_digit) || line.substr(kHashDigits, 2) != "  ")
      return fail(Code::kInvalid, fmt::format("line {}: must be a hash of 32 digits, two blanks and a path", number));
    if (!is_inside(path))
      return fail(Code::kInvalid, fmt::format("line {}: {} is not inside the folder", number, path));
    if (!out.emplace(path, hash).second)
      return fail(Code::kInvalid, fmt::format("line {}: {} is there twice", number, path));
  }
  return out;
}

}  // namespace freshet::fleet
