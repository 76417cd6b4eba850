#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace walkit::testing {

/// A file or a folder of one simulated device, by its number there.
struct NodeRef {
  enum class Kind { file, folder } kind = Kind::file;
  std::size_t index = 0;
  friend bool operator==(NodeRef, NodeRef) = default;
};

using NameMap = std::map<std::string, NodeRef, std::less<>>;

struct Folder {
  std::string path{};  // "" or "wal/"
  NameMap device{};
  NameMap cached{};
};

/// A name in a folder. `synced`: that folder was synced since the change.
struct Place {
  std::size_t folder = 0;
  std::string name{};
  bool synced = false;
};

/// A change of names: made (only `to`), removed (only `from`) or renamed (both). links: `to` is a
/// further name of a file that keeps those it has.
struct NameChange {
  std::optional<Place> from{};
  std::optional<Place> to{};
  NodeRef node{};
  bool links = false;
};

/// All folders of one simulated device, and the changes of names that no sync made durable yet, in
/// the order in which they were asked for. One thread.
class Names {
 public:
  Names() : folders_(1) {}

  [[nodiscard]] std::optional<NodeRef> find(std::size_t folder, std::string_view name) const;
  /// Takes effect in the cache at once, on the device by settle_first() or sync().
  void change(NameChange change);
  /// Durable when `parent` is synced.
  std::size_t make_folder(std::size_t parent, std::string_view name);
  void sync(std::size_t folder);
  /// The whole of each change for which `durable` says so; of the others what those build on.
  void sync_changes(const std::function<bool(const NameChange&)>& durable);
  /// Gives a file a name, in cache and device.
  void add(const Place& place, NodeRef node);
  /// Takes a name away from cache and device, and out of what is pending.
  void erase(std::size_t folder, std::string_view name);
  /// Gives each of two names the other's file, in cache and device.
  void swap(const Place& a, const Place& b);

  /// Makes the pending changes of a folder durable for which `keep` says so; the rest stays
  /// pending.
  void sync_some(std::size_t folder, const std::function<bool()>& keep);
  /// What a boot finds when only the changes for which `keep` says so had reached the device.
  [[nodiscard]] Names settled(const std::function<bool()>& keep) const;

  [[nodiscard]] const std::vector<Folder>& folders() const { return folders_; }
  [[nodiscard]] std::vector<Folder>& folders() { return folders_; }
  [[nodiscard]] const std::vector<NameChange>& pending() const { return pending_; }

 private:
  void apply(const NameChange& change);
  /// The name that a file was made under, or was given last by a rename: it has one of those.
  void erase_first_name(NodeRef node);
  void apply_synced();
  /// Folders that no name leads to are gone with all that is in them.
  void drop_lost_folders();

  using LinkedNames = std::set<std::pair<std::size_t, std::string>>;

  std::vector<Folder> folders_;
  std::vector<NameChange> pending_{};
  LinkedNames linked_{};  // folder and name: those that are further names
};

}  // namespace walkit::testing
