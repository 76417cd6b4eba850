#pragma once

// A log with a past: closed once, killed once with frames that were written again, rotated; and
// what salvage and repair must make of it when one thing about it is damaged.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/log/options.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::crash {

enum class Ending { closed, killed };
enum class Payloads { random, zeros };

struct Story {
  /// Where an entry's frame stands: header and body.
  struct Place {
    std::string file{};
    std::uint64_t begin = 0, end = 0;
  };
  std::shared_ptr<testing::CrashDirectory> image{};
  std::vector<std::string> entries{};  // [0] is entry 1; all of them durable
  std::vector<Place> places{};
};
[[nodiscard]] Story tell_story(Ending ending, Payloads payloads, Layout layout, std::uint64_t seed);

/// Bytes [begin, end) of a file are not what they were; none: nothing is known to be untouched.
struct Touched {
  std::string file{};
  std::uint64_t begin = 0, end = ~std::uint64_t{0};
};

/// By id.
using Entries = std::map<std::uint64_t, std::string>;

/// Salvage gives the entries whose frames are not touched, byte for byte, and tells all others as
/// lost; it changes nothing.
Result<Entries> check_salvage(const std::shared_ptr<testing::CrashDirectory>& damaged,
                              const Story& story, const std::vector<Touched>& touched);
/// Plan and apply make a log that gives just `salvaged`, that opens for writing, goes on behind all
/// that was ever durable, and keep every byte that was there.
Status check_repair(const std::shared_ptr<testing::CrashDirectory>& damaged, const Story& story,
                    const Entries& salvaged);

/// Each file's bytes stand under some name still. LOCK is evidence, and rewritten.
Status check_bytes_are_kept(const testing::CrashDirectory& before,
                            const testing::CrashDirectory& after);

/// What replay with accepted losses gives; `losses`: their ids.
Result<Entries> read_accepting(const std::shared_ptr<Directory>& directory,
                               std::vector<EntryIdRange>* losses = nullptr,
                               ReplayMode mode = ReplayMode::strict);

}  // namespace walkit::crash
