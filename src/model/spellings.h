// How the releases have spelled an identifier. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/tenant.h"

namespace freshet::model {

// How a value may be stored: first as ingest does now, then as earlier releases did, where these differ, the latest
// first. None is empty, so there may be none. What looks for somebody asks for all.
[[nodiscard]] std::vector<std::string> all_spellings(const Tenant& tenant, std::string_view type,
                                                     std::string_view value);

}  // namespace freshet::model
