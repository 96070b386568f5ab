// The data API: bodies of POST /v1/{customer,event,device,transition}/{app_id} and /v1/customer/{merge,delete}, in
// MoEngage's shapes. What becomes of each field: docs/sources/data-api.md.
#pragma once

#include <google/protobuf/arena.h>

#include <string_view>

#include "ingest/items/parsed.h"

namespace freshet::ingest {

inline constexpr std::string_view kDataApiSource = "data_api";
inline constexpr size_t kDataApiBytesMax = 128u << 10;
inline constexpr int64_t kFutureMaxUs = 5 * 60 * 1'000'000ll;  // events dated later than this are refused

// The items of a request are each action of an event, each pair of a merge, and else each element.
// `call` is customer, event, device, transition, merge or delete, or element: an element of any
// type (replays). kInvalid: the body is not JSON or lacks its list.
[[nodiscard]] ParseResult parse_data_api(std::string_view body, std::string_view call, const AdapterContext& context,
                                         google::protobuf::Arena& arena);

}  // namespace freshet::ingest
