// Included by a fuzz target whose inputs are refused with a line in the log each: the target says nothing of them, as
// writing would take most of its time. libFuzzer calls this once, before the first input.
#pragma once

#include "telemetry/log.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  freshet::telemetry::silence_log();
  return 0;
}
