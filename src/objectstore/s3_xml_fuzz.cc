#include <cstddef>
#include <cstdint>
#include <string_view>

#include "objectstore/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  using namespace freshet::objectstore;
  static_cast<void>(read_s3_error(xml));
  static_cast<void>(read_upload_id(xml));
  if (const auto page = read_s3_page(xml))
    for (const Object& object : page->objects)
      if (object.key.empty()) __builtin_trap();
  return 0;
}
