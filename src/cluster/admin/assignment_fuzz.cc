// Any bytes as the assignment of a member: nothing is read beyond them, and no more comes out than they can hold.
#include <cstdlib>

#include "cluster/admin/assignment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = freshet::cluster::parse_assignment({reinterpret_cast<const char*>(data), size});
  if (read.size() * 4 > size) std::abort();
  return 0;
}
