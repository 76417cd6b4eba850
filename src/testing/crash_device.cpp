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

void CrashDevice::fail_directory_sync(std::size_t folder) {
  choices_.begin(names_.pending().size());
  names_.sync_some(folder, [this] { return choices_.choose(2) == 1; });
}

std::shared_ptr<CrashDevice> CrashDevice::clone() const {
  auto copy = std::make_shared<CrashDevice>(options_);
  copy->choices_ = choices_;
  copy->entropy_ = entropy_;
  copy->ticks_ = ticks_;
  copy->names_ = names_;
  copy->files_ = files_;
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
  next->names_ = names_.settled([this] { return choices_.choose(2) == 1; });
  next->take_settled_files(*this);
  next->choices_ = choices_;
  next->entropy_ = entropy_;
  next->ticks_ = ticks_;
  return next;
}

void CrashDevice::take_settled_files(CrashDevice& from) {
  // Files that no name leads to are gone, so nothing is decided about them.
  for (Folder& folder : names_.folders()) {
    for (auto& [name, node] : folder.device) {
      if (node.kind == NodeRef::Kind::folder) continue;
      const Inode& old = from.files_[node.index].inode;
      node.index = files_.size();
      files_.push_back({.inode = Inode(old.settle(from.choices_)), .path = folder.path + name});
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
