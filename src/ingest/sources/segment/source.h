// The tracking API of Segment, and what its browser libraries and RudderStack's ask first: docs/sources/segment.md.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& segment_source();

}  // namespace freshet::ingest
