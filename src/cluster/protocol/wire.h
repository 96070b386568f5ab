// The primitive types of Kafka's protocol (kafka.apache.org/protocol, "Protocol Primitive Types"), big-endian. A Wire
// writes (Encoder) or reads (Decoder), so that each message is described once, by a function describe(wire, message),
// for both directions: what is encoded decodes to the same. That function is no template: there are sixty of them, and
// making each of them twice took a quarter of the module's compilation.
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
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/result.h"

namespace freshet::cluster::protocol {

using Uuid = std::array<uint8_t, 16>;

// Each function writes its argument, which stays as it is, or reads it.
class Wire {
 public:
  virtual ~Wire() = default;

  [[nodiscard]] int16_t version() const { return version_; }

  template <std::integral T>
  void number(T& value) {
    auto bits = static_cast<uint64_t>(value);
    whole(bits, sizeof(T));
    value = static_cast<T>(bits);
  }
  virtual void text(std::string& value) = 0;
  virtual void text(std::optional<std::string>& value) = 0;
  virtual void bytes(std::string& value) = 0;                   // as text, but its classic length is an i32
  virtual void records(std::optional<std::string>& value) = 0;  // as bytes, of any size
  virtual void uuid(Uuid& value) = 0;
  // Arrays of what has no tags.
  virtual void numbers(std::vector<int32_t>& values) = 0;
  virtual void numbers(std::optional<std::vector<int32_t>>& values) = 0;
  virtual void texts(std::vector<std::string>& values) = 0;
  virtual void texts(std::optional<std::vector<std::string>>& values) = 0;
  // An array of structs: item(value) describes one without its tags.
  template <class T, class Item>
  void list(std::vector<T>& values, const Item& item) {
    const std::optional<uint32_t> items = count(values.size());
    if (is_reading()) values.clear();
    items ? each(values, *items, item) : not_null();
  }
  template <class T, class Item>
  void list(std::optional<std::vector<T>>& values, const Item& item) {
    const std::optional<uint32_t> items = count(values ? std::optional(values->size()) : std::nullopt);
    if (!items) return values.reset();
    if (is_reading()) values.emplace();
    each(*values, *items, item);
  }
  virtual void tags() = 0;  // of the struct that ends here: none are sent, and those that we don't know are skipped

 protected:
  Wire(int16_t version, bool flexible) : version_(version), flexible_(flexible) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  [[nodiscard]] bool is_flexible() const { return flexible_; }
  virtual void whole(uint64_t& value, size_t bytes) = 0;
  // Of an array: writes how many items it has, or reads it. Nothing: it is null, or something is wrong.
  [[nodiscard]] virtual std::optional<uint32_t> count(std::optional<size_t> items) = 0;
  [[nodiscard]] virtual bool is_reading() const = 0;
  [[nodiscard]] virtual bool is_well() const = 0;
  // A list that was read as null must not be null.
  virtual void not_null() = 0;

 private:
  // What is read grows as items are read: a count is a claim, and nothing is allocated for one.
  template <class T, class Item>
  void each(std::vector<T>& values, uint32_t items, const Item& item) {
    for (uint32_t i = 0; i < items && is_well(); ++i) {
      if (i == values.size()) values.emplace_back();
      item(values[i]);
      tags();
    }
  }

  const int16_t version_;
  const bool flexible_;
};

// Appends to a string that the caller owns. REQUIRES of what is encoded: counts and bytes that fit.
class Encoder final : public Wire {
 public:
  Encoder(std::string& out, int16_t version, bool flexible) : Wire(version, flexible), out_(out) {}

  void text(std::string& value) override;
  void text(std::optional<std::string>& value) override;
  void bytes(std::string& value) override;
  void records(std::optional<std::string>& value) override;
  void uuid(Uuid& value) override { out_.append(reinterpret_cast<const char*>(value.data()), value.size()); }
  void numbers(std::vector<int32_t>& values) override;
  void numbers(std::optional<std::vector<int32_t>>& values) override { values ? numbers(*values) : no_list(); }
  void texts(std::vector<std::string>& values) override;
  void texts(std::optional<std::vector<std::string>>& values) override { values ? texts(*values) : no_list(); }
  void tags() override;

  // A text had more bytes than Kafka takes of one: what was written is no message.
  [[nodiscard]] bool has_long_text() const { return has_long_text_; }

 private:
  void whole(uint64_t& value, size_t bytes) override { big_endian(value, bytes); }
  std::optional<uint32_t> count(std::optional<size_t> items) override;
  bool is_reading() const override { return false; }
  bool is_well() const override { return true; }
  void not_null() override { FRESHET_ASSERT(false); }  // what is written is there

  void big_endian(uint64_t value, size_t bytes);
  void uvarint(uint32_t value);
  void no_list();
  void length(size_t bytes, size_t classic_width);
  void no_text();

  std::string& out_;
  bool has_long_text_ = false;
};

// Reads untrusted bytes. The first thing that is wrong is kept, and everything after it reads as empty: status() tells,
// at the end. Allocates no more than a small multiple of what is there, and at most kItemsMax items.
class Decoder final : public Wire {
 public:
  static constexpr uint32_t kItemsMax = 4'000'000;  // of all lists together: 100,000 partitions have a quarter of it

  // REQUIRES: `bytes` lives as long as this.
  Decoder(std::string_view bytes, int16_t version, bool flexible)
      : Wire(version, flexible), rest_(bytes), size_(bytes.size()) {}

  [[nodiscard]] std::string_view rest() const { return rest_; }
  // kCorrupt: what is wrong, and at which byte.
  [[nodiscard]] Status status() const;
  // The same, and that nothing is left over.
  [[nodiscard]] Status finish();

  void text(std::string& value) override;
  void text(std::optional<std::string>& value) override;
  void bytes(std::string& value) override;
  void records(std::optional<std::string>& value) override;
  void uuid(Uuid& value) override;
  void numbers(std::vector<int32_t>& values) override;
  void numbers(std::optional<std::vector<int32_t>>& values) override;
  void texts(std::vector<std::string>& values) override;
  void texts(std::optional<std::vector<std::string>>& values) override;
  void tags() override;

 private:
  void whole(uint64_t& value, size_t bytes) override { value = big_endian(bytes); }
  std::optional<uint32_t> count(std::optional<size_t> items) override;
  bool is_reading() const override { return true; }
  bool is_well() const override { return wrong_ == nullptr; }
  void not_null() override { wrong("a list that must not be null is"); }

  [[nodiscard]] uint64_t big_endian(size_t bytes);
  [[nodiscard]] uint32_t uvarint();
  [[nodiscard]] std::string_view take(uint64_t bytes);
  [[nodiscard]] std::optional<std::string_view> sized(size_t classic_width);
  void wrong(const char* what);
  template <class T>
  void never_null(std::vector<T>& values, std::optional<std::vector<T>>&& found) {
    if (!found) not_null();
    values = found ? std::move(*found) : std::vector<T>();
  }

  std::string_view rest_;
  const size_t size_;
  uint32_t items_ = 0;
  const char* wrong_ = nullptr;
  size_t wrong_at_ = 0;
};

}  // namespace freshet::cluster::protocol
