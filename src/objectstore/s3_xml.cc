// Reads and writes the few XML documents that S3 speaks.

#include "objectstore/s3_xml.h"

#include <pugixml.hpp>
#include <sstream>

#include "base/assert.h"
#include "base/number.h"

namespace freshet::objectstore {
namespace {

// A server's message ends up in our logs and errors, so it is cut.
constexpr size_t kMessageBytesMax = 300;

// Comments, DTDs and processing instructions are not even looked at: nothing of S3 has them, and
// attacks do.
bool parse(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(document.load_buffer(xml.data(), xml.size(), pugi::parse_minimal | pugi::parse_escapes));
}

tl::unexpected<Error> unexpected_answer(const char* wanted) {
  return fail(Code::kCorrupt, std::string("the server's answer is not a ") + wanted + ": is the endpoint one of S3?");
}

}  // namespace

S3Error read_s3_error(std::string_view xml) {
  pugi::xml_document document;
  if (!parse(document, xml)) return {};
  const pugi::xml_node error = document.child("Error");
  std::string message = error.child("Message").text().get();
  if (message.size() > kMessageBytesMax) message.resize(kMessageBytesMax);
  return {error.child("Code").text().get(), std::move(message)};
}

Result<S3Page> read_s3_page(std::string_view xml) {
  pugi::xml_document document;
  if (!parse(document, xml)) return unexpected_answer("list of objects");
  const pugi::xml_node list = document.child("ListBucketResult");
  if (!list) return unexpected_answer("list of objects");
  S3Page page;
  for (const pugi::xml_node entry : list.children("Contents")) {
    std::string key = entry.child("Key").text().get();
    const auto bytes = to_number<uint64_t>(entry.child("Size").text().get());
    if (key.empty() || !bytes) return unexpected_answer("list of objects");
    page.objects.push_back({std::move(key), *bytes});
  }
  const bool more = std::string_view(list.child("IsTruncated").text().get()) == "true";
  if (more) page.next = list.child("NextContinuationToken").text().get();
  // A list that can't be continued would end too early, and files that are not listed would count
  // as gone.
  if (more && page.next.empty()) return unexpected_answer("list of objects that can be continued");
  return page;
}

Result<std::string> read_upload_id(std::string_view xml) {
  pugi::xml_document document;
  if (!parse(document, xml)) return unexpected_answer("started upload");
  std::string id = document.child("InitiateMultipartUploadResult").child("UploadId").text().get();
  if (id.empty()) return unexpected_answer("started upload");
  return id;
}

std::string complete_upload_xml(const std::vector<std::string>& tags) {
  FRESHET_ASSERT(!tags.empty());
  pugi::xml_document document;
  pugi::xml_node upload = document.append_child("CompleteMultipartUpload");
  for (size_t i = 0; i < tags.size(); ++i) {
    pugi::xml_node part = upload.append_child("Part");
    part.append_child("PartNumber").text().set(static_cast<unsigned>(i + 1));
    part.append_child("ETag").text().set(tags[i].c_str());
  }
  std::ostringstream out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return out.str();
}

}  // namespace freshet::objectstore
