#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/kv_tree.hpp"
#include "walkit/app/kv_types.hpp"

namespace walkit::kv {

/// A key and what was written to it; never changed.
struct Item {
  std::string key{}, value{};
  std::uint64_t term = 0, revision = 0;
  std::int64_t expires_at = 0;  // 0: never
  std::uint64_t lease = 0;      // 0: none
};

/// What an entry did, as it was decided: to be done again without deciding.
struct Written {
  std::shared_ptr<const Item> item{};
};
struct Erased {
  std::string key{};
};
struct RangeErased {
  KeyRange range{};
};
struct LeaseSet {
  std::uint64_t lease = 0;
  std::int64_t expires_at = 0;
};
struct LeaseEnded {
  std::uint64_t lease = 0;
};
using Effect = std::variant<std::monostate, Written, Erased, RangeErased, LeaseSet, LeaseEnded>;

/// One step of a key, for who watches. item: the new one, or the one that went.
struct Change {
  enum class Kind : std::uint8_t { written, erased, expired };
  Kind kind = Kind::written;
  std::uint64_t revision = 0;
  std::shared_ptr<const Item> item{};
};
using Changes = std::vector<Change>;

/// Keys, leases and logical time behind one entry. What expires at `now` or before is not there.
/// Copies in one step, and is a snapshot then. One thread, or any number that only read.
class Data {
 public:
  [[nodiscard]] const std::shared_ptr<const Item>* find(std::string_view key) const {
    return items_.find(key);
  }
  [[nodiscard]] const Tree<Item>& items() const { return items_; }
  [[nodiscard]] std::uint64_t index() const { return index_; }
  [[nodiscard]] std::uint64_t term() const { return term_; }
  [[nodiscard]] std::int64_t now() const { return now_; }
  /// 0: there is no such lease.
  [[nodiscard]] std::int64_t lease_end(std::uint64_t lease) const;
  /// 0: nothing will.
  [[nodiscard]] std::int64_t next_expiry() const;
  [[nodiscard]] std::uint64_t count(const KeyRange& range) const;
  [[nodiscard]] std::vector<std::string> keys_of(std::uint64_t lease) const;
  /// f(lease, end) for each, in order.
  template <class F>
  void visit_leases(F&& f) const {
    leases_.visit({}, [&](const std::shared_ptr<const Lease>& lease) {
      f(lease->id, lease->expires_at);
      return true;
    });
  }
  [[nodiscard]] std::size_t lease_count() const { return leases_.size(); }

  /// Logical time is `time` if that is later; what ends then goes, the earliest first, by the entry
  /// `revision`. changes: where to add them; null: nowhere.
  void advance(std::int64_t time, std::uint64_t revision, Changes* changes);
  void apply(const Effect& effect, std::uint64_t revision, Changes* changes);
  /// This was the newest entry.
  void finish(std::uint64_t index, std::uint64_t term) {
    index_ = index;
    term_ = term;
  }
  void restore(std::uint64_t index, std::uint64_t term, std::int64_t now) {
    finish(index, term);
    now_ = now;
  }
  /// What is wrong with it; nothing, if all is well. Takes time for all of it.
  [[nodiscard]] std::vector<std::string> check_invariants() const;

 private:
  struct Lease {
    std::string key{};  // the id, most significant byte first
    std::uint64_t id = 0;
    std::int64_t expires_at = 0;
  };
  struct Mark {
    std::string key{};
  };

  void write(const std::shared_ptr<const Item>& item);
  void erase(std::string_view key, Change::Kind kind, std::uint64_t revision, Changes* changes);
  void end_lease(std::uint64_t lease, Change::Kind kind, std::uint64_t revision, Changes* changes);
  void forget(const Item& item);

  Tree<Item> items_{};
  Tree<Lease> leases_{};
  Tree<Mark> attached_{};  // lease and key
  Tree<Mark> due_{};       // end, then 'k' and a key or 'l' and a lease
  std::int64_t now_ = 0;
  std::uint64_t index_ = 0, term_ = 0;
};

}  // namespace walkit::kv
