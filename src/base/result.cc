// The names of error codes, as logs and answers show them.

#include "base/result.h"

namespace freshet {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not_found";
    case Code::kConflict: return "conflict";
    case Code::kRetry: return "retry";
    case Code::kFenced: return "fenced";
    case Code::kCorrupt: return "corrupt";
    case Code::kFatal: return "fatal";
  }
  return "unknown";
}

}  // namespace freshet
