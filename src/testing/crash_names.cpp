#include "testing/crash_names.hpp"

#include <algorithm>
#include <utility>

namespace walkit::testing {
namespace {

constexpr const char* kNoPath = "//";  // no name has a slash

bool same_place(const std::optional<Place>& a, const std::optional<Place>& b) {
  return a && b && a->folder == b->folder && a->name == b->name;
}

/// Swapping the order of such two would change what is left.
bool depend(const NameChange& a, const NameChange& b) {
  const bool same_file = a.node == b.node && !a.links && !b.links;
  return same_file || same_place(a.from, b.from) || same_place(a.from, b.to) ||
         same_place(a.to, b.from) || same_place(a.to, b.to);
}

bool synced(const NameChange& change) {
  return (!change.from || change.from->synced) && (!change.to || change.to->synced);
}

void mark(std::optional<Place>& place, std::size_t folder) {
  if (place && place->folder == folder) place->synced = true;
}

bool touches(const NameChange& change, std::size_t folder) {
  return (change.from && change.from->folder == folder) ||
         (change.to && change.to->folder == folder);
}

}  // namespace

std::optional<NodeRef> Names::find(std::size_t folder, std::string_view name) const {
  const NameMap& names = folders_[folder].cached;
  const auto at = names.find(name);
  return at == names.end() ? std::nullopt : std::optional(at->second);
}

void Names::change(NameChange change) {
  if (change.from) folders_[change.from->folder].cached.erase(change.from->name);
  if (change.to) folders_[change.to->folder].cached[change.to->name] = change.node;
  if (change.links) linked_.insert({change.to->folder, change.to->name});
  pending_.push_back(std::move(change));
}

std::size_t Names::make_folder(std::size_t parent, std::string_view name) {
  const NodeRef node{NodeRef::Kind::folder, folders_.size()};
  folders_.push_back({folders_[parent].path + std::string(name) + "/", {}, {}});
  change({.to = Place{parent, std::string(name)}, .node = node});
  return node.index;
}

void Names::apply(const NameChange& change) {
  if (change.from) folders_[change.from->folder].device.erase(change.from->name);
  if (!change.to) return;
  // An earlier rename of it that was lost may have left it at another name.
  if (!change.links) erase_first_name(change.node);
  folders_[change.to->folder].device[change.to->name] = change.node;
}

void Names::erase_first_name(NodeRef node) {
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    std::erase_if(folders_[i].device, [&](const auto& entry) {
      return entry.second == node && !linked_.contains({i, entry.first});
    });
  }
}

void Names::apply_synced() {
  // A change that waits for another folder goes first if a later one builds on it: that is more
  // than was asked to be durable, and the only order that ends where the cache is.
  for (std::size_t i = pending_.size(); i-- > 0;) {
    if (!synced(pending_[i])) continue;
    for (std::size_t before = 0; before < i; ++before) {
      if (!depend(pending_[before], pending_[i])) continue;
      if (pending_[before].from) pending_[before].from->synced = true;
      if (pending_[before].to) pending_[before].to->synced = true;
    }
  }
  for (const NameChange& change : pending_) {
    if (synced(change)) apply(change);
  }
  std::erase_if(pending_, synced);
}

void Names::sync(std::size_t folder) {
  for (NameChange& change : pending_) {
    mark(change.from, folder);
    mark(change.to, folder);
  }
  apply_synced();
}

void Names::sync_changes(const std::function<bool(const NameChange&)>& durable) {
  for (NameChange& change : pending_) {
    if (!durable(change)) continue;
    if (change.from) change.from->synced = true;
    if (change.to) change.to->synced = true;
  }
  apply_synced();
}

void Names::add(const Place& place, NodeRef node) {
  folders_[place.folder].cached[place.name] = node;
  folders_[place.folder].device[place.name] = node;
}

void Names::sync_some(std::size_t folder, const std::function<bool()>& keep) {
  for (NameChange& change : pending_) {
    if (!touches(change, folder) || !keep()) continue;
    mark(change.from, folder);
    mark(change.to, folder);
  }
  apply_synced();
}

Names Names::settled(const std::function<bool()>& keep) const {
  Names next;
  next.linked_ = linked_;
  next.folders_.resize(folders_.size());
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    next.folders_[i].path = folders_[i].path;
    next.folders_[i].device = folders_[i].device;
  }
  for (const NameChange& change : pending_) {
    if (keep()) next.apply(change);
  }
  next.drop_lost_folders();
  for (Folder& folder : next.folders_) folder.cached = folder.device;
  return next;
}

void Names::drop_lost_folders() {
  std::vector<bool> found(folders_.size());
  found[0] = true;
  // A folder is made after the one it is in, so its number is higher.
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    if (!found[i]) {
      folders_[i] = {kNoPath, {}, {}};
      continue;
    }
    for (const auto& [name, node] : folders_[i].device) {
      if (node.kind == NodeRef::Kind::folder) found[node.index] = true;
    }
  }
}

void Names::erase(std::size_t folder, std::string_view name) {
  const auto node = find(folder, name);
  folders_[folder].cached.erase(std::string(name));
  folders_[folder].device.erase(std::string(name));
  // A lost rename must not bring the file back under its earlier name.
  if (!linked_.erase({folder, std::string(name)}) && node) erase_first_name(*node);
  const auto here = [&](const std::optional<Place>& place) {
    return place && place->folder == folder && place->name == name;
  };
  std::erase_if(pending_, [&](const NameChange& change) {
    return (change.node == node && !change.links) || here(change.from) || here(change.to);
  });
}

void Names::swap(const Place& a, const Place& b) {
  const NodeRef node_a = find(a.folder, a.name).value();
  const NodeRef node_b = find(b.folder, b.name).value();
  erase(a.folder, a.name);
  erase(b.folder, b.name);
  folders_[a.folder].cached[a.name] = folders_[a.folder].device[a.name] = node_b;
  folders_[b.folder].cached[b.name] = folders_[b.folder].device[b.name] = node_a;
}

}  // namespace walkit::testing
