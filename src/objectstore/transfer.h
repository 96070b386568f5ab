// HTTP exchanges by libcurl, for S3: connections are kept, bodies stream in both directions. The only place that
// includes its headers. Thread-safe; each call uses a connection of its own.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "objectstore/object_store.h"

namespace freshet::objectstore {

struct Call {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  uint64_t body_bytes = 0;
  // Fills the buffer from where the last call ended; fewer bytes than asked for is a failure of the whole call.
  std::function<size_t(char* buffer, size_t bytes)> body;
  Sink sink;  // takes the body of a 2xx answer; without one it is in Answer::body
};

struct Answer {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 4 MiB
};

class Transfer {
 public:
  Transfer();
  ~Transfer();

  // kRetry: nothing reachable, broken off, too slow or cancelled; else what the sink said.
  [[nodiscard]] Result<Answer> send(const Call& call);
  void cancel() { cancelled_ = true; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  struct Handle;
  std::unique_ptr<Handle> take();
  void give_back(std::unique_ptr<Handle> handle);

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;  // guarded by mutex_
};

}  // namespace freshet::objectstore
