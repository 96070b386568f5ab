// HTTP exchanges by libcurl, for S3. Connections are kept, and bodies stream in both directions.
// This is the only place that includes its headers. Thread-safe; each call uses a connection of its
// own.
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

// A request.
struct Call {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  uint64_t body_bytes = 0;
  // Fills the buffer from where the last call ended. Fewer bytes than asked for is a failure of the
  // whole call.
  std::function<size_t(char* buffer, size_t bytes)> body;
  Sink sink;  // takes the body of a 2xx answer; without it the body is in Answer::body
};

// An answer, whatever its status.
struct Answer {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 4 MiB
};

// Keeps connections; there are as many as calls were under way at once.
class Transfer {
 public:
  Transfer();
  ~Transfer();

  // kRetry: nothing is reachable, or the exchange was broken off, too slow or cancelled; else the
  // error is what the sink said.
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
