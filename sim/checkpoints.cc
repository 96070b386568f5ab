#include "checkpoints.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/hash.h"
#include "state/checkpoint/catalog.h"

namespace freshet::sim {
namespace {

namespace fs = std::filesystem;

// What the rules say, which the world publishes.
constexpr const char* kHashKey = "0123456789abcdef";
constexpr uint32_t kKeep = 2;
// A snapshot's rows lie in so many files, so that most of them are those of the last one.
constexpr size_t kFilesOfSnapshot = 4;

using Rows = decltype(kv::MemoryDisk::rows);

void add_framed(std::string& out, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(size >> shift & 0xff);
  out += text;
}

std::string take_framed(std::string_view& in) {
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) size |= uint32_t{static_cast<uint8_t>(in.at(i))} << (8 * i);
  std::string out(in.substr(4, size));
  in.remove_prefix(4 + size);
  return out;
}

// A file is called after what is in it, as files of a state never change.
void write_snapshot(const Rows& rows, const std::string& directory) {
  fs::remove_all(directory);
  fs::create_directories(directory);
  std::string bytes[kFilesOfSnapshot];
  for (const auto& [key, value] : rows) {
    std::string& file = bytes[key.empty() ? 0 : static_cast<uint8_t>(key.back()) % kFilesOfSnapshot];
    add_framed(file, key);
    add_framed(file, value);
  }
  for (size_t i = 0; i < kFilesOfSnapshot; ++i) {
    std::ofstream out(fmt::format("{}/{}-{}", directory, i, hash128(bytes[i]).hex()), std::ios::binary);
    out << bytes[i];
  }
}

Rows read_snapshot(const std::string& directory) {
  Rows rows;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    std::string_view left = bytes;
    while (!left.empty()) {
      std::string key = take_framed(left);
      rows[std::move(key)] = take_framed(left);
    }
  }
  return rows;
}

}  // namespace

Folder::Folder() {
  static uint64_t count = 0;
  const fs::path memory("/dev/shm");
  path_ = ((fs::is_directory(memory) ? memory : fs::temp_directory_path()) /
           fmt::format("freshet-sim-{}-{}", getpid(), count++))
              .string();
  fs::create_directories(path_);
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

WorkerCheckpoints::WorkerCheckpoints(Stage& stage, CrashPoint& crash, DiskOf disk_of)
    : stage_(stage), client_(stage.bucket, crash), disk_of_(std::move(disk_of)), pace_(stage.clock, 0) {}

// As in the product: the log keeps everything until a first checkpoint is made.
int64_t WorkerCheckpoints::persisted(uint32_t partition, const state::PartitionState& state, uint64_t /*round*/) {
  Item& item = items_[partition];
  const std::weak_ptr<kv::Store> store = state.store();
  if (store.owner_before(item.store) || item.store.owner_before(store)) item.writer.reset();
  item.store = store;
  item.due = true;
  return item.keep_from.value_or(0);
}

bool WorkerCheckpoints::idle() const {
  for (const auto& [partition, item] : items_)
    if (item.due && !item.store.expired()) return false;
  return true;
}

bool WorkerCheckpoints::tick() {
  for (auto& [partition, item] : items_) {
    if (!item.due || item.store.expired()) continue;
    item.due = false;
    const Status made = make(partition, item);
    if (made && item.writer) item.keep_from = item.writer->keep_from();
    if (made) stage_.probes.hit(Probe::kCheckpointMade);
    if (!made) item.due = true;
    require(made || made.error().code == Code::kRetry || made.error().code == Code::kFenced,
            [&] { return "a checkpoint can't be made: " + made.error().message; });
    return true;
  }
  return false;
}

Status WorkerCheckpoints::make(uint32_t partition, Item& item) {
  const Rows& rows = disk_of_(partition)->rows;
  v1::PartitionMeta meta;
  const auto row = rows.find(state::kMetaRow);
  if (row == rows.end() || !meta.ParseFromString(row->second) || meta.rules().hash_key().empty()) return {};
  if (!item.writer || item.writer->is_over()) {
    FRESHET_ASSIGN(item.writer,
                   state::CheckpointWriter::claim({&client_, &stage_.clock, &stage_.entropy, partition,
                                                   stage_.broker.partitions(Topic::kActions), kKeep, nullptr}));
  }
  if (item.writer->newest_offset() == meta.next_offset()) return {};
  const std::string snapshot = fmt::format("{}/{}.checkpoint", folder_.path(), partition);
  write_snapshot(rows, snapshot);
  FRESHET_TRY(item.writer->add(snapshot, meta, pace_));
  return {};
}

Result<std::unique_ptr<state::PartitionState>> WorkerCheckpoints::open(
    uint32_t partition, const std::function<Result<std::unique_ptr<state::PartitionState>>()>& open_disk) {
  state::RecoverOptions options;
  options.checkpoints = &client_;
  options.pace = &pace_;
  options.partition = partition;
  options.identity = {stage_.broker.partitions(Topic::kActions), state::installation_fingerprint(kHashKey)};
  options.directory = fmt::format("{}/{}", folder_.path(), partition);
  options.log_begins_at = stage_.broker.at({Topic::kActions, partition}).low;
  // What was put in the directory's place is what the disk has from then on.
  options.open = [&]() -> Result<std::unique_ptr<state::PartitionState>> {
    if (fs::is_directory(options.directory)) {
      stage_.probes.hit(Probe::kCheckpointRestored);
      std::shared_ptr<kv::MemoryDisk>& disk = disk_of_(partition);
      disk = std::make_shared<kv::MemoryDisk>();
      disk->rows = read_snapshot(options.directory);
      fs::remove_all(options.directory);
    }
    return open_disk();
  };
  return state::open_or_restore(options);
}

void check_checkpoints(Stage& stage, uint32_t partitions) {
  objectstore::Pace pace(stage.clock, 0);
  for (uint32_t p = 0; p < partitions; ++p) {
    const auto found = state::find_checkpoints(stage.bucket.objects(), p);
    require(found.has_value(), "the checkpoints can't be read");
    const Offset low = stage.broker.at({Topic::kActions, p}).low;
    for (const state::FoundCheckpoint& one : *found) {
      const Status whole = one.manifest ? state::verify_checkpoint(stage.bucket.objects(), *one.manifest, pace)
                                        : Status(tl::unexpected(one.manifest.error()));
      require(whole.has_value(), [&] { return "invariant 5: a checkpoint is not whole: " + whole.error().message; });
    }
    const Offset newest = found->empty() ? 0 : found->front().id.offset;
    require(low <= newest, [&] {
      return fmt::format("invariant 5: the log of partition {} begins at {}, its newest checkpoint ends at {}", p, low,
                         newest);
    });
  }
}

}  // namespace freshet::sim
