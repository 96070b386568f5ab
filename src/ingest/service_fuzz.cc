// Requests to the ingest listener, from their head to their answer, as its server calls the service: whatever comes,
// each is answered once, and as docs/api/ingest.yaml says.
#include <cstdio>
#include <cstdlib>

#include "testing/ingest_contract.h"
#include "testing/silent_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  freshet::ingest::contract::Ingest ingest;
  for (freshet::http::Request& request : freshet::fuzzed_requests({reinterpret_cast<const char*>(data), size})) {
    const std::string fault = freshet::ingest::contract::fault_of_answer(ingest, std::move(request));
    if (fault.empty()) continue;
    std::fprintf(stderr, "%s\n", fault.c_str());
    std::abort();
  }
  return 0;
}
