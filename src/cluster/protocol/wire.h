// The primitive types of Kafka's protocol (kafka.apache.org/protocol, "Protocol Primitive Types"), big-endian. Encoder
// and Decoder have the same functions, so that each message is described once (by a template describe(wire, message))
// for both directions, and what is encoded decodes to the same.
//
//   classic:   string  = length:i16 bytes, -1 null        array = count:i32 items, -1 null
//   flexible:  string  = uvarint(length + 1) bytes, 0 null  array = uvarint(count + 1) items, 0 null
//              struct  = fields tags;  tags = uvarint(count) (uvarint(tag) uvarint(size) bytes)*
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/result.h"

namespace freshet::cluster::protocol {

using Uuid = std::array<uint8_t, 16>;

// Appends to a string that the caller owns. REQUIRES of what is encoded: strings under 32 KiB, counts that fit.
class Encoder {
 public:
  Encoder(std::string& out, int16_t version, bool flexible) : out_(out), version_(version), flexible_(flexible) {}

  [[nodiscard]] int16_t version() const { return version_; }

  template <std::integral T>
  void number(const T& value) {
    big_endian(static_cast<uint64_t>(value), sizeof(T));
  }
  void text(const std::string& value);
  void text(const std::optional<std::string>& value);
  void bytes(const std::string& value);                   // as text, but its classic length is an i32
  void records(const std::optional<std::string>& value);  // as bytes, of any size
  void uuid(const Uuid& value) { out_.append(reinterpret_cast<const char*>(value.data()), value.size()); }
  // Arrays of what has no tags.
  void numbers(const std::vector<int32_t>& values);
  void numbers(const std::optional<std::vector<int32_t>>& values) { values ? numbers(*values) : no_list(); }
  void texts(const std::vector<std::string>& values);
  void texts(const std::optional<std::vector<std::string>>& values) { values ? texts(*values) : no_list(); }
  // An array of structs: item(value) describes one without its tags.
  template <class T, class Item>
  void list(std::vector<T>& values, const Item& item) {
    count(values.size());
    for (T& value : values) {
      item(value);
      tags();
    }
  }
  template <class T, class Item>
  void list(std::optional<std::vector<T>>& values, const Item& item) {
    values ? list(*values, item) : no_list();
  }
  void tags();  // of the struct that ends here; none are sent

 private:
  void big_endian(uint64_t value, size_t bytes);
  void uvarint(uint32_t value);
  void count(size_t items);
  void no_list();
  void length(size_t bytes, size_t classic_width);
  void no_text();

  std::string& out_;
  const int16_t version_;
  const bool flexible_;
};

// Reads untrusted bytes. The first thing that is wrong is kept, and everything after it reads as empty: status() tells,
// at the end. Allocates no more than a small multiple of what is there, and at most kItemsMax items.
class Decoder {
 public:
  static constexpr uint32_t kItemsMax = 4'000'000;  // of all lists together: 100,000 partitions have a quarter of it

  // REQUIRES: `bytes` lives as long as this.
  Decoder(std::string_view bytes, int16_t version, bool flexible)
      : rest_(bytes), size_(bytes.size()), version_(version), flexible_(flexible) {}

  [[nodiscard]] int16_t version() const { return version_; }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  // kCorrupt: what is wrong, and at which byte.
  [[nodiscard]] Status status() const;
  // The same, and that nothing is left over.
  [[nodiscard]] Status finish();

  template <std::integral T>
  void number(T& value) {
    value = static_cast<T>(big_endian(sizeof(T)));
  }
  void text(std::string& value);
  void text(std::optional<std::string>& value);
  void bytes(std::string& value);
  void records(std::optional<std::string>& value);
  void uuid(Uuid& value);
  void numbers(std::optional<std::vector<int32_t>>& values);
  void numbers(std::vector<int32_t>& values) {
    never_null(values, [this](auto& read) { numbers(read); });
  }
  void texts(std::optional<std::vector<std::string>>& values);
  void texts(std::vector<std::string>& values) {
    never_null(values, [this](auto& read) { texts(read); });
  }
  template <class T, class Item>
  void list(std::vector<T>& values, const Item& item) {
    never_null(values, [&](auto& read) { list(read, item); });
  }
  template <class T, class Item>
  void list(std::optional<std::vector<T>>& values, const Item& item) {
    const std::optional<uint32_t> items = count();
    values.reset();
    if (!items) return;
    values.emplace();
    // It grows as items are read: a count is a claim, and nothing is allocated for one.
    for (uint32_t i = 0; i < *items && wrong_ == nullptr; ++i) {
      item(values->emplace_back());
      tags();
    }
  }
  void tags();  // those that we don't know are skipped

 private:
  [[nodiscard]] uint64_t big_endian(size_t bytes);
  [[nodiscard]] uint32_t uvarint();
  [[nodiscard]] std::string_view take(uint64_t bytes);
  [[nodiscard]] std::optional<uint32_t> count();
  [[nodiscard]] std::optional<std::string_view> sized(size_t classic_width);
  void wrong(const char* what);
  template <class T, class Read>
  void never_null(std::vector<T>& values, const Read& read) {
    std::optional<std::vector<T>> found;
    read(found);
    if (!found) wrong("a list that must not be null is");
    values = found ? std::move(*found) : std::vector<T>();
  }

  std::string_view rest_;
  const size_t size_;
  const int16_t version_;
  const bool flexible_;
  uint32_t items_ = 0;
  const char* wrong_ = nullptr;
  size_t wrong_at_ = 0;
};

}  // namespace freshet::cluster::protocol
