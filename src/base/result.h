// Result<T> is a value or an Error that says who recovers. It is the only way in which functions
// here fail: exceptions stay inside the libraries that throw them and are turned into an Error at
// the call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "base/names.h"

namespace freshet {

// Who recovers. Add a code only where a caller acts on it.
enum class Code : uint8_t {
  kInvalid,   // the sender: what it sent is wrong and will stay so
  kNotFound,  // the asker: there is no such thing
  kConflict,  // the caller: somebody was first (stale version, aborted transaction): decide anew
  kRetry,     // the caller, later: a queue is full, a peer is slow or away
  kFenced,    // nobody here: another owner took over; stop
  kCorrupt,   // the operator: stored bytes are not what was written
  kFatal,     // the operator: this process can't go on
};

// The code's name is what logs and answers show.
[[nodiscard]] constexpr auto names_of(Code) {
  using enum Code;
  return std::to_array<Name<Code>>({{kInvalid, "invalid"},
                                    {kNotFound, "not_found"},
                                    {kConflict, "conflict"},
                                    {kRetry, "retry"},
                                    {kFenced, "fenced"},
                                    {kCorrupt, "corrupt"},
                                    {kFatal, "fatal"}});
}

// What went wrong, and who recovers.
struct Error {
  Code code = Code::kFatal;
  std::string message;  // what, where and what would be right; for people; without secrets
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

// Returns the error of `expression` from the enclosing function, if it has one.
#define FRESHET_TRY(expression)                                                   \
  do {                                                                            \
    if (auto freshet_status = (expression); !freshet_status)                      \
      return tl::unexpected<::freshet::Error>(std::move(freshet_status).error()); \
  } while (false)

// Declares a variable with the value of `...`, a Result, or returns its error from the enclosing function:
//   FRESHET_ASSIGN(const auto partitions, log.all_watermarks(topic));
// It makes two statements, so it stands in a block, never alone under an `if`.
#define FRESHET_ASSIGN(declaration, ...) FRESHET_ASSIGN_AT(__LINE__, declaration, __VA_ARGS__)
#define FRESHET_ASSIGN_AT(line, declaration, ...) FRESHET_ASSIGN_TO(line, declaration, __VA_ARGS__)
#define FRESHET_ASSIGN_TO(line, declaration, ...)                                                                \
  auto freshet_result_##line = (__VA_ARGS__);                                                                    \
  if (!freshet_result_##line) return tl::unexpected<::freshet::Error>(std::move(freshet_result_##line).error()); \
  declaration = *std::move(freshet_result_##line)

}  // namespace freshet
