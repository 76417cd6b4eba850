#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace walkit::kv {

/// Items in the order of their `std::string key`. A copy takes one step and shares everything; a
/// change copies those nodes on its way that are shared, 32 pointers each, and no item. So a copy
/// is a snapshot, and costs who goes on writing a little for each place they touch. Copies may be
/// used and changed by different threads; one of them by one thread.
template <class Item>
class Tree {
 public:
  using Pointer = std::shared_ptr<const Item>;

  /// Null: it is not there. Valid until this tree changes.
  [[nodiscard]] const Pointer* find(std::string_view key) const;
  /// What it takes the place of; null: it is new.
  Pointer put(Pointer item);
  void erase(std::string_view key);
  /// f(const Pointer&) -> bool for each item from `from` on, in order, until it answers false. It
  /// must not change this tree.
  template <class F>
  void visit(std::string_view from, F&& f) const {
    if (root_) visit(root_, &from, f);
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  void check_invariants(std::vector<std::string>& wrong) const;

 private:
  struct Node;
  // Counts its owners where a node's only one can see, and so knows, that it is alone.
  class Ref {
   public:
    Ref() = default;
    explicit Ref(Node* node) : node_(node) {}
    Ref(const Ref& other) : node_(other.node_) {
      if (node_) node_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    Ref(Ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
      std::swap(node_, other.node_);
      return *this;
    }
    ~Ref() {
      if (node_ && node_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node_;
    }
    explicit operator bool() const { return node_ != nullptr; }
    const Node& operator*() const { return *node_; }
    const Node* operator->() const { return node_; }
    /// To be changed: a copy where others look at it. What they did with it is over then.
    Node& own() {
      if (node_->owners.load(std::memory_order_acquire) != 1) *this = Ref(new Node(*node_));
      return *node_;
    }

   private:
    Node* node_ = nullptr;
  };
  struct Node {
    std::atomic<std::uint32_t> owners{1};
    std::vector<Pointer> items{};       // of a leaf
    std::vector<std::string> bounds{};  // keys of child n are not below bounds[n]; the first: any
    std::vector<Ref> children{};        // none: a leaf

    Node() = default;
    Node(const Node& o) : items(o.items), bounds(o.bounds), children(o.children) {}
    [[nodiscard]] bool is_leaf() const { return children.empty(); }
    [[nodiscard]] std::size_t size() const { return is_leaf() ? items.size() : children.size(); }
  };
  struct Split {
    Ref right{};
    std::string bound{};
  };
  static constexpr std::size_t kMax = 32, kFew = 8;  // in a node; with fewer it joins a neighbour

  static std::size_t child_of(const Node& node, std::string_view key) {
    const auto above =
        std::upper_bound(node.bounds.begin() + 1, node.bounds.end(), key,
                         [](std::string_view k, const std::string& bound) { return k < bound; });
    return static_cast<std::size_t>(above - node.bounds.begin()) - 1;
  }
  template <class Items>
  static auto place_of(Items& items, std::string_view key) {
    return std::lower_bound(
        items.begin(), items.end(), key,
        [](const Pointer& item, std::string_view k) { return std::string_view(item->key) < k; });
  }
  static Split cut(Node& node, std::size_t at);
  Split put(Ref& ref, Pointer& item);
  static void erase(Ref& ref, std::string_view key);
  static void join(Node& parent, std::size_t left);
  template <class F>
  static bool visit(const Ref& ref, const std::string_view* from, F& f);

  Ref root_{};
  std::size_t size_ = 0;
};

template <class Item>
auto Tree<Item>::find(std::string_view key) const -> const Pointer* {
  if (!root_) return nullptr;
  const Node* node = &*root_;
  while (!node->is_leaf()) node = &*node->children[child_of(*node, key)];
  const auto place = place_of(node->items, key);
  return place != node->items.end() && (*place)->key == key ? &*place : nullptr;
}

// What stands from `at` on becomes a node of its own.
template <class Item>
auto Tree<Item>::cut(Node& node, std::size_t at) -> Split {
  Split split{.right = Ref(new Node)};
  Node& right = split.right.own();
  const auto move = [at](auto& from, auto& to) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
    to.assign(std::make_move_iterator(begin), std::make_move_iterator(from.end()));
    from.erase(begin, from.end());
  };
  if (node.is_leaf()) {
    move(node.items, right.items);
    split.bound = right.items.front()->key;
  } else {
    move(node.children, right.children);
    move(node.bounds, right.bounds);
    split.bound = right.bounds.front();
  }
  return split;
}

template <class Item>
auto Tree<Item>::put(Ref& ref, Pointer& item) -> Split {
  Node& node = ref.own();
  if (node.is_leaf()) {
    const auto place = place_of(node.items, item->key);
    if (place != node.items.end() && (*place)->key == item->key) {
      std::swap(*place, item);
      return {};
    }
    const bool is_last = place == node.items.end();
    node.items.insert(place, std::move(item));
    ++size_;
    if (node.items.size() <= kMax) return {};
    return cut(node, is_last ? kMax : kMax / 2);  // keys that rise leave full leaves behind
  }
  const std::size_t child = child_of(node, item->key);
  Split split = put(node.children[child], item);
  if (!split.right) return {};
  const auto at = static_cast<std::ptrdiff_t>(child + 1);
  node.bounds.insert(node.bounds.begin() + at, std::move(split.bound));
  node.children.insert(node.children.begin() + at, std::move(split.right));
  if (node.children.size() <= kMax) return {};
  return cut(node, child + 2 == node.children.size() ? kMax : kMax / 2);
}

template <class Item>
auto Tree<Item>::put(Pointer item) -> Pointer {
  if (!root_) root_ = Ref(new Node);
  Split split = put(root_, item);
  if (!split.right) return item;
  Ref root(new Node);
  Node& node = root.own();
  node.bounds.emplace_back();
  node.bounds.push_back(std::move(split.bound));
  node.children.push_back(std::move(root_));
  node.children.push_back(std::move(split.right));
  root_ = std::move(root);
  return item;
}

// Moves a child and the one behind it into one node.
template <class Item>
void Tree<Item>::join(Node& parent, std::size_t left) {
  const auto at = static_cast<std::ptrdiff_t>(left + 1);
  Node& into = parent.children[left].own();
  const Node& from = *parent.children[left + 1];
  into.items.insert(into.items.end(), from.items.begin(), from.items.end());
  const std::size_t bounds = into.bounds.size();
  into.bounds.insert(into.bounds.end(), from.bounds.begin(), from.bounds.end());
  if (bounds < into.bounds.size()) into.bounds[bounds] = parent.bounds[left + 1];
  into.children.insert(into.children.end(), from.children.begin(), from.children.end());
  parent.children.erase(parent.children.begin() + at);
  parent.bounds.erase(parent.bounds.begin() + at);
}

template <class Item>
void Tree<Item>::erase(Ref& ref, std::string_view key) {
  Node& node = ref.own();
  if (node.is_leaf()) {
    node.items.erase(place_of(node.items, key));
    return;
  }
  const std::size_t child = child_of(node, key);
  erase(node.children[child], key);
  if (node.children[child]->size() >= kFew) return;
  for (const std::size_t left : {child, child - 1}) {  // where child is 0: far beyond the last
    if (left >= node.children.size() || left + 1 >= node.children.size()) continue;
    if (node.children[left]->size() + node.children[left + 1]->size() > kMax * 3 / 4) continue;
    return join(node, left);
  }
}

template <class Item>
void Tree<Item>::erase(std::string_view key) {
  if (!find(key)) return;
  erase(root_, key);
  --size_;
  if (size_ == 0) {
    root_ = {};
  } else if (root_->children.size() == 1) {
    root_ = Ref(root_->children.front());
  }
}

template <class Item>
template <class F>
bool Tree<Item>::visit(const Ref& ref, const std::string_view* from, F& f) {
  const Node& node = *ref;
  if (node.is_leaf()) {
    auto item = from ? place_of(node.items, *from) : node.items.begin();
    for (; item != node.items.end(); ++item) {
      if (!f(*item)) return false;
    }
    return true;
  }
  std::size_t child = from ? child_of(node, *from) : 0;
  for (; child < node.children.size(); ++child, from = nullptr) {
    if (!visit(node.children[child], from, f)) return false;
  }
  return true;
}

template <class Item>
void Tree<Item>::check_invariants(std::vector<std::string>& wrong) const {
  std::size_t count = 0;
  const std::string* before = nullptr;
  visit({}, [&](const Pointer& item) {
    if (before && *before >= item->key) wrong.push_back("keys are out of order");
    const Pointer* found = find(item->key);
    if (!found || *found != item) wrong.push_back("a key is not found where it stands");
    before = &item->key;
    return ++count > 0;
  });
  if (count != size_) wrong.push_back("the size is not the number of items");
}

}  // namespace walkit::kv
