#include "walkit/testing/crash_directory.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "io/system.hpp"
#include "testing/crash_file.hpp"
#include "testing/crash_tree.hpp"

namespace walkit::testing {
namespace {

constexpr std::uint32_t kSectorBytesMin = 16;

Error injected(Errc code, std::string_view name) {
  return simulated_error(code, name, "simulated fault");
}

}  // namespace

std::shared_ptr<CrashDirectory> CrashDirectory::create(CrashOptions options) {
  options.sector_bytes =
      std::bit_floor(std::clamp(options.sector_bytes, kSectorBytesMin, kSectorBytesMax));
  return std::make_shared<CrashTree>(std::make_shared<CrashDevice>(std::move(options)), 0);
}

std::string CrashTree::path_of(std::size_t folder, std::string_view name) const {
  return device_->names().folders()[folder].path + std::string(name);
}

Result<std::optional<Errc>> CrashTree::begin(OperationKind kind, std::string_view name) {
  return device_->begin_operation(kind, path_of(folder_, name));
}

Result<std::size_t> CrashTree::find_file(std::string_view name) const {
  const auto found = device_->names().find(folder_, name);
  if (!found) return io::system_error(name, ENOENT, "no such file");
  if (found->kind == NodeRef::Kind::folder) {
    return io::system_error(name, EISDIR, "expected a regular file");
  }
  return found->index;
}

Result<std::shared_ptr<Directory>> CrashTree::subdirectory(std::string_view name, OpenMode mode) {
  if (!is_file_name(name)) return io::bad_name(name);
  const std::scoped_lock guard(device_->mutex());
  if (mode == OpenMode::create) {
    const auto failed = begin(OperationKind::create_subdirectory, name);
    if (!failed) return failed.error();
    if (*failed) return injected(**failed, name);
  } else if (const Status read = device_->begin_read(name); !read) {
    return read.error();
  }
  const auto found = device_->names().find(folder_, name);
  if (found && found->kind == NodeRef::Kind::file) {
    return io::system_error(name, ENOTDIR, "expected a directory");
  }
  if (!found && mode != OpenMode::create) {
    return io::system_error(name, ENOENT, "no such subdirectory");
  }
  const std::size_t folder = found ? found->index : device_->names().make_folder(folder_, name);
  if (mode == OpenMode::create) {
    if (const Status durable = sync_names(); !durable) return durable.error();
  }
  return std::make_shared<CrashTree>(device_, folder);
}

Result<std::size_t> CrashTree::create_file(std::string_view name) {
  const auto failed = begin(OperationKind::create, name);
  if (!failed) return failed.error();
  if (*failed) return injected(**failed, name);
  if (device_->names().find(folder_, name)) {
    return io::system_error(name, EEXIST, "cannot make the file");
  }
  const std::size_t index = device_->add_file();
  device_->file(index).path = path_of(folder_, name);
  const NodeRef node{NodeRef::Kind::file, index};
  device_->names().change({.to = Place{folder_, std::string(name)}, .node = node});
  return index;
}

Result<std::unique_ptr<File>> CrashTree::open(std::string_view name, OpenMode mode) {
  if (!is_file_name(name)) return io::bad_name(name);
  const std::scoped_lock guard(device_->mutex());
  if (mode != OpenMode::create) {
    if (const Status read = device_->begin_read(name); !read) return read.error();
  }
  const auto index = mode == OpenMode::create ? create_file(name) : find_file(name);
  if (!index) return index.error();
  return std::make_unique<CrashFile>(device_, *index, std::string(name), mode);
}

Result<std::vector<std::string>> CrashTree::list() {
  const std::scoped_lock guard(device_->mutex());
  if (const Status read = device_->begin_read(""); !read) return read.error();
  std::vector<std::string> names;
  for (const auto& [name, node] : device_->names().folders()[folder_].cached) names.push_back(name);
  return names;
}

Status CrashTree::rename(Rename names) {
  if (!is_file_name(names.from)) return io::bad_name(names.from);
  if (!is_file_name(names.to)) return io::bad_name(names.to);
  auto* into = names.into == nullptr ? this : dynamic_cast<CrashTree*>(names.into);
  if (into == nullptr || into->device_ != device_) {
    return io::bad_call(names.to, "`into` is no directory of this simulated device");
  }
  const std::scoped_lock guard(device_->mutex());
  const auto failed =
      device_->begin_operation(OperationKind::rename, path_of(into->folder_, names.to));
  if (!failed) return failed.error();
  if (*failed) return injected(**failed, names.from);
  const auto moved = find_file(names.from);
  if (!moved) return moved.error();
  if (device_->names().find(into->folder_, names.to)) {
    const auto replaced = into->find_file(names.to);
    if (!replaced) return replaced.error();
    if (*replaced == *moved) return {};
    --device_->file(*replaced).names;
  }
  device_->file(*moved).path = path_of(into->folder_, names.to);
  device_->names().change({.from = Place{folder_, std::string(names.from)},
                           .to = Place{into->folder_, std::string(names.to)},
                           .node = {NodeRef::Kind::file, *moved}});
  return {};
}

Status CrashTree::remove(std::string_view name) {
  if (!is_file_name(name)) return io::bad_name(name);
  const std::scoped_lock guard(device_->mutex());
  const auto failed = begin(OperationKind::remove, name);
  if (!failed) return failed.error();
  if (*failed) return injected(**failed, name);
  const auto index = find_file(name);
  if (!index) return index.error();
  --device_->file(*index).names;
  device_->names().change(
      {.from = Place{folder_, std::string(name)}, .node = {NodeRef::Kind::file, *index}});
  return {};
}

Status CrashTree::link(std::string_view name, Directory& into, std::string_view to) {
  if (!is_file_name(name)) return io::bad_name(name);
  if (!is_file_name(to)) return io::bad_name(to);
  auto* there = dynamic_cast<CrashTree*>(&into);
  if (there == nullptr || there->device_ != device_) return Directory::link(name, into, to);
  const std::scoped_lock guard(device_->mutex());
  const auto failed = device_->begin_operation(OperationKind::link, path_of(there->folder_, to));
  if (!failed) return failed.error();
  if (*failed) return injected(**failed, name);
  const auto index = find_file(name);
  if (!index) return index.error();
  if (device_->names().find(there->folder_, to)) {
    return io::system_error(to, EEXIST, "cannot link a file to that name");
  }
  ++device_->file(*index).names;
  device_->names().change({.to = Place{there->folder_, std::string(to)},
                           .node = {NodeRef::Kind::file, *index},
                           .links = true});
  return {};
}

Status CrashTree::sync() {
  const std::scoped_lock guard(device_->mutex());
  return sync_names();
}

Status CrashTree::sync_names() {
  const auto failed = device_->begin_operation(OperationKind::sync_directory,
                                               device_->names().folders()[folder_].path);
  if (!failed) return failed.error();
  if (*failed) {
    device_->fail_sync_names(folder_);
    return injected(**failed, "");
  }
  device_->sync_names(folder_);
  return {};
}

Result<std::unique_ptr<DirectoryLock>> CrashTree::lock() {
  const std::scoped_lock guard(device_->mutex());
  if (const Status power = device_->check_power(kLockFileName); !power) return power.error();
  const bool exists = device_->names().find(folder_, kLockFileName).has_value();
  const auto index = exists ? find_file(kLockFileName) : create_file(kLockFileName);
  if (!index) return index.error();
  FileNode& node = device_->file(*index);
  if (node.locked) return io::locked_by_other();
  auto lock = std::make_unique<CrashLock>(device_, folder_, *index);
  node.locked = true;
  return lock;
}

Result<bool> CrashTree::is_locked() {
  const std::scoped_lock guard(device_->mutex());
  if (const Status power = device_->check_power(kLockFileName); !power) return power.error();
  if (!device_->names().find(folder_, kLockFileName)) return false;
  const auto index = find_file(kLockFileName);
  if (!index) return index.error();
  return device_->file(*index).locked;
}

void CrashTree::random_bytes(std::span<std::byte> into) {
  const std::scoped_lock guard(device_->mutex());
  device_->random_bytes(into);
}

std::chrono::nanoseconds CrashTree::now() {
  const std::scoped_lock guard(device_->mutex());
  return device_->now();
}

std::shared_ptr<CrashDirectory> CrashTree::crash(Crash kind) {
  const std::scoped_lock guard(device_->mutex());
  return std::make_shared<CrashTree>(device_->crash(kind), 0);
}

std::shared_ptr<CrashDirectory> CrashTree::clone() const {
  const std::scoped_lock guard(device_->mutex());
  return std::make_shared<CrashTree>(device_->clone(), 0);
}

}  // namespace walkit::testing
