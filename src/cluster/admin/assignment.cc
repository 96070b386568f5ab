#include "cluster/admin/assignment.h"

#include <algorithm>
#include <optional>

namespace freshet::cluster {
namespace {

// Reads from the front; nullopt: there is not so much.
class Bytes {
 public:
  explicit Bytes(std::string_view left) : left_(left) {}
  std::optional<int32_t> integer(size_t size) {
    if (left_.size() < size) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(left_[i]);
    left_.remove_prefix(size);
    return size == 2 ? static_cast<int16_t>(value) : static_cast<int32_t>(value);
  }
  std::optional<std::string_view> text() {
    const auto size = integer(2);
    if (!size || *size < 0 || left_.size() < static_cast<size_t>(*size)) return std::nullopt;
    const std::string_view out = left_.substr(0, static_cast<size_t>(*size));
    left_.remove_prefix(out.size());
    return out;
  }
  // A number of things of so many bytes at least that are still to come; so nothing is allocated for a lie.
  std::optional<int32_t> count(size_t bytes_each) {
    const auto value = integer(4);
    if (!value || *value < 0 || static_cast<size_t>(*value) > left_.size() / bytes_each) return std::nullopt;
    return value;
  }

 private:
  std::string_view left_;
};

bool read_topic(Bytes& bytes, std::vector<PartitionRef>& out) {
  const auto name = bytes.text();
  if (!name) return false;
  const auto partitions = bytes.count(4);
  if (!partitions) return false;
  for (int32_t i = 0; i < *partitions; ++i) out.push_back({std::string(*name), *bytes.integer(4)});
  return true;
}

}  // namespace

std::vector<PartitionRef> parse_assignment(std::string_view bytes_in) {
  constexpr size_t kSmallestTopic = 6;
  Bytes bytes(bytes_in);
  std::vector<PartitionRef> out;
  const auto version = bytes.integer(2);
  if (!version || *version < 0) return {};
  const auto topics = bytes.count(kSmallestTopic);
  if (!topics) return {};
  for (int32_t i = 0; i < *topics; ++i) {
    if (!read_topic(bytes, out)) return {};
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace freshet::cluster
