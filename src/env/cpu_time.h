// What a thread takes of the processor, and threads that are to take little of it.
#pragma once

#include "env/clock.h"

namespace freshet::env {

// What the calling thread has taken of a processor so far. It is for sharing out work, never for anything that is kept.
[[nodiscard]] TimeUs thread_cpu_us();
// As yield_to_others() (thread.h), but further behind: a tenth of the others' share of a busy processor. That is as
// little as a thread may have that for moments holds locks which others wait for.
void yield_to_all();

}  // namespace freshet::env
