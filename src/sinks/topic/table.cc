#include "sinks/topic/table.h"

#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/big_endian.h"
#include "telemetry/log.h"

namespace freshet::sinks {
namespace {

constexpr char kRowPrefix = 'r';
constexpr char kMarkPrefix = 'm';
constexpr size_t kMarkKeyBytes = 1 + sizeof(uint32_t);
constexpr std::string_view kMarkVersion = "1 ";

std::string key_of_partition(char prefix, uint32_t partition) {
  std::string out(1, prefix);
  append_big_endian(out, partition);
  return out;
}

// The first key behind all those that begin so. Partitions are far fewer than 2^32.
std::string end_of_partition(char prefix, uint32_t partition) { return key_of_partition(prefix, partition + 1); }

Result<StateMark> parse_mark(std::string_view text) {
  StateMark mark;
  const auto wrong = [] { return fail(Code::kCorrupt, "a mark of a sink's table is damaged"); };
  if (!text.starts_with(kMarkVersion)) return wrong();
  const char* const end = text.data() + text.size();
  const auto next = std::from_chars(text.data() + kMarkVersion.size(), end, mark.next);
  if (next.ec != std::errc() || next.ptr == end || *next.ptr != ' ') return wrong();
  const auto asked = std::from_chars(next.ptr + 1, end, mark.asked_at_us);
  if (asked.ec != std::errc() || asked.ptr != end) return wrong();
  return mark;
}

}  // namespace

Result<std::unique_ptr<StateTable>> StateTable::open(const std::string& directory,
                                                     std::shared_ptr<kv::MemoryBudget> memory) {
  kv::Options options;
  options.path = directory;
  options.memory = std::move(memory);
  options.write_buffer_bytes = 8u << 20;
  options.open_files_max = 64;
  options.remember_damage = true;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(Code::kInvalid, directory + ": can't be made: " + error.message());
  auto store = kv::open_rocks(options);
  if (!store && store.error().code == Code::kCorrupt) {
    log::warn("{}; it is made of the state topic again", store.error().message);
    std::filesystem::remove_all(directory, error);
    std::filesystem::create_directories(directory, error);
    store = kv::open_rocks(options);
  }
  if (!store) return tl::unexpected(std::move(store).error());
  return std::make_unique<StateTable>(*std::move(store));
}

Result<StateMark> StateTable::mark(uint32_t partition) {
  FRESHET_ASSIGN(const auto found, store_->get(key_of_partition(kMarkPrefix, partition)));
  if (!found) return StateMark{};
  return parse_mark(*found);
}

Result<std::vector<uint32_t>> StateTable::partitions() {
  std::vector<uint32_t> out;
  FRESHET_TRY(store_->scan(std::string(1, kMarkPrefix), std::string(1, kMarkPrefix + 1),
                           [&](std::string_view key, std::string_view) {
                             if (key.size() == kMarkKeyBytes) out.push_back(read_big_endian<uint32_t>(key.substr(1)));
                             return true;
                           }));
  return out;
}

Result<std::optional<v1::Document>> StateTable::find(uint32_t partition, const std::string& id) {
  FRESHET_ASSIGN(const auto found, store_->get(key_of_partition(kRowPrefix, partition) + id));
  if (!found) return std::optional<v1::Document>();
  v1::Document document;
  if (!document.ParseFromString(*found)) return fail(Code::kCorrupt, "a row of a sink's table is damaged");
  return std::optional<v1::Document>(std::move(document));
}

Status StateTable::write(uint32_t partition, const StateRows& rows, const StateMark& mark) {
  kv::WriteBatch batch;
  const std::string prefix = key_of_partition(kRowPrefix, partition);
  for (const auto& [id, document] : rows) batch.put(prefix + id, document.SerializeAsString());
  batch.put(key_of_partition(kMarkPrefix, partition),
            fmt::format("{}{} {}", kMarkVersion, mark.next, mark.asked_at_us));
  return store_->write(batch, kv::Durability::kNone);
}

Result<bool> StateTable::has_rows(uint32_t partition) {
  bool any = false;
  FRESHET_TRY(store_->scan(key_of_partition(kRowPrefix, partition), end_of_partition(kRowPrefix, partition),
                           [&](std::string_view, std::string_view) {
                             any = true;
                             return false;
                           }));
  return any;
}

Status StateTable::drop(uint32_t partition) {
  kv::WriteBatch batch;
  batch.remove_range(key_of_partition(kRowPrefix, partition), end_of_partition(kRowPrefix, partition));
  batch.remove(key_of_partition(kMarkPrefix, partition));
  FRESHET_TRY(store_->write(batch, kv::Durability::kNone));
  return store_->reclaim(key_of_partition(kRowPrefix, partition), end_of_partition(kRowPrefix, partition));
}

}  // namespace freshet::sinks
