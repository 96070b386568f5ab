// For tests: random changes of one entity, over few names and values, so that they meet one another. RapidCheck.
#pragma once

#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "freshet/v1/change.pb.h"

namespace freshet::model::testing {

inline v1::Value text_value(std::string text) {
  v1::Value value;
  value.set_text(std::move(text));
  return value;
}

inline v1::Value list_value(const std::vector<std::string>& elements) {
  v1::Value value;
  value.mutable_list();
  for (const std::string& element : elements) value.mutable_list()->add_values()->set_text(element);
  return value;
}

inline v1::ChangeOp make_op(v1::ChangeOp::Type type, v1::Section section, std::string name, const v1::Value& value) {
  v1::ChangeOp op;
  op.set_type(type);
  op.set_section(section);
  op.set_name(std::move(name));
  if (value.kind_case() != v1::Value::KIND_NOT_SET) *op.mutable_value() = value;
  return op;
}

inline v1::ChangeOp random_op(v1::Section section, std::string name) {
  const auto type = static_cast<v1::ChangeOp::Type>(*rc::gen::inRange(1, 5));
  const auto letter = [] { return std::string(1, *rc::gen::inRange('a', 'f')); };
  std::vector<std::string> elements(*rc::gen::inRange<size_t>(0, 4));
  for (std::string& element : elements) element = letter();
  const bool plain = type == v1::ChangeOp::SET && *rc::gen::inRange(0, 2) == 0;
  v1::Value value = plain ? text_value(letter()) : list_value(elements);
  if (type == v1::ChangeOp::UNSET || *rc::gen::inRange(0, 40) == 0) value.Clear();
  return make_op(type, section, std::move(name), value);
}

// Sorted ops, now and then several of one name.
inline v1::Change random_change(uint64_t version) {
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id("0123456789abcdef");
  change.set_version(version);
  change.set_received_at_us(static_cast<int64_t>(version) * 1000);
  const int shape = *rc::gen::inRange(0, 12);
  change.set_remove(shape == 0);
  change.set_whole(shape == 1);
  if (change.remove()) return change;
  for (const v1::Section section : {v1::IDENTIFIERS, v1::ATTRIBUTES, v1::COMPUTED}) {
    for (const char* name : {"k", "l", "m"}) {
      const int ops = *rc::gen::element(0, 0, 0, 1, 1, 2, 3);
      for (int i = 0; i < ops; ++i) *change.add_ops() = random_op(section, name);
    }
  }
  return change;
}

// Versions 1..count.
inline std::vector<v1::Change> random_history(size_t count) {
  std::vector<v1::Change> changes;
  for (size_t i = 1; i <= count; ++i) changes.push_back(random_change(i));
  return changes;
}

}  // namespace freshet::model::testing
