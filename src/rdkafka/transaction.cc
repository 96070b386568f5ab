// Errors of librdkafka's transactional calls have three faces: fatal, abortable and retriable. What matters to a caller
// is only whether the work can be done again at once, later, or never.
#include "rdkafka/transaction.h"

#include "base/assert.h"

namespace freshet::rdkafka {

Failure failure_of(const rd_kafka_error_t& error) {
  return {.is_fatal = rd_kafka_error_is_fatal(&error) != 0, .is_retriable = rd_kafka_error_is_retriable(&error) != 0};
}

// A record that is refused would be refused again, so kInvalid stays what it is wherever nothing is left open.
Code code_of_failed(Code code, const Failure& failure, bool aborted) {
  FRESHET_ASSERT(!aborted || can_abort(failure));
  if (aborted) return code == Code::kFenced || code == Code::kInvalid ? code : Code::kConflict;
  return failure.is_fatal && code == Code::kFenced ? code : Code::kRetry;
}

bool Rival::shows(env::TimeUs now_us) {
  const bool again = fenced_at_ && now_us - *fenced_at_ < window_us_;
  fenced_at_ = now_us;
  return again;
}

}  // namespace freshet::rdkafka
