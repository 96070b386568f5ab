// The algebra of document.h. Folding and applying walk sorted lists side by side, so their cost is that of both lists,
// however large the document is; and values are swapped rather than copied, as a history or a list of devices may be
// large.
#include "model/document.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "model/json.h"

namespace freshet::model {
namespace {

using google::protobuf::RepeatedPtrField;
using v1::Change;
using v1::ChangeOp;
using v1::Document;
using v1::Field;
using v1::Value;
using v1::ValueList;
using Elements = RepeatedPtrField<Value>;

// ChangeOp or Field, by (section, name).
template <class A, class B>
int compare_keys(const A& a, const B& b) {
  if (a.section() != b.section()) return a.section() < b.section() ? -1 : 1;
  return a.name().compare(b.name());
}

constexpr auto kKeyLess = [](const auto* a, const auto* b) { return compare_keys(*a, *b) < 0; };
constexpr auto kValueLess = [](const Value* a, const Value* b) { return compare_values(*a, *b) < 0; };

void sort_ops(RepeatedPtrField<ChangeOp>& ops) {
  if (std::is_sorted(ops.pointer_begin(), ops.pointer_end(), kKeyLess)) return;
  std::stable_sort(ops.pointer_begin(), ops.pointer_end(), kKeyLess);
}

// The end of the run of ops with the key of ops[begin].
int end_of_run(const RepeatedPtrField<ChangeOp>& ops, int begin) {
  FRESHET_ASSERT(begin < ops.size());
  int end = begin + 1;
  while (end < ops.size() && compare_keys(ops[begin], ops[end]) == 0) ++end;
  return end;
}

// Merges the sorted [0, before) and [before, size); of equals the first come first.
template <class T>
void merge_tail(RepeatedPtrField<T>& all, int before) {
  FRESHET_ASSERT(before <= all.size());
  if (before == 0 || before == all.size() || !kKeyLess(&all[before], &all[before - 1])) return;
  std::inplace_merge(all.pointer_begin(), all.pointer_begin() + before, all.pointer_end(), kKeyLess);
}

// ---- sets: sorted, unique lists ----

// Sorts a list and drops repetitions. Most are in order already, which is seen without moving anything.
void make_set(Elements& list) {
  const auto not_less = [](const Value* a, const Value* b) { return compare_values(*a, *b) >= 0; };
  if (std::adjacent_find(list.pointer_begin(), list.pointer_end(), not_less) == list.pointer_end()) return;
  std::sort(list.pointer_begin(), list.pointer_end(), kValueLess);
  int kept = 0;
  for (int i = 0; i < list.size(); ++i) {
    if (kept > 0 && compare_values(list[kept - 1], list[i]) == 0) continue;
    if (kept != i) list.SwapElements(kept, i);
    ++kept;
  }
  list.DeleteSubrange(kept, list.size() - kept);
}

// set ∪= more. REQUIRES: both are sets.
void add_elements(Elements& set, const Elements& more) {
  const int before = set.size();
  int at = 0;
  for (const Value& element : more) {
    while (at < before && compare_values(set[at], element) < 0) ++at;
    if (at == before || compare_values(set[at], element) != 0) *set.Add() = element;
  }
  if (set.size() == before) return;
  std::inplace_merge(set.pointer_begin(), set.pointer_begin() + before, set.pointer_end(), kValueLess);
}

// set ∖= gone. REQUIRES: both are sets.
void remove_elements(Elements& set, const Elements& gone) {
  int at = 0;
  int kept = 0;
  for (int i = 0; i < set.size(); ++i) {
    while (at < gone.size() && compare_values(gone[at], set[i]) < 0) ++at;
    if (at < gone.size() && compare_values(gone[at], set[i]) == 0) continue;
    if (kept != i) set.SwapElements(kept, i);
    ++kept;
  }
  set.DeleteSubrange(kept, set.size() - kept);
}

// ---- the effect of a run of ops on one entry ----

// What ops do to one entry, told of them one after the other. It begins with an entry that it knows nothing of (kSets:
// only sets of added and removed elements can be told of that), until set() or clear() says what is there.
class Effect {
 public:
  void set(Value&& value) {
    kind_ = value.kind_case() == Value::KIND_NOT_SET ? kNothing : kValue;
    value_.Swap(&value);
  }
  // The value is taken out of the op.
  void feed(ChangeOp&& op) {
    switch (op.type()) {
      case ChangeOp::SET: return set(std::move(*op.mutable_value()));
      case ChangeOp::UNSET: return clear();
      case ChangeOp::ADD_TO_SET: return add(std::move(*op.mutable_value()->mutable_list()));
      case ChangeOp::REMOVE_FROM_SET: return remove(std::move(*op.mutable_value()->mutable_list()));
      default: return;  // An op of a version that we don't know: such a log is refused elsewhere.
    }
  }
  void feed(const ChangeOp& op) { feed(ChangeOp(op)); }
  void clear() { kind_ = kNothing; }
  // What becomes of an entry that it was told of by set() or clear(); null: nothing is there.
  [[nodiscard]] Value* result() { return kind_ == kValue ? &value_ : nullptr; }
  // Tells the effect as ops, through `emit_op(type, value)`; the value is null for UNSET.
  template <class Emit>
  void emit(const Emit& emit_op) {
    if (kind_ == kValue) return emit_op(ChangeOp::SET, &value_);
    if (kind_ == kNothing) return emit_op(ChangeOp::UNSET, nullptr);
    // An op is emitted even if both sets are empty: it still makes an empty or a plain entry nothing.
    const bool adds = !added_.values().empty();
    if (adds) emit_list(ChangeOp::ADD_TO_SET, added_, emit_op);
    if (!adds || !removed_.values().empty()) emit_list(ChangeOp::REMOVE_FROM_SET, removed_, emit_op);
  }

