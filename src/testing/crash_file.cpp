#include "testing/crash_file.hpp"

#include <algorithm>
#include <cerrno>

#include "io/system.hpp"

namespace walkit::testing {
namespace {

// A wild offset shall be an error of the test, not its death by memory.
constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 30;

}  // namespace

Status CrashFile::check_writable(std::uint64_t bytes) const {
  if (mode_ == OpenMode::read) return io::opened_for_reading(name_);
  if (Status range = io::check_range(name_, bytes, 0); !range) return range;
  if (bytes <= kFileBytesMax) return {};
  return io::system_error(name_, EFBIG, "the simulated device takes files of 1 GiB at most");
}

Result<std::optional<Errc>> CrashFile::begin(OperationKind kind) {
  return device_->begin_operation(kind, node().path);
}

Error CrashFile::fault(Errc code, std::uint64_t offset, std::string what) const {
  Error error = simulated_error(code, name_, "simulated fault: " + std::move(what));
  error.offset = offset;
  return error;
}

std::uint64_t CrashFile::fitting(std::uint64_t offset, std::uint64_t bytes) const {
  const std::uint64_t room = device_->free_bytes();
  const std::uint64_t size = node().inode.cache().size();
  const std::uint64_t hole = offset > size ? offset - size : 0;
  if (hole > room) return 0;
  const bool in_place = !device_->options().model.overwriting_needs_room;
  const std::uint64_t over = in_place && offset < size ? size - offset : 0;
  return bytes <= over || bytes - over <= room - hole ? bytes : over + room - hole;
}

Result<std::size_t> CrashFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  const std::scoped_lock guard(device_->mutex());
  if (const Status read = device_->begin_read(name_); !read) return read.error();
  return node().inode.cache().read(offset, into);
}

Status CrashFile::write_at(std::uint64_t offset, std::span<const BytesView> parts) {
  std::size_t bytes = 0;
  for (const BytesView part : parts) bytes += part.size();
  if (Status range = io::check_range(name_, offset, bytes); !range) return range;
  if (Status writable = check_writable(offset + bytes); !writable) return writable;

  const std::scoped_lock guard(device_->mutex());
  const auto failed = begin(OperationKind::write_at);
  if (!failed) return failed.error();
  const std::uint64_t fit = fitting(offset, bytes);
  const std::uint64_t done = *failed ? std::min(fit, device_->choices().choose_length(bytes)) : fit;
  node().inode.write(offset, parts, done);
  if (*failed || done < bytes) {
    return fault(failed->value_or(Errc::no_space), offset,
                 std::to_string(done) + " of " + std::to_string(bytes) + " bytes were written");
  }
  if (bytes != 0) written_ = std::max(written_, offset + bytes);
  return {};
}

Status CrashFile::fill_zeros(std::uint64_t to) {
  if (Status writable = check_writable(to); !writable) return writable;
  const std::scoped_lock guard(device_->mutex());
  const auto failed = begin(OperationKind::fill_zeros);
  if (!failed) return failed.error();
  const std::uint64_t from = node().inode.cache().size();
  const std::uint64_t missing = to > from ? to - from : 0;
  const std::uint64_t fit = fitting(from, missing);
  const std::uint64_t done =
      *failed ? std::min(fit, device_->choices().choose_length(missing)) : fit;
  node().inode.grow(from + done);
  if (*failed || done < missing) {
    return fault(failed->value_or(Errc::no_space), from, "filled only in part");
  }
  if (missing != 0) written_ = to;
  return {};
}

Status CrashFile::truncate(std::uint64_t bytes) {
  if (Status writable = check_writable(bytes); !writable) return writable;
  const std::scoped_lock guard(device_->mutex());
  const auto failed = begin(OperationKind::truncate);
  if (!failed) return failed.error();
  if (*failed) return fault(**failed, bytes, "not truncated");
  node().inode.truncate(bytes);
  written_ = bytes;
  return {};
}

Status CrashFile::sync() {
  const std::scoped_lock guard(device_->mutex());
  const auto failed = begin(OperationKind::sync_file);
  if (!failed) return failed.error();
  if (*failed) {
    device_->fail_sync_file(index_);
    failed_syncs_ = node().failed_syncs;
    return fault(**failed, 0, "the sync failed, and what was to be written is taken for clean");
  }
  if (node().names == 0) return io::removed_while_open(name_);
  const std::uint64_t found = node().inode.cache().size();
  if (found < written_) return io::cut_while_open(name_, found, written_);
  device_->sync_file(index_);
  if (failed_syncs_ == node().failed_syncs) return {};
  failed_syncs_ = node().failed_syncs;
  return fault(Errc::io, 0, "a sync through another handle failed, which this one is told once");
}

Result<std::uint64_t> CrashFile::size() {
  const std::scoped_lock guard(device_->mutex());
  if (const Status power = device_->check_power(name_); !power) return power.error();
  return node().inode.cache().size();
}

CrashLock::~CrashLock() {
  const std::scoped_lock guard(device_->mutex());
  device_->file(index_).locked = false;
}

Status CrashLock::check() {
  const std::scoped_lock guard(device_->mutex());
  if (Status power = device_->check_power(kLockFileName); !power) return power;
  const NodeRef held{NodeRef::Kind::file, index_};
  if (device_->names().find(folder_, kLockFileName) == held) return {};
  return io::lock_file_replaced("the lock file was removed or replaced while it was held");
}

}  // namespace walkit::testing
