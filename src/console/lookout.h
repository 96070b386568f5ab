// What other processes say of themselves, for the pages of the console: `fleet watch`, mirrors and captures, and the
// processes that play the other roles. Each address has a thread that asks it again and again and keeps the last look,
// so that whoever shows it never waits, and a browser never asks another host.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/clock.h"

namespace freshet::console {

struct LookoutOptions {
  std::vector<std::string> fleet;  // http[s]://host:port of --listen of `fleet watch`, `mirror` and `capture`
  std::vector<std::string> peers;  // of admin listeners of other processes of this installation
  std::string token;               // of an admin token, sent to peers alone; "": none is sent
  env::TimeUs fleet_every_us = 5'000'000;
  env::TimeUs peers_every_us = 1'000'000;
};

// At most so many addresses of each kind.
inline constexpr size_t kWatchedMax = 32;

// Thread-safe.
class Lookout {
 public:
  // The clock must outlive it. REQUIRES: addresses that http::parse_url takes, kWatchedMax of each kind at most.
  Lookout(const LookoutOptions& options, env::Clock& clock);
  // Waits for questions under way, which take 2 s for each step at most.
  ~Lookout();
  Lookout(const Lookout&) = delete;
  Lookout& operator=(const Lookout&) = delete;

  // {"sources":[…]} and {"processes":[…]}: docs/api/admin.yaml has their shapes. In the order of the options.
  [[nodiscard]] std::string fleet_json() const;
  [[nodiscard]] std::string peers_json() const;

 private:
  class Post;
  std::vector<std::unique_ptr<Post>> fleet_;
  std::vector<std::unique_ptr<Post>> peers_;
};

// The lines of Prometheus' text whose names begin with one of these, without comments and buckets, `bytes_max` at most.
[[nodiscard]] std::string lines_of(std::string_view metrics, const std::vector<std::string_view>& prefixes,
                                   size_t bytes_max);

}  // namespace freshet::console