 private:
  enum Kind { kSets, kValue, kNothing };

  template <class Emit>
  void emit_list(ChangeOp::Type type, ValueList& list, const Emit& emit_op) {
    Value value;
    value.mutable_list()->Swap(&list);
    emit_op(type, &value);
  }
  // The entry as a set, to work on. A plain value is no element of it: who adds to `color: red` means a list.
  Elements& elements() {
    if (kind_ == kNothing || value_.kind_case() != Value::kList) value_.mutable_list()->Clear();
    Elements& set = *value_.mutable_list()->mutable_values();
    make_set(set);
    return set;
  }
  void add(ValueList more) {
    make_set(*more.mutable_values());
    if (kind_ == kSets) {
      remove_elements(*removed_.mutable_values(), more.values());
      return add_elements(*added_.mutable_values(), more.values());
    }
    Elements& set = elements();
    add_elements(set, more.values());
    kind_ = set.empty() ? kNothing : kValue;
  }
  void remove(ValueList gone) {
    make_set(*gone.mutable_values());
    if (kind_ == kSets) {
      remove_elements(*added_.mutable_values(), gone.values());
      return add_elements(*removed_.mutable_values(), gone.values());
    }
    if (kind_ == kNothing) return;
    Elements& set = elements();
    remove_elements(set, gone.values());
    kind_ = set.empty() ? kNothing : kValue;
  }

