// A map from names to values that never changes: with() and without() make another one, which shares all but the nodes
// on the way to that name. So whoever holds a map reads it without a lock, and a map of a hundred thousand names costs
// one more name a few short copies.
//
// It is a tree by the bits of a name's hash (Bagwell, "Ideal Hash Trees", 2001): a branch has kFan places, a leaf a few
// names. The hash is seeded for each process, so nobody can choose names that collide. A copy of a map is two words;
// copies may be used by several threads.
#pragma once

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace freshet {

// T is cheap to copy.
template <class T>
class NameMap {
 public:
  [[nodiscard]] size_t size() const { return size_; }

  // nullptr if it is not there; else it lives as long as this map or a copy of it.
  [[nodiscard]] const T* find(std::string_view name) const {
    const Key key{name, hash_of(name)};
    uint64_t bits = key.hash;
    const Node* node = root_.get();
    for (; node != nullptr && node->branch; bits >>= kBits) node = (*node->branch)[bits % kFan].get();
    const Item* const item = node == nullptr ? nullptr : node->item_of(key);
    return item == nullptr ? nullptr : &item->value;
  }

  [[nodiscard]] NameMap with(std::string_view name, T value) const {
    bool added = false;
    const Key key{name, hash_of(name)};
    NodePtr root = put(root_, 0, key, {key.hash, std::string(name), std::move(value)}, added);
    return NameMap(std::move(root), size_ + (added ? 1 : 0));
  }

  [[nodiscard]] NameMap without(std::string_view name) const {
    if (find(name) == nullptr) return *this;
    FRESHET_ASSERT(size_ > 0);
    return NameMap(take(root_, 0, {name, hash_of(name)}), size_ - 1);
  }

  // Calls visit(name, value) for each, in an order that means nothing.
  template <class Visit>
  void each(const Visit& visit) const {
    walk(root_.get(), visit);
  }

  NameMap() = default;

 private:
  static constexpr uint32_t kBits = 4, kFan = 1u << kBits;
  static constexpr uint32_t kDepthMax = 64 / kBits;  // then the hash has no more bits, and leaves may grow
  static constexpr size_t kLeafMax = 8;

  struct Key {
    std::string_view name;
    uint64_t hash;
  };
  struct Item {
    uint64_t hash;
    std::string name;
    T value;
  };
  struct Node;
  using NodePtr = std::shared_ptr<const Node>;
  using Branch = std::array<NodePtr, kFan>;
  // A branch, or a leaf of items.
  struct Node {
    std::unique_ptr<const Branch> branch;
    std::vector<Item> items;

    const Item* item_of(const Key& key) const {
      for (const Item& item : items)
        if (item.hash == key.hash && item.name == key.name) return &item;
      return nullptr;
    }
  };

  NameMap(NodePtr root, size_t size) : root_(std::move(root)), size_(size) {}

  static uint64_t hash_of(std::string_view name) {
    // Debian's Abseil has a string_view of its own.
    return absl::Hash<absl::string_view>{}(absl::string_view(name.data(), name.size()));
  }
  static uint32_t place_of(uint64_t hash, uint32_t depth) { return (hash >> (depth * kBits)) % kFan; }

  static NodePtr leaf(std::vector<Item> items) { return std::make_shared<const Node>(Node{nullptr, std::move(items)}); }
  static NodePtr branch(Branch places) {
    return std::make_shared<const Node>(Node{std::make_unique<const Branch>(std::move(places)), {}});
  }

  static NodePtr put(const NodePtr& node, uint32_t depth, const Key& key, Item item, bool& added) {
    if (node != nullptr && node->branch) {
      Branch places = *node->branch;
      NodePtr& place = places[place_of(key.hash, depth)];
      place = put(place, depth + 1, key, std::move(item), added);
      return branch(std::move(places));
    }
    // No room to spare: this leaf never grows, and there are millions of them.
    std::vector<Item> items;
    items.reserve((node == nullptr ? 0 : node->items.size()) + 1);
    if (node != nullptr) items.insert(items.end(), node->items.begin(), node->items.end());
    const auto there = std::find_if(items.begin(), items.end(), [&](const Item& other) {
      return other.hash == key.hash && other.name == key.name;
    });
    added = there == items.end();
    if (added) {
      items.push_back(std::move(item));
    } else {
      there->value = std::move(item.value);
    }
    return items.size() > kLeafMax && depth < kDepthMax ? split(std::move(items), depth) : leaf(std::move(items));
  }

  static NodePtr split(std::vector<Item> items, uint32_t depth) {
    std::array<std::vector<Item>, kFan> parts;
    for (Item& item : items) {
      std::vector<Item>& part = parts[place_of(item.hash, depth)];
      part.push_back(std::move(item));
    }
    Branch places;
    for (size_t i = 0; i < kFan; ++i) {
      if (parts[i].empty()) continue;
      parts[i].shrink_to_fit();
      const bool is_large = parts[i].size() > kLeafMax && depth + 1 < kDepthMax;
      places[i] = is_large ? split(std::move(parts[i]), depth + 1) : leaf(std::move(parts[i]));
    }
    return branch(std::move(places));
  }

  // nullptr if nothing is left. REQUIRES: the name is there.
  static NodePtr take(const NodePtr& node, uint32_t depth, const Key& key) {
    FRESHET_ASSERT(node != nullptr);
    if (!node->branch) {
      std::vector<Item> items = node->items;
      std::erase_if(items, [&](const Item& item) { return item.hash == key.hash && item.name == key.name; });
      return items.empty() ? nullptr : leaf(std::move(items));
    }
    Branch places = *node->branch;
    NodePtr& place = places[place_of(key.hash, depth)];
    place = take(place, depth + 1, key);
    const bool is_empty = std::all_of(places.begin(), places.end(), [](const NodePtr& p) { return p == nullptr; });
    return is_empty ? nullptr : branch(std::move(places));
  }

  template <class Visit>
  static void walk(const Node* node, const Visit& visit) {
    if (node == nullptr) return;
    for (const Item& item : node->items) visit(item.name, item.value);
    if (!node->branch) return;
    for (const NodePtr& place : *node->branch) walk(place.get(), visit);
  }

  NodePtr root_;
  size_t size_ = 0;
};

}  // namespace freshet
