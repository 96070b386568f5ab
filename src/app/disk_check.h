// Reads the files of this process's stores again, slowly, in the background, and compares checksums: damage in a file
// that nobody reads would be found only when it is needed, perhaps after the last copy is gone
// (docs/operations/damage.md).
//
// The first round begins a minute after the start. A round goes through all files at kCheckBytesPerS at most; the next
// one begins a day after it began.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::app {

inline constexpr uint64_t kCheckBytesPerS = 16u << 20;
inline constexpr env::TimeUs kCheckRoundUs = 86'400ll * 1'000'000;

// Checks the file behind `cursor` and moves it there ("" at the begin and at the end); the bytes that were read. An
// error is damage if it is kCorrupt.
using CheckNextFile = std::function<Result<uint64_t>(std::string& cursor)>;

class DiskCheck {
 public:
  explicit DiskCheck(env::Clock& clock);
  ~DiskCheck();
  void stop();  // blocks; a second call does nothing

  // Thread-safe. A store that is closed meanwhile answers with no bytes and "".
  void add(std::string name, CheckNextFile check);
  void start();  // the thread
  // Whether some file was damaged when it was last looked at.
  [[nodiscard]] bool found_damage() const { return damaged_.load(std::memory_order_relaxed); }

  // What the thread does: one file; how long it should wait afterwards. Called by tests without start().
  [[nodiscard]] env::TimeUs step();

 private:
  struct Place {
    std::string name;
    CheckNextFile check;
    std::string cursor;
    bool over = false;  // in this round
    bool damaged = false;
  };
  void run();
  void note_round(env::TimeUs now);

  env::Clock& clock_;
  env::TimeUs round_began_us_;
  std::atomic<bool> damaged_{false};
  std::mutex mutex_;  // of what follows
  std::vector<std::shared_ptr<Place>> places_;
  bool stopping_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace freshet::app