  Kind kind_ = kSets;
  Value value_;      // kValue
  ValueList added_;  // kSets; disjoint from removed_
  ValueList removed_;
};

// Whether what was there before the op does not matter.
bool replaces(const ChangeOp& op) { return op.type() == ChangeOp::SET || op.type() == ChangeOp::UNSET; }

// ---- folding ----

// set ∪= more, where `more` is small and the set may be large: it is neither copied nor gone through. Were the set
// not sorted, an element could be there twice afterwards, which means nothing.
void add_few(Elements& set, Elements& more) {
  for (Value& element : more) {
    const auto at =
        std::lower_bound(set.pointer_begin(), set.pointer_end(), &element, kValueLess) - set.pointer_begin();
    const auto position = static_cast<int>(at);
    if (position < set.size() && compare_values(set[position], element) == 0) continue;
    set.Add()->Swap(&element);
    std::rotate(set.pointer_begin() + at, set.pointer_end() - 1, set.pointer_end());
  }
}

// Folds later[begin, end) into earlier[first, last), all of one key. Ops of `earlier` that are no longer needed become
// TYPE_UNSPECIFIED; one that is needed more goes to the end of `earlier`.
void fold_run(RepeatedPtrField<ChangeOp>& earlier, int first, int last, RepeatedPtrField<ChangeOp>& later, int begin,
              int end) {
  FRESHET_ASSERT(first < last && begin < end);
  const auto drop_rest = [&](int from) {
    for (int i = from; i < last; ++i) earlier[i].set_type(ChangeOp::TYPE_UNSPECIFIED);
  };
  if (end - begin == 1 && replaces(later[begin])) {
    earlier[first].Swap(&later[begin]);
    return drop_rest(first + 1);
  }
  const bool is_set_op =
      later[begin].type() == ChangeOp::ADD_TO_SET || later[begin].type() == ChangeOp::REMOVE_FROM_SET;
  if (last - first == 1 && end - begin == 1 && is_set_op && earlier[first].type() == later[begin].type())
    return add_few(*earlier[first].mutable_value()->mutable_list()->mutable_values(),
                   *later[begin].mutable_value()->mutable_list()->mutable_values());
  Effect effect;
  for (int i = first; i < last; ++i) effect.feed(std::move(earlier[i]));
  for (int i = begin; i < end; ++i) effect.feed(std::move(later[i]));
  int next = first;
  effect.emit([&](ChangeOp::Type type, Value* value) {
    ChangeOp& op = next < last ? earlier[next] : *earlier.Add();
    if (next >= last) {
      op.set_section(earlier[first].section());
      op.set_name(earlier[first].name());
    }
    ++next;
    op.set_type(type);
    if (value != nullptr) {
      op.mutable_value()->Swap(value);
    } else {
      op.clear_value();
    }
  });
  drop_rest(next);
}

// Folds runs of one key where both have some; what only `later` has goes to the end, to be merged in at last.
void fold_ops(RepeatedPtrField<ChangeOp>& earlier, RepeatedPtrField<ChangeOp>& later) {
  sort_ops(earlier);
  sort_ops(later);
  const int before = earlier.size();
  int at = 0;
  for (int begin = 0; begin < later.size();) {
    const int end = end_of_run(later, begin);
    int order = 1;
    while (at < before && (order = compare_keys(earlier[at], later[begin])) < 0) ++at;
    if (at < before && order == 0) {
      int last = at + 1;
      while (last < before && compare_keys(earlier[last], later[begin]) == 0) ++last;
      fold_run(earlier, at, last, later, begin, end);
      at = last;
    } else {
      for (int i = begin; i < end; ++i) earlier.Add()->Swap(&later[i]);
    }
    begin = end;
  }
  merge_tail(earlier, before);
  int kept = 0;
  for (int i = 0; i < earlier.size(); ++i) {
    if (earlier[i].type() == ChangeOp::TYPE_UNSPECIFIED) continue;
    if (kept != i) earlier.SwapElements(kept, i);
    ++kept;
  }
  earlier.DeleteSubrange(kept, earlier.size() - kept);
}

// ---- applying ----

// The first field in [from, to) that is not before the op's.
int lower_bound_of(const RepeatedPtrField<Field>& fields, int from, int to, const ChangeOp& op) {
  while (from < to) {
    const int middle = from + (to - from) / 2;
    if (compare_keys(fields[middle], op) < 0) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

// Takes away the fields without a value.
void drop_empty_fields(RepeatedPtrField<Field>& fields) {
  int kept = 0;
  for (int i = 0; i < fields.size(); ++i) {
    if (!fields[i].has_value()) continue;
    if (kept != i) fields.SwapElements(kept, i);
    ++kept;
  }
  fields.DeleteSubrange(kept, fields.size() - kept);
}

// What the run ops[begin, end) makes of the field (without a value: nothing was there); it may leave it without a
// value.
void apply_run(Field& field, const RepeatedPtrField<ChangeOp>& ops, int begin, int end) {
  FRESHET_ASSERT(begin < end);
  const ChangeOp& op = ops[begin];
  if (end - begin == 1 && op.type() == ChangeOp::SET && op.value().kind_case() != Value::KIND_NOT_SET) {
    *field.mutable_value() = op.value();
    return;
  }
  Effect effect;
  if (field.has_value()) {
    effect.set(std::move(*field.mutable_value()));
  } else {
    effect.clear();
  }
  for (int i = begin; i < end; ++i) effect.feed(ops[i]);
  if (Value* value = effect.result(); value != nullptr) {
    field.mutable_value()->Swap(value);
  } else {
    field.clear_value();
  }
}

// Fields that are new go to the end and are merged in at last, so that a change of one field does not move all others.
void apply_ops(RepeatedPtrField<Field>& fields, const RepeatedPtrField<ChangeOp>& ops) {
  const int before = fields.size();
  int at = 0;
  bool emptied = false;
  for (int begin = 0; begin < ops.size();) {
    const int end = end_of_run(ops, begin);
    at = lower_bound_of(fields, at, before, ops[begin]);
    Field* field = nullptr;
    if (at < before && compare_keys(fields[at], ops[begin]) == 0) {
      field = &fields[at];
    } else {
      field = fields.Add();
      field->set_section(ops[begin].section());
      field->set_name(ops[begin].name());
    }
    apply_run(*field, ops, begin, end);
    emptied = emptied || !field->has_value();
    begin = end;
  }
  merge_tail(fields, before);
  if (emptied) drop_empty_fields(fields);
}

}  // namespace

void fold_change(Change& earlier, Change&& later) {
  FRESHET_ASSERT(earlier.version() < later.version());
  FRESHET_ASSERT(earlier.id() == later.id());  // Two persons' changes folded into one would mix their profiles.
  if (earlier.first_version() == 0) earlier.set_first_version(earlier.version());
  earlier.set_version(later.version());
  const bool stays_removed = earlier.remove() && !later.remove() && !later.whole();
  if (stays_removed) return;
  earlier.set_received_at_us(later.received_at_us());
  if (later.remove()) {
    earlier.set_remove(true);
    earlier.set_whole(false);
    earlier.mutable_ops()->Clear();
  } else if (later.whole()) {
    earlier.set_remove(false);
    earlier.set_whole(true);
    earlier.mutable_ops()->Swap(later.mutable_ops());
  } else {
    fold_ops(*earlier.mutable_ops(), *later.mutable_ops());
  }
}

// A writer that lost its partition may come late with a change, while another one has gone on: folded over the gap
// between them, the late one would undo what lies in it.
bool follows(uint64_t version, const Change& later) {
  const uint64_t first = later.first_version() != 0 ? later.first_version() : later.version();
  return first <= version + 1;
}

// A removed profile keeps its version in a tombstone. Without it, a change that is written again after a crash would
// find no document, and make one of somebody who was merged away or erased.
bool apply_change(Document& document, const Change& change) {
  if (document.version() >= change.version() && !FRESHET_MUTANT(kStaleWriteWins)) return false;
  document.set_version(change.version());
  if (change.remove() || change.whole()) {
    document.mutable_fields()->Clear();
    document.set_removed(change.remove() && !FRESHET_MUTANT(kTombstoneForgotten));
    document.set_removed_at_us(change.remove() ? change.received_at_us() : 0);
  }
  if (document.removed()) return true;
  if (std::is_sorted(change.ops().pointer_begin(), change.ops().pointer_end(), kKeyLess)) {
    apply_ops(*document.mutable_fields(), change.ops());
  } else {
    RepeatedPtrField<ChangeOp> sorted = change.ops();
    sort_ops(sorted);
    apply_ops(*document.mutable_fields(), sorted);
  }
  return true;
}

const Value* find_field(const Document& document, v1::Section section, std::string_view name) {
  const auto& fields = document.fields();
  const auto at = std::lower_bound(fields.begin(), fields.end(), 0, [&](const Field& field, int) {
    return field.section() != section ? field.section() < section : std::string_view(field.name()) < name;
  });
  return at != fields.end() && at->section() == section && at->name() == name ? &at->value() : nullptr;
}

}  // namespace freshet::model
