#include "testing/crash_device.hpp"

#include <cerrno>
#include <utility>

namespace walkit::testing {

Error simulated_error(Errc code, std::string_view file, std::string message) {
  Error error{.code = code, .message = std::move(message), .file = std::string(file)};
  if (code == Errc::io) error.os_error = EIO;
  if (code == Errc::no_space) error.os_error = ENOSPC;
  return error;
}

Result<std::optional<Errc>> CrashDevice::begin_operation(OperationKind kind, std::string name) {
  if (const Status power = check_power(name); !power) return power.error();
  operations_.push_back({kind, std::move(name)});
  const std::uint64_t number = operations_.size();
  if (number == cut_at_) {
    power_is_off_ = true;
    return check_power(operations_.back().name).error();
  }
  if (is_shut_down_) {
    Error error = simulated_error(Errc::io, operations_.back().name,
                                  "the simulated file system was shut down by a failed sync");
    error.os_error = EROFS;
    return error;
  }
  const auto fault = faults_.find(number);
  return fault == faults_.end() ? std::nullopt : std::optional(fault->second);
}

Status CrashDevice::begin_read(std::string_view name) {
  if (Status power = check_power(name); !power) return power;
  const auto fault = read_faults_.find(++reads_);
  if (fault == read_faults_.end()) return {};
  return simulated_error(fault->second, name, "simulated fault of read " + std::to_string(reads_));
}

Status CrashDevice::check_power(std::string_view name) const {
  if (!power_is_off_) return {};
  return simulated_error(Errc::io, name, "simulated power cut");
}

std::chrono::nanoseconds CrashDevice::now() {
  constexpr std::chrono::seconds kFirstMoment{1'700'000'000};
  return kFirstMoment + std::chrono::milliseconds{++ticks_};
}

std::size_t CrashDevice::add_file() {
  files_.push_back({.inode = Inode(options_.sector_bytes)});
  return files_.size() - 1;
}

void CrashDevice::sync_names(std::size_t folder) {
  if (options_.model.sync_may_lie && choices_.lies()) return settle_some_names(folder);
  if (!has_one_journal()) return names_.sync(folder);
  names_.sync_changes([](const NameChange&) { return true; });
}

void CrashDevice::sync_file(std::size_t file) {
  Inode& inode = files_[file].inode;
  if (options_.model.sync_may_lie && choices_.lies()) return inode.fail_sync(settling());
  inode.sync();
  if (!options_.model.sync_keeps_name) return;
  const NodeRef node{NodeRef::Kind::file, file};
  names_.sync_changes(
      [&](const NameChange& change) { return has_one_journal() || change.node == node; });
}

void CrashDevice::fail_sync_names(std::size_t folder) {
  settle_some_names(folder);
  may_shut_down();
}

void CrashDevice::fail_sync_file(std::size_t file) {
  files_[file].inode.fail_sync(settling());
  ++files_[file].failed_syncs;
  may_shut_down();
}

void CrashDevice::may_shut_down() {
  if (options_.model.failed_sync != CrashModel::FailedSync::may_shut_down) return;
  is_shut_down_ = choices_.choose(2) == 1;
}

std::function<bool()> CrashDevice::keep_names() {
  if (!has_one_journal()) return [this] { return choices_.choose(2) == 1; };
  const std::size_t all = names_.pending().size();
  const std::size_t choice = choices_.choose(1 + all);
  return [left = choice == 1   ? all
                 : choice == 0 ? 0
                               : choice - 1]() mutable { return left > 0 && left-- > 0; };
}

void CrashDevice::settle_some_names(std::size_t folder) {
  choices_.begin(names_.pending().size());
  const auto keep = keep_names();
  if (!has_one_journal()) return names_.sync_some(folder, keep);
  names_.sync_changes([&](const NameChange&) { return keep(); });
}

Settling CrashDevice::settling() {
  Settling by{choices_, options_.model, {}};
  if (options_.model.growth == CrashModel::Growth::stale) {
    for (const FileNode& file : files_) by.older.push_back(&file.inode.device());
  }
  return by;
}

std::uint64_t CrashDevice::used_bytes() const {
  std::uint64_t bytes = 0;
  for (const FileNode& file : files_) {
    if (file.names == 0) continue;
    bytes += file.inode.cache().size();
    if (options_.model.overwriting_needs_room) bytes += file.inode.overwritten_bytes();
  }
  return bytes;
}

std::uint64_t CrashDevice::free_bytes() const {
  if (capacity_ == UINT64_MAX) return capacity_;
  const std::uint64_t used = used_bytes();
  return used < capacity_ ? capacity_ - used : 0;
}

std::shared_ptr<CrashDevice> CrashDevice::clone() const {
  auto copy = std::make_shared<CrashDevice>(options_);
  copy->choices_ = choices_;
  copy->entropy_ = entropy_;
  copy->ticks_ = ticks_;
  copy->names_ = names_;
  copy->files_ = files_;
  copy->capacity_ = capacity_;
  copy->is_shut_down_ = is_shut_down_;
  for (FileNode& file : copy->files_) file.locked = false;
  return copy;
}

std::shared_ptr<CrashDevice> CrashDevice::crash(Crash kind) {
  power_is_off_ = true;
  if (kind == Crash::process_kill) return clone();
  std::size_t undecided = names_.pending().size();
  for (const FileNode& file : files_) undecided += file.inode.undecided();
  choices_.begin(undecided);

  auto next = std::make_shared<CrashDevice>(options_);
  next->names_ = names_.settled(keep_names());
  next->capacity_ = capacity_;
  next->take_settled_files(*this);
  next->choices_ = choices_;
  next->entropy_ = entropy_;
  next->ticks_ = ticks_;
  return next;
}

void CrashDevice::take_settled_files(CrashDevice& from) {
  const Settling by = from.settling();
  // Files that no name leads to are gone, so nothing is decided about them.
  std::map<std::size_t, std::size_t> taken;  // one file may have several names
  for (Folder& folder : names_.folders()) {
    for (auto& [name, node] : folder.device) {
      if (node.kind == NodeRef::Kind::folder) continue;
      const auto [found, is_new] = taken.emplace(node.index, files_.size());
      if (is_new) {
        const Inode& old = from.files_[node.index].inode;
        files_.push_back({.inode = Inode(old.settle(by)), .path = folder.path + name, .names = 0});
      }
      node.index = found->second;
      ++files_[node.index].names;
      folder.cached[name] = node;
    }
  }
}

std::uint64_t CrashDevice::folder_hash(std::size_t folder, bool of_device) const {
  const Folder& here = names_.folders()[folder];
  std::uint64_t hash = 1;
  for (const auto& [name, node] : of_device ? here.device : here.cached) {
    hash = mix_hash(hash, as_bytes(name));
    hash = mix_hash(hash, node.kind == NodeRef::Kind::folder ? folder_hash(node.index, of_device)
                                                             : files_[node.index].inode.hash());
  }
  return hash;
}

std::uint64_t CrashDevice::image_hash() const {
  std::uint64_t hash = folder_hash(0, false);
  if (names_.pending().empty()) return hash;
  hash = mix_hash(hash, folder_hash(0, true));
  const auto mix_place = [&](const std::optional<Place>& place) {
    if (!place) return;
    hash = mix_hash(mix_hash(hash, place->folder), as_bytes(place->name));
    hash = mix_hash(hash, place->synced ? 1 : 0);
  };
  for (const NameChange& change : names_.pending()) {
    mix_place(change.from);
    mix_place(change.to);
    if (change.node.kind == NodeRef::Kind::file) {
      hash = mix_hash(hash, files_[change.node.index].inode.hash());
    }
  }
  return hash;
}

}  // namespace walkit::testing
