// An identifier as tests write it down.
#pragma once

#include <string>

#include "freshet/v1/envelope.pb.h"

namespace freshet::model::testing {

inline v1::Identifier make(const std::string& type, const std::string& value) {
  v1::Identifier i;
  i.set_type(type);
  i.set_value(value);
  return i;
}

}  // namespace freshet::model::testing
