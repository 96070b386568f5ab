// Any bytes as a document of the collection: no crash; what is read is sorted, shows as JSON, and survives being
// written and read again.
#include <cstdlib>

#include "docstore/mongo/document_bson.h"
#include "model/document.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  bson_t bson;
  if (!bson_init_static(&bson, data, size)) return 0;
  (void)docstore::decode_id(bson);
  const auto document = docstore::decode(bson);
  if (!document) return 0;
  const auto show = [](const v1::Document& shown) {
    return model::document_json("t", v1::ENTITY_KIND_USER, "0123456789abcdef", shown);
  };
  const std::string before = show(*document);
  if (document->removed()) return 0;
  v1::Change change;
  change.set_tenant("t");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id("0123456789abcdef");
  change.set_version(document->version());
  change.set_whole(true);
  for (const v1::Field& field : document->fields()) {
    v1::ChangeOp& op = *change.add_ops();
    op.set_type(v1::ChangeOp::SET);
    op.set_section(field.section());
    op.set_name(field.name());
    *op.mutable_value() = field.value();
  }
  docstore::UpdateOne one;
  if (!docstore::encode(change, docstore::Shape::kProfile, 0, std::nullopt, one)) return 0;
  const auto again = docstore::decode(*one.update.get());
  if (!again || again->version() != document->version()) std::abort();
  (void)show(*again);
  return 0;
}
