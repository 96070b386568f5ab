#include "docstore/mongo/extended_json.h"

#include <simdjson.h>

#include <memory>

namespace freshet::docstore {
namespace {

constexpr std::string_view kIdBegin = R"({"_id":)";

bool is_shallow(bson_iter_t& at, int left);

bool is_shallow(const uint8_t* bytes, uint32_t size, int left) {
  bson_t document;
  bson_iter_t at;
  // What is damaged is for the driver to find.
  if (!bson_init_static(&document, bytes, size) || !bson_iter_init(&at, &document)) return true;
  return left > 0 && is_shallow(at, left - 1);
}

// Whether nothing lies deeper than `left` below the elements.
bool is_shallow(bson_iter_t& at, int left) {
  while (bson_iter_next(&at)) {
    uint32_t size = 0, code_size = 0;
    const uint8_t* bytes = nullptr;
    if (BSON_ITER_HOLDS_DOCUMENT(&at)) bson_iter_document(&at, &size, &bytes);
    if (BSON_ITER_HOLDS_ARRAY(&at)) bson_iter_array(&at, &size, &bytes);
    if (BSON_ITER_HOLDS_CODEWSCOPE(&at)) (void)bson_iter_codewscope(&at, &code_size, &size, &bytes);
    if (bytes != nullptr && !is_shallow(bytes, size, left)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> json_of(const bson_t& document) {
  bson_iter_t at;
  if (!bson_iter_init(&at, &document) || !is_shallow(at, kDocumentDepthMost)) return std::nullopt;
  // Without this check the driver would write what is between the bytes that are wrong.
  if (!bson_validate(&document, static_cast<bson_validate_flags_t>(BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL),
                     nullptr))
    return std::nullopt;
  size_t size = 0;
  const std::unique_ptr<char, decltype(&bson_free)> spaced(bson_as_canonical_extended_json(&document, &size),
                                                           bson_free);
  if (spaced == nullptr) return std::nullopt;
  std::string out(size, '\0');
  size_t kept = 0;
  if (simdjson::minify(spaced.get(), size, out.data(), kept) != simdjson::SUCCESS) return std::nullopt;
  out.resize(kept);
  return out;
}

std::optional<std::string> json_of(const bson_iter_t& value) {
  Bson holder;
  if (!bson_append_iter(holder.get(), "_id", 3, &value)) return std::nullopt;
  auto text = json_of(*holder.get());
  if (!text || text->size() <= kIdBegin.size()) return std::nullopt;
  return text->substr(kIdBegin.size(), text->size() - kIdBegin.size() - 1);
}

std::optional<Bson> document_of(std::string_view json) {
  bson_t* const parsed =
      bson_new_from_json(reinterpret_cast<const uint8_t*>(json.data()), static_cast<ssize_t>(json.size()), nullptr);
  if (parsed == nullptr) return std::nullopt;
  Bson out;
  FRESHET_ASSERT(bson_concat(out.get(), parsed));
  bson_destroy(parsed);
  return out;
}

std::optional<Bson> id_document(std::string_view id) {
  std::string text(kIdBegin);
  text.append(id).push_back('}');
  auto out = document_of(text);
  bson_iter_t at;
  if (!out || bson_count_keys(out->get()) != 1 || !bson_iter_init_find(&at, out->get(), "_id")) return std::nullopt;
  return out;
}

}  // namespace freshet::docstore
