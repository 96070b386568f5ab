// The one thread that changes the embedded log. Each cycle takes what waits, up to kCycleBytesMax, and makes it one
// write with one sync; while that goes on, the next cycle's requests gather. So the slower the disk, the larger the
// group. A fast disk would make it small, and each write costs as much processor as parsing a hundred records: where
// one large cycle follows on the other, appends wait a moment for others, and commits for nobody.
//
// The order within a cycle: the write is synced, then readers see it, then it is answered. A record that was
// acknowledged before the sync would be lost in a power cut although its sender believes it safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "eventlog/embedded/embedded_log_options.h"
#include "eventlog/embedded/state.h"
#include "telemetry/metrics.h"

namespace freshet::eventlog::embedded {

inline constexpr size_t kCycleBytesMax = 8u << 20;  // a cycle takes at least one request
inline constexpr size_t kChunkBytesMax = 1u << 20;  // a chunk takes at least one batch
// A cycle of so many bytes with the next one's requests behind it is followed by one that waits until it has so many.
inline constexpr size_t kBusyBytes = 64u << 10;
inline constexpr size_t kGatheredBytes = 1u << 20;

struct Trim {
  Partition* partition = nullptr;
  Offset before = 0;  // at most the published high watermark
};

// A chunk that says something else from now on, of the same offsets.
struct Rewrite {
  Partition* partition = nullptr;
  ChunkRef chunk;
};

// What one caller wants done, all of it or nothing.
struct Request {
  std::vector<Produce> outputs;
  std::string group;
  std::vector<Position> positions;
  std::vector<Trim> trims;
  std::vector<Rewrite> rewrites;
  AppendDone done;
};

class Writer {
 public:
  Writer(kv::Store& store, env::Clock& clock, LogState& state, const EmbeddedLogOptions& options);
  ~Writer();  // Writes what waits.

  // Requests that are refused (an unknown partition; with `bounded`, a full queue) are answered at once. REQUIRES:
  // done is set.
  void submit(Request request, bool bounded);
  [[nodiscard]] Status submit_and_wait(Request request);

 private:
  // One partition's part of a cycle.
  struct Pending {
    Partition* partition = nullptr;
    Mark mark;
    size_t segments_dropped = 0;
    std::vector<Segment> segments_added;
    std::vector<std::shared_ptr<Chunk>> chunks;
  };
  struct Waiting {
    Request request;
    size_t bytes = 0;
  };

  void run();
  [[nodiscard]] bool take_cycle();  // false: stop
  void gather(std::unique_lock<std::mutex>& lock);
  void write_cycle();
  // The partition's part of the cycle; made at its first use.
  Pending& pending(Partition& partition);
  void add_trim(const Trim& trim);
  void put_rewrite(const Rewrite& rewrite);
  void add_records(Partition& partition, RecordBatch& records, env::TimeUs now_us);
  // Rows of the batch.
  void put_partition(Pending& part);
  void put_chunks(Pending& part);
  // After the sync: readers see it, then its senders are told.
  void publish();
  void answer(const Status& status);

  kv::Store& store_;
  LogState& state_;
  env::Clock& clock_;
  const EmbeddedLogOptions options_;
  telemetry::Counter& appended_bytes_;
  telemetry::Counter& refused_;
  telemetry::Gauge& queue_gauge_;
  telemetry::Gauge& cycle_records_;
  telemetry::Histogram& sync_us_;

  std::mutex mutex_;
  std::condition_variable condition_;
  std::vector<Waiting> waiting_;  // guarded by mutex_, as are the next five
  size_t queue_bytes_ = 0;        // waiting, or being written
  bool idle_ = false;
  bool gathers_ = false;
  bool hurries_ = false;  // something waits that is to be written at once
  bool stop_ = false;

  std::vector<Waiting> cycle_;  // used by the thread alone, as are those below
  bool follows_ = false;        // it was a large one, and others waited when it was written
  std::vector<Pending> parts_;
  kv::WriteBatch batch_;
  std::vector<std::string_view> scratch_;
  std::thread thread_;
};

}  // namespace freshet::eventlog::embedded
