// What freshet-load is asked to do.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace freshet::bench {

// The command line, with its defaults.
struct LoadOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string ca;  // PEM; "": the system's
  std::string key = "demo-write-key";
  std::string path = "/v1/batch";
  uint32_t tenants = 0;       // not 0: requests go to so many in turn, whose keys are `key`-0, `key`-1, …
  uint64_t events = 0;        // with 0 as many as fit into `seconds`
  double seconds = 0;         // with 0 until `events` are sent
  double rate = 0;            // events/s, open loop; with 0 as fast as possible
  bool on_time = false;       // ends with `seconds`, whatever is due by then and not sent
  uint32_t connections = 16;  // of all threads together
  uint32_t threads = 1;
  uint32_t batch = 100;  // events in a request
  uint64_t users = 1'000'000;
  uint64_t first_user = 0;  // the number of the first user
  double zipf = 0.99;
  double identify = 0.2;  // share of identifies
  double merges = 0;      // share of identifies that merge an anonymous profile
  uint32_t event_bytes = 500;
  uint64_t seed = 1;
  bool preload = false;   // identifies every user once, in order, instead
  double give_up_s = 30;  // after so long without an answer of any kind it ends
  bool json = false;

  // What the url says.
  bool tls = false;
  std::string host;
  uint16_t port = 0;
};

// Exits by itself for --help and for wrong usage (status 2).
[[nodiscard]] LoadOptions parse_options(int argc, char** argv);
// Splits http://host[:port] or https://…; kInvalid for anything else.
[[nodiscard]] Status split_url(LoadOptions& options);

}  // namespace freshet::bench
