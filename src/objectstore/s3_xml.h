// What S3 answers in XML, read by pugixml. These are pure functions of untrusted bytes; anything
// that is not the expected document is kCorrupt. Entities are not expanded beyond XML's own five.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "objectstore/object_store.h"

namespace freshet::objectstore {

// The body of an answer that refuses.
struct S3Error {
  std::string code;  // such as "NoSuchKey"; empty if the body is no such document
  std::string message;
};
[[nodiscard]] S3Error read_s3_error(std::string_view xml);

// A page of ListObjectsV2.
struct S3Page {
  std::vector<Object> objects;
  std::string next;  // its NextContinuationToken; empty if this was the last page
};
[[nodiscard]] Result<S3Page> read_s3_page(std::string_view xml);

// The UploadId of an answer to CreateMultipartUpload.
[[nodiscard]] Result<std::string> read_upload_id(std::string_view xml);
// The body of CompleteMultipartUpload. `tags` are those of the parts in their order; the first part
// is number 1.
[[nodiscard]] std::string complete_upload_xml(const std::vector<std::string>& tags);

}  // namespace freshet::objectstore
