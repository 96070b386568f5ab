// Requests to the admin listener, from their head to their answer, as its server calls it, with a token of each role,
// with a wrong one and without: whatever comes, each is answered once, as docs/api/admin.yaml says, and nobody without
// a token gets more than what stands open.
#include <cstdio>
#include <cstdlib>

#include "testing/admin_contract.h"
#include "testing/silent_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace contract = freshet::console::contract;
  std::deque<contract::Asked> asked;  // one that grows without moving what is in it
  {
    contract::Console console;
    for (freshet::http::Request& request : freshet::fuzzed_requests({reinterpret_cast<const char*>(data), size}))
      contract::ask(*console.admin, std::move(request), asked.emplace_back());
  }
  for (const contract::Asked& one : asked) {
    const std::string fault = contract::fault_of(one);
    if (fault.empty()) continue;
    std::fprintf(stderr, "%s\n", fault.c_str());
    std::abort();
  }
  return 0;
}
