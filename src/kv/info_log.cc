// Lines go into one file that is begun anew when it is long: the one before has the name LOG.old then, and what was
// there before that is gone. Nothing here may fail, so nothing is asked of the file after a write.

#include "kv/info_log.h"

#include <fmt/core.h>

#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <utility>

#include "env/clock.h"

namespace freshet::kv {
namespace {

constexpr size_t kLogFileBytes = 4u << 20;
constexpr size_t kLineBytes = 1024;  // longer ones are cut

class InfoLog final : public rocksdb::Logger {
 public:
  explicit InfoLog(std::string path) : Logger(rocksdb::WARN_LEVEL), path_(std::move(path)) { begin(); }

  void Logv(const char* format, va_list arguments) override {
    char line[kLineBytes];
    if (std::vsnprintf(line, sizeof line, format, arguments) < 0) return;
    const std::lock_guard lock(mutex_);
    if (bytes_ > kLogFileBytes) begin();
    // What can't be written now is lost; the next line may find room again.
    file_.clear();
    const std::string text = fmt::format("{} {}\n", env::real_clock().now_us(), line);
    file_ << text << std::flush;
    bytes_ += text.size();
  }

 private:
  void begin() {
    file_.close();
    std::rename(path_.c_str(), (path_ + ".old").c_str());  // if there is one
    file_.open(path_, std::ios::app);
    bytes_ = 0;
  }

  const std::string path_;
  std::mutex mutex_;  // of what follows
  std::ofstream file_;
  size_t bytes_ = 0;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> make_info_log(const std::string& directory) {
  return std::make_shared<InfoLog>(directory + "/LOG");
}

}  // namespace freshet::kv
