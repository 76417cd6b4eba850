#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/testing/operation.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::testing {

/// How a call fails. But for the last two it has no effect.
enum class Fault {
  io,           // EIO: the device
  no_space,     // ENOSPC: it is full
  read_only,    // EROFS: the file system was mounted anew after an error
  interrupted,  // EINTR, from a directory that does not repeat the call itself
  short_write,  // write_at and fill_zeros do half of it, then ENOSPC; others as no_space
  wrong_bytes   // read_at succeeds with bytes that stand nowhere; others as io
};

/// Any directory, with calls that fail when a test says so.
///
/// Operations (see OperationKind) and reads are numbered from 1, over the directory and all that is
/// reached through it. Reads are all other calls that can fail: read_at, size, list, opening what
/// is there, lock, its check, is_locked. A call counts whether it fails or not. A sync that fails
/// is not handed on, so what was written may still be there afterwards; CrashDirectory has the
/// syncs that lose it.
///
/// To meet every fault of a workload: run it once, ask for the counts, and run it once for each
/// number with fail_at(). A fault that a log can do without, as when it writes LOCK, is no error of
/// any call. `below` is not null. Any thread.
class FaultDirectory : public PassingDirectory {
 public:
  [[nodiscard]] static std::shared_ptr<FaultDirectory> create(std::shared_ptr<Directory> below);

  /// That one fails. Several may be set; 0: none.
  virtual void fail_at(std::uint64_t operation, Fault fault) = 0;
  virtual void fail_read_at(std::uint64_t read, Fault fault) = 0;
  /// It and all later operations fail: a device that is full, or gone. Reads go on. The last call
  /// counts.
  virtual void fail_from(std::uint64_t operation, Fault fault) = 0;
  /// Forgets all faults that were set: there is room again. What was killed stays so.
  virtual void lift() = 0;
  /// All later calls answer io, and the locks taken through this are free, as when a process dies.
  /// What it wrote stays for others who use the directory below.
  virtual void kill() = 0;

  [[nodiscard]] virtual std::uint64_t operation_count() const = 0;
  [[nodiscard]] virtual std::uint64_t read_count() const = 0;
  /// How many faults were met.
  [[nodiscard]] virtual std::uint64_t fault_count() const = 0;
  /// What was asked for after operation `since`.
  [[nodiscard]] virtual std::vector<Operation> operations(std::uint64_t since = 0) const = 0;

 protected:
  using PassingDirectory::PassingDirectory;
};

[[nodiscard]] std::string_view to_string(Fault fault);

}  // namespace walkit::testing
