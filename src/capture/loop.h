// What a capture does, as steps that a caller makes: no thread is here, and everything it touches is given to it.
//
// A step writes one transaction: a page of a snapshot, of a sweep, or what has changed, and with it the position behind
// that. Whatever fails ends in an aborted transaction and a look at the position that was committed; all goes on from
// there. The position is taken before the documents are read, and all changes behind it are written after them: so a
// change may be told twice, the second time over what is newer, but the last record of each key is the document's last
// state, whatever was killed when.
//
// One process works for a capture: its transactional id fences who had it before.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "capture/config.h"
#include "capture/position.h"
#include "capture/topics.h"
#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "docstore/mongo/change_reader.h"

namespace freshet::capture {

// All outlive the loop.
struct Parts {
  const Config& config;
  docstore::ChangeReader& source;
  cluster::Admin& target;
  cluster::Writer& writer;
  OpenReader open_reader;
  env::Clock& clock;
  bool snapshot = false;  // begin anew: all documents are read, and what is gone is swept out
};

struct Standing {
  bool following = false;  // all documents were read
  double lag_seconds = 0;  // age of the last change that was written, while more wait
  std::string doing;       // for people
};

class Loop {
 public:
  explicit Loop(Parts parts);
  // Blocks for a commit's time, but where servers are away. kFenced: another process works for this capture; kFatal and
  // kInvalid: the operator must do what the message says.
  [[nodiscard]] Status step();
  [[nodiscard]] Standing standing() const;
  [[nodiscard]] const std::optional<Position>& position() const { return position_; }

 private:
  struct Batch {
    std::deque<std::string> values;  // what librdkafka sends lies here until it is committed
    Position next;
    size_t records = 0;
    size_t bytes = 0;
    size_t letters = 0;
    int64_t oldest_ms = 0;
    bool open = false;
  };
  struct Written {
    std::string topic;
    std::string_view key;
    std::string* value = nullptr;  // null: a tombstone; else it is moved away
    int64_t at_ms = -1;
    std::span<const cluster::Header> headers;
  };
  struct Sweep {
    std::string topic;
    std::vector<int64_t> next, end;  // by partition
  };

  [[nodiscard]] Status work(Batch& batch);
  [[nodiscard]] Status begin_anew(Batch& batch);
  [[nodiscard]] Status sweep(Batch& batch);
  [[nodiscard]] Status begin_sweep(const std::string& topic);
  [[nodiscard]] Status snapshot(Batch& batch);
  [[nodiscard]] Status follow(Batch& batch);
  [[nodiscard]] Status gather(std::vector<docstore::DocumentChange>& changes, Position& next);
  void heed(const docstore::DocumentChange& change, Position& next);
  [[nodiscard]] Status make_topics(const std::vector<docstore::DocumentChange>& changes, Position& next);
  [[nodiscard]] Status put(std::string_view op, docstore::DocumentChange& change, Batch& batch);
  [[nodiscard]] Status put_deleted(docstore::DocumentChange& change, Batch& batch);
  [[nodiscard]] Status put_aside(std::string_view op, const docstore::DocumentChange& change, const std::string& why,
                                 Batch& batch);
  [[nodiscard]] Status write(const Written& record, Batch& batch);
  [[nodiscard]] Status commit(Batch& batch);
  [[nodiscard]] Status recover(const Error& error, Batch& batch);

  Parts parts_;
  Topics topics_;
  std::optional<Position> position_;  // as committed; nullopt: to be looked for
  uint64_t takes_ = 0;                // of the writer's id when it was looked for
  std::optional<Sweep> sweep_;
  env::TimeUs calm_at_ = 0;
  env::TimeUs said_at_ = 0;  // when the position was committed last
  int64_t newest_ms_ = 0;
  bool waits_ = false;
  uint32_t refused_in_a_row_ = 0;
};

}  // namespace freshet::capture
