#include "ingest/overflow/fair_share.h"

#include <algorithm>
#include <limits>

namespace freshet::ingest {

double fair_share(std::vector<double> uses, double capacity) {
  std::sort(uses.begin(), uses.end());
  double left = std::max(capacity, 0.0);
  for (size_t i = 0; i < uses.size(); ++i) {
    const double part = left / static_cast<double>(uses.size() - i);
    if (uses[i] > part) return part;
    left -= uses[i];
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace freshet::ingest
