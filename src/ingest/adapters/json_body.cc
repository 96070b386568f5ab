#include "ingest/adapters/json_body.h"

#include <algorithm>

namespace freshet::ingest {
namespace {

constexpr size_t kKeptBytesMax = 1u << 20;  // a larger buffer is given back after use

std::string& buffer_of(Slot slot) {
  thread_local std::string buffers[2];
  return buffers[static_cast<size_t>(slot)];
}

ondemand::parser& parser_of(Slot slot) {
  thread_local ondemand::parser parsers[2];
  return parsers[static_cast<size_t>(slot)];
}

}  // namespace

JsonBody::JsonBody(Slot slot, std::string_view text) : slot_(slot) {
  std::string& buffer = buffer_of(slot);
  capacity_ = text.size() + simdjson::SIMDJSON_PADDING;
  if (buffer.size() > kKeptBytesMax && capacity_ <= kKeptBytesMax) std::string().swap(buffer);
  if (buffer.size() < capacity_) buffer.resize(capacity_);
  std::copy(text.begin(), text.end(), buffer.begin());
  std::fill_n(buffer.begin() + static_cast<std::ptrdiff_t>(text.size()), simdjson::SIMDJSON_PADDING, ' ');
  text_ = {buffer.data(), text.size()};
}

simdjson::error_code JsonBody::open(std::string_view part, ondemand::document& document, ondemand::object& root,
                                    std::string_view& raw) {
  const size_t begin = static_cast<size_t>(part.data() - text_.data());
  const simdjson::padded_string_view padded(part, capacity_ - begin);
  if (const auto error = parser_of(slot_).iterate(padded).get(document); error != simdjson::SUCCESS) return error;
  if (const auto error = document.get_object().get(root); error != simdjson::SUCCESS) return error;
  // On-demand does not look behind the object by itself: what stands there would be lost in silence.
  if (const auto error = root.raw_json().get(raw); error != simdjson::SUCCESS) return error;
  raw = trim_right(raw);
  if (raw.data() + raw.size() != trim_right(part).data() + trim_right(part).size()) return simdjson::TAPE_ERROR;
  return root.reset().error();
}

size_t prefix_of(std::string_view text, size_t characters) {
  if (text.size() <= characters) return text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xc0u) != 0x80u;
    if (starts && characters-- == 0) return i;
  }
  return text.size();
}

}  // namespace freshet::ingest
