// Framing of records, which all logs share: what was framed once in action or ingest goes to the disk, or to Kafka, as
// it is.
#include "eventlog/event_log.h"

#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/varint.h"

namespace freshet::eventlog {
namespace {

// A number has at most five bytes and no bits above the 32nd; anything else is damage.
bool take_varint32(std::string_view& data, uint32_t& value) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < 5 && i < data.size(); ++i) {
    const auto byte = static_cast<unsigned char>(data[i]);
    sum |= uint64_t{byte & 0x7fu} << (7 * i);
    if ((byte & 0x80) == 0) {
      data.remove_prefix(i + 1);
      value = static_cast<uint32_t>(sum);
      return sum <= std::numeric_limits<uint32_t>::max();
    }
  }
  return false;
}

// A size that is larger than what is left is damage, and is seen before anything of that size is touched.
bool take_bytes(std::string_view& data, std::string_view& bytes) {
  uint32_t size = 0;
  if (!take_varint32(data, size) || size > data.size()) return false;
  bytes = data.substr(0, size);
  data.remove_prefix(size);
  return true;
}

// Records are bounded far below this by whoever accepts them.
void put_size(std::string& out, size_t size) {
  FRESHET_ASSERT(size <= std::numeric_limits<uint32_t>::max());
  append_varint(out, size);
}

}  // namespace

void RecordBatch::add(std::string_view key, std::string_view value) {
  put_size(data_, key.size());
  data_.append(key);
  put_size(data_, value.size());
  data_.append(value);
  ++count_;
}

char* RecordBatch::add_space(std::string_view key, size_t size) {
  put_size(data_, key.size());
  data_.append(key);
  put_size(data_, size);
  data_.resize(data_.size() + size);
  ++count_;
  return data_.data() + data_.size() - size;
}

void RecordBatch::append(const RecordBatch& other) {
  data_.append(other.data_);
  count_ += other.count_;
}

void RecordBatch::clear() {
  data_.clear();
  count_ = 0;
}

std::string RecordBatch::release() {
  FRESHET_ASSERT((count_ == 0) == data_.empty());
  count_ = 0;
  return std::exchange(data_, {});
}

// One question for each partition: a log for which each is a round trip asks for all of them at once instead.
Result<std::vector<Watermarks>> EventLog::all_watermarks(Topic topic) {
  std::vector<Watermarks> out;
  for (uint32_t p = 0; p < partitions(topic); ++p) {
    FRESHET_ASSIGN(auto one, watermarks({topic, p}));
    out.push_back(one);
  }
  return out;
}

Result<std::vector<std::optional<Offset>>> EventLog::all_committed(const std::string& group, Topic topic) {
  std::vector<std::optional<Offset>> out;
  for (uint32_t p = 0; p < partitions(topic); ++p) {
    FRESHET_ASSIGN(auto one, committed(group, {topic, p}));
    out.push_back(one);
  }
  return out;
}

Result<std::vector<std::string>> EventLog::members(const std::string&) { return std::vector<std::string>(); }

bool next_record(std::string_view& data, std::string_view& key, std::string_view& value, bool* corrupt) {
  if (data.empty()) return false;
  if (take_bytes(data, key) && take_bytes(data, value)) return true;
  *corrupt = true;
  return false;
}

Status EventLog::forget(Topic, const std::set<std::string, std::less<>>&, std::atomic<bool>&) { return {}; }
Status EventLog::scrub(std::atomic<bool>&) { return {}; }

}  // namespace freshet::eventlog
