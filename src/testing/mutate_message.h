// Changes a Protobuf message at random, field by field, so that it stays one that can be read: as somebody would forge
// it who knows the schema. For tests and fuzz targets.
#pragma once

#include <google/protobuf/message.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace freshet::testing {

// `donors`: messages whose parts may be put in the place of parts of the same type.
class MessageMutator {
 public:
  using Message = google::protobuf::Message;

  MessageMutator(std::mt19937_64& rng, const std::vector<const Message*>& donors) : rng_(rng) {
    for (const Message* donor : donors) collect(*donor, 0);
  }

  // Changes one field somewhere in it.
  void mutate(Message& message, int depth = 0) {
    const auto& descriptor = *message.GetDescriptor();
    if (descriptor.field_count() == 0) return;
    // What a message has is changed as often as all that it may have: else hardly any change is to what makes it up.
    std::vector<const Field*> there;
    message.GetReflection()->ListFields(message, &there);
    const auto& field =
        !there.empty() && one_in(2)
            ? *there[rng_() % there.size()]
            : *descriptor.field(static_cast<int>(rng_() % static_cast<uint64_t>(descriptor.field_count())));
    if (field.is_repeated()) return mutate_list(message, field, depth);
    if (field.cpp_type() == Field::CPPTYPE_MESSAGE) return mutate_part(message, field, depth);
    set(message, field, false);
  }

 private:
  using Field = google::protobuf::FieldDescriptor;
  static constexpr int kDepthMost = 6;

  [[nodiscard]] bool one_in(uint64_t n) { return rng_() % n == 0; }

  void collect(const Message& message, int depth) {
    parts_.push_back(&message);
    if (depth == kDepthMost) return;
    std::vector<const Field*> fields;
    const auto& of = *message.GetReflection();
    of.ListFields(message, &fields);
    for (const Field* field : fields) {
      if (field->cpp_type() != Field::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) collect(of.GetMessage(message, field), depth + 1);
      for (int i = 0; field->is_repeated() && i < of.FieldSize(message, field); ++i)
        collect(of.GetRepeatedMessage(message, field, i), depth + 1);
    }
  }

  // Makes it what a donor has there, if there is one.
  void take_part(Message& part) {
    std::vector<const Message*> fitting;
    for (const Message* one : parts_)
      if (one->GetDescriptor() == part.GetDescriptor()) fitting.push_back(one);
    if (!fitting.empty()) part.CopyFrom(*fitting[rng_() % fitting.size()]);
  }

  void mutate_part(Message& message, const Field& field, int depth) {
    const auto& of = *message.GetReflection();
    if (one_in(5)) return of.ClearField(&message, &field);
    Message& part = *of.MutableMessage(&message, &field);
    one_in(3) || depth == kDepthMost ? take_part(part) : mutate(part, depth + 1);
  }

  void mutate_list(Message& message, const Field& field, int depth) {
    const auto& of = *message.GetReflection();
    const int size = of.FieldSize(message, &field);
    const bool is_message = field.cpp_type() == Field::CPPTYPE_MESSAGE;
    if (size > 0 && one_in(4)) return of.RemoveLast(&message, &field);
    if (size > 1 && one_in(4)) return of.SwapElements(&message, &field, 0, size - 1);
    if (!is_message) return set(message, field, true);
    Message& part =
        size == 0 || one_in(3)
            ? *of.AddMessage(&message, &field)
            : *of.MutableRepeatedMessage(&message, &field, static_cast<int>(rng_() % static_cast<uint64_t>(size)));
    one_in(2) || depth == kDepthMost ? take_part(part) : mutate(part, depth + 1);
  }

  template <class Number>
  [[nodiscard]] Number number() {
    using Limits = std::numeric_limits<Number>;
    const Number some[] = {0, 1, Limits::max(), Limits::lowest(), static_cast<Number>(rng_() % 100)};
    return some[rng_() % std::size(some)];
  }
  [[nodiscard]] std::string text() {
    const std::string some[] = {"", "t", "user_id", "email", std::string(16, 'k'), std::string("\0x", 2)};
    return some[rng_() % std::size(some)];
  }

  void set(Message& message, const Field& field, bool adds) {
    const auto& of = *message.GetReflection();
    const auto put = [&](auto single, auto repeated, auto value) {
      adds ? (of.*repeated)(&message, &field, value) : (of.*single)(&message, &field, value);
    };
    using R = google::protobuf::Reflection;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32: return put(&R::SetInt32, &R::AddInt32, number<int32_t>());
      case Field::CPPTYPE_INT64: return put(&R::SetInt64, &R::AddInt64, number<int64_t>());
      case Field::CPPTYPE_UINT32: return put(&R::SetUInt32, &R::AddUInt32, number<uint32_t>());
      case Field::CPPTYPE_UINT64: return put(&R::SetUInt64, &R::AddUInt64, number<uint64_t>());
      case Field::CPPTYPE_DOUBLE: return put(&R::SetDouble, &R::AddDouble, number<double>());
      case Field::CPPTYPE_FLOAT: return put(&R::SetFloat, &R::AddFloat, number<float>());
      case Field::CPPTYPE_BOOL: return put(&R::SetBool, &R::AddBool, one_in(2));
      case Field::CPPTYPE_ENUM: {
        const auto& values = *field.enum_type();
        const int value =
            values.value(static_cast<int>(rng_() % static_cast<uint64_t>(values.value_count())))->number();
        return adds ? of.AddEnumValue(&message, &field, value) : of.SetEnumValue(&message, &field, value);
      }
      case Field::CPPTYPE_STRING:
        return adds ? of.AddString(&message, &field, text()) : of.SetString(&message, &field, text());
      default: return;
    }
  }

  std::mt19937_64& rng_;
  std::vector<const Message*> parts_;
};

}  // namespace freshet::testing
