// A head's fields stand at fixed places; records have lengths and differences as zig-zag varints.
#include "cluster/protocol/record_batch.h"

#include <fmt/core.h>

#include <optional>

#include "base/assert.h"
#include "base/varint.h"
#include "kv/crc32c.h"

namespace freshet::cluster::protocol {
namespace {

// Places of fields, in bytes from a batch's begin.
constexpr size_t kLengthAt = 8, kMagicAt = 16, kSumAt = 17, kAttributesAt = 21;
constexpr size_t kLengthBehind = 12;  // what the length does not count
constexpr uint16_t kPackingMask = 7, kAppendedTime = 1 << 3, kTransactional = 1 << 4, kControl = 1 << 5;

int64_t number_at(std::string_view bytes, size_t at, size_t width) {
  FRESHET_ASSERT(at + width <= bytes.size());
  uint64_t value = 0;
  for (const char c : bytes.substr(at, width)) value = value << 8 | static_cast<uint8_t>(c);
  // Signed, as all of Kafka's numbers are.
  const uint64_t sign = uint64_t{1} << (8 * width - 1);
  return static_cast<int64_t>((value ^ sign) - sign);
}

void put(std::string& out, int64_t value, size_t width) {
  for (size_t i = width; i > 0; --i) out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * (i - 1))));
}

void put_varint(std::string& out, int64_t value) { append_varint(out, zigzag(value)); }

std::optional<int64_t> take_varint(std::string_view& bytes) {
  uint64_t number = 0;
  for (uint32_t shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) return std::nullopt;
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return from_zigzag(number);
  }
  return std::nullopt;
}

// What a length in front says; -1 is null, and reads as "". nullopt: there is not so much.
std::optional<std::string_view> take_sized(std::string_view& bytes) {
  const auto size = take_varint(bytes);
  if (!size || *size < -1 || *size > static_cast<int64_t>(bytes.size())) return std::nullopt;
  const std::string_view out = bytes.substr(0, *size < 0 ? 0 : static_cast<size_t>(*size));
  bytes.remove_prefix(out.size());
  return out;
}

// The sum is of all behind itself. What stands before it (offset, length, epoch of the leader) brokers write.
Result<Batch> batch_of(std::string_view bytes) {
  Batch out;
  const auto attributes = static_cast<uint16_t>(number_at(bytes, kAttributesAt, 2));
  if (number_at(bytes, kMagicAt, 1) != 2) return fail(Code::kCorrupt, "a batch of a format before Kafka 0.11");
  const auto sum = static_cast<uint32_t>(number_at(bytes, kSumAt, 4));
  if (kv::crc32c(bytes.substr(kAttributesAt)) != sum) return fail(Code::kCorrupt, "a batch whose sum is another one");
  if ((attributes & kPackingMask) > static_cast<uint16_t>(Packing::kZstd))
    return fail(Code::kCorrupt, fmt::format("codec {} is not known", attributes & kPackingMask));
  const int64_t records = number_at(bytes, 57, 4);
  if (records < 0) return fail(Code::kCorrupt, "a batch of fewer records than none");
  out.base_offset = number_at(bytes, 0, 8);
  out.bytes = static_cast<uint32_t>(bytes.size());
  out.packing = static_cast<Packing>(attributes & kPackingMask);
  out.appended_time = (attributes & kAppendedTime) != 0;
  out.transactional = (attributes & kTransactional) != 0;
  out.control = (attributes & kControl) != 0;
  out.first_ms = number_at(bytes, 27, 8);
  out.last_ms = number_at(bytes, 35, 8);
  out.producer_id = number_at(bytes, 43, 8);
  out.producer_epoch = static_cast<int16_t>(number_at(bytes, 51, 2));
  out.first_sequence = static_cast<int32_t>(number_at(bytes, 53, 4));
  out.records = static_cast<uint32_t>(records);
  out.packed = bytes.substr(kBatchHeadBytes);
  return out;
}

// In the order of the format: a record's own times and offsets are differences to its batch's.
std::string encode_record(size_t index, const std::string& value) {
  std::string body(1, '\0');                      // attributes
  put_varint(body, 0);                            // time after the first
  put_varint(body, static_cast<int64_t>(index));  // offset after the first
  put_varint(body, -1);                           // no key
  put_varint(body, static_cast<int64_t>(value.size()));
  body += value;
  put_varint(body, 0);  // headers
  std::string out;
  put_varint(out, static_cast<int64_t>(body.size()));
  return out + body;
}

}  // namespace

Result<std::vector<Batch>> batches_in(std::string_view records) {
  std::vector<Batch> out;
  while (records.size() >= kBatchHeadBytes) {
    const int64_t length = number_at(records, kLengthAt, 4);
    if (length < static_cast<int64_t>(kBatchHeadBytes - kLengthBehind))
      return fail(Code::kCorrupt, fmt::format("a batch of {} bytes", length));
    const uint64_t whole = static_cast<uint64_t>(length) + kLengthBehind;
    if (whole > records.size()) break;
    FRESHET_ASSIGN(const Batch batch, batch_of(records.substr(0, whole)));
    out.push_back(batch);
    records.remove_prefix(whole);
  }
  return out;
}

Result<std::vector<std::string_view>> values_of(std::string_view records, uint32_t count) {
  std::vector<std::string_view> out;
  for (uint32_t i = 0; i < count; ++i) {
    auto record = take_sized(records);
    if (!record || record->empty()) return fail(Code::kCorrupt, fmt::format("record {} of {} is none", i, count));
    record->remove_prefix(1);
    const bool numbered = take_varint(*record) && take_varint(*record);
    const auto key = numbered ? take_sized(*record) : std::nullopt;
    const auto value = key ? take_sized(*record) : std::nullopt;
    if (!value) return fail(Code::kCorrupt, fmt::format("record {} of {} is none", i, count));
    out.push_back(*value);
  }
  return out;
}

std::string encode_batch(const NewBatch& batch) {
  FRESHET_ASSERT(!batch.values.empty());
  const auto count = static_cast<int64_t>(batch.values.size());
  std::string records;
  for (size_t i = 0; i < batch.values.size(); ++i) records += encode_record(i, batch.values[i]);
  std::string summed;  // from the attributes to the end
  put(summed, static_cast<int64_t>(batch.packing) | (batch.transactional ? kTransactional : 0), 2);
  put(summed, count - 1, 4);
  put(summed, batch.time_ms, 8);
  put(summed, batch.time_ms, 8);
  put(summed, batch.producer_id, 8);
  put(summed, batch.producer_epoch, 2);
  put(summed, batch.first_sequence, 4);
  put(summed, count, 4);
  summed += pack(batch.packing, records);
  std::string out;
  put(out, 0, 8);  // the broker gives it its offset
  put(out, static_cast<int64_t>(summed.size() + kAttributesAt - kLengthBehind), 4);
  put(out, -1, 4);  // epoch of the leader
  put(out, 2, 1);   // magic
  put(out, kv::crc32c(summed), 4);
  return out + summed;
}

}  // namespace freshet::cluster::protocol
