// BSON documents with an owner, and the few ways in which we append to them. Keys are never ended by NUL here.
#pragma once

#include <bson/bson.h>

#include <string_view>
#include <utility>

#include "base/assert.h"

namespace freshet::docstore {

// A document. What is appended lies in it; `get()` is what libmongoc takes.
class Bson {
 public:
  Bson() : bson_(bson_new()) {}
  ~Bson() { bson_destroy(bson_); }
  Bson(Bson&& other) noexcept : bson_(std::exchange(other.bson_, nullptr)) {}
  Bson& operator=(Bson&& other) noexcept {
    std::swap(bson_, other.bson_);
    return *this;
  }
  [[nodiscard]] bson_t* get() { return bson_; }
  [[nodiscard]] const bson_t* get() const { return bson_; }
  void clear() { bson_reinit(bson_); }

 private:
  bson_t* bson_;
};

[[nodiscard]] inline int length_of(std::string_view text) { return static_cast<int>(text.size()); }

// libbson refuses only what makes a document larger than 2 GiB: callers bound what they append.
inline void append_text(bson_t* to, std::string_view key, std::string_view text) {
  FRESHET_ASSERT(bson_append_utf8(to, key.data(), length_of(key), text.data(), length_of(text)));
}
inline void append_int(bson_t* to, std::string_view key, int64_t number) {
  FRESHET_ASSERT(bson_append_int64(to, key.data(), length_of(key), number));
}
inline void append_bool(bson_t* to, std::string_view key, bool value) {
  FRESHET_ASSERT(bson_append_bool(to, key.data(), length_of(key), value));
}
inline void append_null(bson_t* to, std::string_view key) {
  FRESHET_ASSERT(bson_append_null(to, key.data(), length_of(key)));
}
// Milliseconds since 1970: BSON has no finer time.
inline void append_date(bson_t* to, std::string_view key, int64_t ms) {
  FRESHET_ASSERT(bson_append_date_time(to, key.data(), length_of(key), ms));
}

// The document that stands here, not copied. False: there is none.
[[nodiscard]] inline bool view_document(const bson_iter_t& at, bson_t& out) {
  uint32_t size = 0;
  const uint8_t* bytes = nullptr;
  if (BSON_ITER_HOLDS_DOCUMENT(&at)) bson_iter_document(&at, &size, &bytes);
  return bytes != nullptr && bson_init_static(&out, bytes, size);
}

// Appends a document that fill(child) writes.
template <class Fill>
void nest_document(bson_t* to, std::string_view key, const Fill& fill) {
  bson_t child;
  FRESHET_ASSERT(bson_append_document_begin(to, key.data(), length_of(key), &child));
  fill(&child);
  FRESHET_ASSERT(bson_append_document_end(to, &child));
}

// Appends an array that fill(child) writes, with the keys that ArrayKey makes.
template <class Fill>
void nest_array(bson_t* to, std::string_view key, const Fill& fill) {
  bson_t child;
  FRESHET_ASSERT(bson_append_array_begin(to, key.data(), length_of(key), &child));
  fill(&child);
  FRESHET_ASSERT(bson_append_array_end(to, &child));
}

// "0", "1", …: the keys of an array's elements.
class ArrayKey {
 public:
  explicit ArrayKey(size_t index) {
    size_ = bson_uint32_to_string(static_cast<uint32_t>(index), &text_, buffer_, sizeof buffer_);
  }
  [[nodiscard]] std::string_view view() const { return {text_, size_}; }

 private:
  char buffer_[16];
  const char* text_ = nullptr;
  size_t size_ = 0;
};

}  // namespace freshet::docstore
