// What docs/api promises of answers, for tests and fuzz targets: which statuses an address has, of which content types,
// and which shape a JSON body of them has (OpenAPI 3.1; of JSON Schema what our descriptions use: $ref, anyOf, allOf,
// type, const, enum, required, properties, additionalProperties, items, minimum, maxItems).
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "yaml/node.h"

namespace freshet {

class ApiContract {
 public:
  // REQUIRES: a description as docs/api has them.
  explicit ApiContract(std::string_view openapi);

  // What is wrong with this answer, in words; "": nothing. `path`: as the description has it, with its braces; "": it
  // has no such address, so the answer must be a refusal. HEAD is answered like GET, without a body.
  [[nodiscard]] std::string fault_of(std::string_view method, std::string_view path,
                                     const http::Response& response) const;
  // Whether the description has this operation.
  [[nodiscard]] bool has(std::string_view method, std::string_view path) const;

 private:
  yaml::Node root_;
};

}  // namespace freshet
