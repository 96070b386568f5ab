// The topics that a capture writes: made where there are none, with what they take.
#pragma once

#include <map>
#include <string>

#include "capture/config.h"
#include "cluster/admin/admin.h"

namespace freshet::capture {

struct Topic {
  uint32_t partitions = 0;
  size_t record_bytes_max = 0;
};

class Topics {
 public:
  Topics(const Config& config, cluster::Admin& admin) : config_(config), admin_(admin) {}
  // The capture's own ones.
  [[nodiscard]] Status make_own();
  // Makes it unless it is there. It stays known until forget().
  [[nodiscard]] Status make(const std::string& name);
  // nullptr: it is not known.
  [[nodiscard]] const Topic* find(const std::string& name) const;
  // REQUIRES: it is known, as one is that was made or looked for before anything is written into it.
  [[nodiscard]] const Topic& at(const std::string& name) const;
  // Looks without making anything. False: there is none.
  [[nodiscard]] Result<bool> look(const std::string& name);
  void forget() { known_.clear(); }
  // What every known topic takes in one batch.
  [[nodiscard]] size_t batch_bytes_max() const;

 private:
  [[nodiscard]] std::string called() const;  // for logs

  const Config& config_;
  cluster::Admin& admin_;
  std::map<std::string, Topic> known_;
};

}  // namespace freshet::capture
