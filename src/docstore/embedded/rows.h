// Keys of the embedded profile store: docs/format/embedded-store.md.
#pragma once

#include <string>
#include <string_view>

#include "base/hash.h"
#include "docstore/rules.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::docstore {

// 'd' tenant \0 kind
[[nodiscard]] inline std::string document_prefix(std::string_view tenant, v1::EntityKind kind) {
  std::string key;
  key.reserve(tenant.size() + 3 + kIdBytes);
  key += 'd';
  key += tenant;
  key += '\0';
  key += static_cast<char>(kind);
  return key;
}

// 'd' tenant \0 kind id
[[nodiscard]] inline std::string document_key(std::string_view tenant, v1::EntityKind kind, std::string_view id) {
  return document_prefix(tenant, kind).append(id);
}

// 'i' tenant \0 kind type \0 value \0
[[nodiscard]] inline std::string index_prefix(std::string_view tenant, v1::EntityKind kind, std::string_view type,
                                              std::string_view value) {
  std::string key;
  key.reserve(tenant.size() + type.size() + value.size() + 5 + kIdBytes);
  key += 'i';
  key += tenant;
  key += '\0';
  key += static_cast<char>(kind);
  key += type;
  key += '\0';
  key += value;
  key += '\0';
  return key;
}

// 'i' tenant \0 kind type \0 value \0 id
[[nodiscard]] inline std::string index_key(std::string_view tenant, v1::EntityKind kind, std::string_view type,
                                           std::string_view value, std::string_view id) {
  return index_prefix(tenant, kind, type, value).append(id);
}

// The first key after all that begin with `prefix`. REQUIRES: not all of its bytes are 0xff (ours
// begin with a letter).
[[nodiscard]] inline std::string after_prefix(std::string prefix) {
  while (static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace freshet::docstore
