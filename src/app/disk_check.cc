#include "app/disk_check.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "env/thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

constexpr env::TimeUs kCheckIdleUs = 1'000'000;
constexpr env::TimeUs kCheckBeginUs = 60'000'000;  // a start has other work

struct CheckMetrics {
  telemetry::Counter& bytes =
      telemetry::counter("freshet_scrub_bytes_total", "Bytes of files that were read again to compare checksums.");
  telemetry::Counter& files =
      telemetry::counter("freshet_scrub_files_total", "Files that were read again and are well.");
  telemetry::Counter& damaged =
      telemetry::counter("freshet_scrub_damaged_total", "Files whose checksums were wrong; the log names them.");
  telemetry::Counter& failed =
      telemetry::counter("freshet_scrub_failures_total", "Files that could not be read to compare checksums.");
  telemetry::Counter& rounds =
      telemetry::counter("freshet_scrub_rounds_total", "Rounds through all files; one takes a day at least.");
};

CheckMetrics& check_metrics() {
  static CheckMetrics metrics;
  return metrics;
}

}  // namespace

DiskCheck::DiskCheck(env::Clock& clock) : clock_(clock), round_began_us_(clock.monotonic_us()) {
  (void)check_metrics();
}

DiskCheck::~DiskCheck() { stop(); }

void DiskCheck::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// A store that is opened again takes the place of the one before.
void DiskCheck::add(std::string name, CheckNextFile check) {
  const std::lock_guard lock(mutex_);
  std::erase_if(places_, [&](const auto& place) { return place->name == name; });
  places_.push_back(std::make_shared<Place>(Place{std::move(name), std::move(check), {}, false, false}));
}

void DiskCheck::start() {
  thread_ = std::thread([this] {
    env::name_thread("disk-check");
    env::yield_to_others();
    run();
  });
}

env::TimeUs DiskCheck::step() {
  std::shared_ptr<Place> next;
  {
    const std::lock_guard lock(mutex_);
    const auto waits = std::find_if(places_.begin(), places_.end(), [](const auto& place) { return !place->over; });
    if (waits != places_.end()) next = *waits;
  }
  if (next == nullptr) {
    note_round(clock_.monotonic_us());
    return kCheckIdleUs;
  }
  const std::string before = next->cursor;
  const auto read = next->check(next->cursor);
  if (!read && read.error().code == Code::kCorrupt) {
    check_metrics().damaged.add();
    log::error("damage was found by reading files again: {}", read.error().message);
    next->damaged = true;
    damaged_ = true;
  } else if (!read) {
    check_metrics().failed.add();
    log::warn("a file can't be read to compare checksums: {}", read.error().message);
  } else if (*read > 0) {
    check_metrics().files.add();
    check_metrics().bytes.add(*read);
  }
  // Who did not get on after an error would stand there for ever.
  if (next->cursor.empty() || (!read && next->cursor == before)) next->over = true;
  return read ? static_cast<env::TimeUs>(*read * 1'000'000 / kCheckBytesPerS) : kCheckIdleUs;
}

// What was damaged stays so until a round has not found it.
void DiskCheck::note_round(env::TimeUs now) {
  const std::lock_guard lock(mutex_);
  if (places_.empty() || now - round_began_us_ < kCheckRoundUs) return;
  round_began_us_ = now;
  check_metrics().rounds.add();
  damaged_ = std::any_of(places_.begin(), places_.end(), [](const auto& place) { return place->damaged; });
  for (const auto& place : places_) {
    place->over = false;
    place->damaged = false;
    place->cursor.clear();
  }
}

void DiskCheck::run() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(kCheckBeginUs), [this] { return stopping_; });
  while (!stopping_) {
    lock.unlock();
    const env::TimeUs pause = step();
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(pause), [this] { return stopping_; });
  }
}

}  // namespace freshet::app
