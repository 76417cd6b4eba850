#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/testing/crash_model.hpp"
#include "walkit/testing/operation.hpp"

namespace walkit::testing {

/// power_cut keeps what was synced and, by choice, parts of the rest; process_kill keeps all that
/// was written, in a cache that a later power_cut may still lose.
enum class Crash { power_cut, process_kill };

struct CrashOptions {
  /// Where choices come from when `pick` is empty, and random_bytes() always.
  std::uint64_t seed = 1;
  /// What a crash, and a failed sync, may make of that which is not durable.
  CrashModel model{};
  /// What a device writes as one: a power of two from 16 to 4096. A crash tears at most inside it.
  std::uint32_t sector_bytes = 512;
  /// Answers every choice with a number below `choices`: 0 lands nothing, 1 the newest, the others
  /// what lies between. It is called with the tree locked, so it must not use the directory.
  std::function<std::size_t(std::size_t choices)> pick{};
  /// With `pick`: how many torn forms of each version of a sector are offered (evenly spread over
  /// the bytes that differ; 3: first, middle, last), 0 none, SIZE_MAX all. By seed it is always
  /// all.
  std::size_t tear_cuts = 3;
};

/// A sector of a file, by its number.
struct SectorPlace {
  std::string_view path{};
  std::uint64_t sector = 0;
};

/// A directory on a simulated device that can lose power at any operation.
///
/// The fault model, where CrashOptions::model does not say otherwise. A file has bytes on the
/// device and bytes in the cache. Since its last sync it remembers each content every sector had
/// and each size it had.
/// - power_cut: each such sector is, independently, as it was on the device, as one of its later
///   contents, or a byte prefix of one of them followed by the old bytes. The size is one of the
///   sizes, whatever happened to the data; growth where no data landed reads as zeros. Each name
///   change not synced is kept or lost, in any combination: a kept rename gives the new name and
///   takes the old one, a lost one does neither, also when the file's own creation was lost. A
///   rename over a file leaves the old or the new one there. Between two directories it is
///   durable once both are synced, and still kept or lost as a whole before.
/// - File::sync makes data and size durable, never the name; Directory::sync the names only.
/// - A failed File::sync lands what a power cut would land, and then takes all sectors for clean:
///   the cache shows the new bytes, and later syncs answer success without writing them, until
///   they are written again. Other handles of the file are told at their next sync, once, if they
///   were open by then. A failed write or fill leaves a prefix. A failed Directory::sync makes
///   some changes durable; the others stay pending. Other failed operations do nothing.
/// - Locks are gone after every crash.
///
/// Everything is decided by the seed or by `pick`: equal calls give equal bytes, now() is a
/// counter. Operations and reads are numbered from 1 over the whole tree; each boot begins anew.
/// Any thread; one mutex per tree.
class CrashDirectory : public Directory {
 public:
  /// An empty one; never null. Options outside their range are brought into it.
  [[nodiscard]] static std::shared_ptr<CrashDirectory> create(CrashOptions options = {});

  /// The root that the next boot finds; this tree is frozen and answers io from now on. May be
  /// asked again, also after the other kind of crash: each time a state is chosen afresh.
  [[nodiscard]] virtual std::shared_ptr<CrashDirectory> crash(Crash kind = Crash::power_cut) = 0;
  /// The root of a copy of cache and device with power on, no lock held, no fault set, counters at
  /// 0. Cheap: contents are shared until one of them changes.
  [[nodiscard]] virtual std::shared_ptr<CrashDirectory> clone() const = 0;

  /// That operation and all later calls answer io without effect. 0: never.
  virtual void cut_power_at(std::uint64_t operation) = 0;
  /// That operation alone fails, the way the fault model says. Several may be set.
  virtual void fail_at(std::uint64_t operation, Errc code) = 0;
  /// The same for reads: read_at, list, and opening what is there.
  virtual void fail_read_at(std::uint64_t read, Errc code) = 0;
  /// So many bytes more may the files have; a write or fill beyond them leaves what fits and
  /// answers no_space. What is removed or cut makes room. Holds through crashes too.
  virtual void set_free_bytes(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual std::uint64_t operation_count() const = 0;
  [[nodiscard]] virtual std::uint64_t read_count() const = 0;
  /// What was asked for after operation `since`, so that a test can say what a call costs.
  [[nodiscard]] virtual std::vector<Operation> operations(std::uint64_t since = 0) const = 0;

  /// Equal when all that later boots can see is equal, pending states included.
  [[nodiscard]] virtual std::uint64_t image_hash() const = 0;
  /// All files under this directory as paths ("wal/MANIFEST"), sorted.
  [[nodiscard]] virtual std::vector<std::string> list_files() const = 0;

  // Looking at and damaging files by path. These are no operations, need no power, and change cache
  // and device alike. not_found: no such file; invalid_argument: beyond its end.
  [[nodiscard]] virtual Result<Bytes> read_file(std::string_view path) const = 0;
  virtual Status overwrite_file(std::string_view path, BytesView bytes) = 0;
  virtual Status flip_bit(std::string_view path, std::uint64_t bit) = 0;
  virtual Status zero_sector(std::string_view path, std::uint64_t sector) = 0;
  virtual Status truncate_file(std::string_view path, std::uint64_t bytes) = 0;
  virtual Status remove_file(std::string_view path) = 0;
  virtual Status swap_files(std::string_view path, std::string_view other) = 0;
  /// A copy of another file, or one of earlier under a name of its own. already_exists;
  /// invalid_argument: a file cannot have that name.
  virtual Status add_file(std::string_view path, BytesView bytes) = 0;
  virtual Status swap_sectors(const SectorPlace& a, const SectorPlace& b) = 0;
};

}  // namespace walkit::testing
