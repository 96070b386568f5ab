// What stands later in a request happened later, whatever the message ids are: senders without clocks, or with clocks
// of milliseconds, write down in order what happened in order.
#pragma once

#include <vector>

#include "freshet/v1/envelope.pb.h"

namespace freshet::ingest {

// Items of one instant come to lie a microsecond apart, in the order of the request; no item is later than its receipt.
// Registers and sets, which go by (time, message id), then keep what stands last. It depends on nothing but the
// request, so the same request sent twice gives the same times. Times that differ keep their order.
// REQUIRES: the envelopes are those of one request, in its order.
void set_apart(const std::vector<v1::Envelope*>& envelopes);

}  // namespace freshet::ingest
