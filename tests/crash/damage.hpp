#pragma once

// A log of ten synced groups in its newest segment, and what becomes of it when one thing about it
// is damaged after the fact.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "walkit/log/options.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::crash {

enum class Texture { random, text, zeros };
/// closed: by close(). killed: LOCK as the writer left it. power_cut: LOCK at its first value, the
/// oldest a legal crash may leave.
enum class Stop { closed, killed, power_cut };

struct Specimen {
  std::shared_ptr<testing::CrashDirectory> image{};
  std::vector<std::string> entries{};
  std::size_t before_last_group = 0;  // entries ahead of the last sync group
  std::string newest_file{};
  std::uint64_t last_group_offset = 0;  // in it
  /// All files as they were after each group before the last, the older life's first.
  std::vector<std::map<std::string, Bytes>> history{};
};
[[nodiscard]] Specimen make_specimen(Texture texture, Stop stop, Layout layout, std::uint64_t seed);

/// As trimming leaves a log: MANIFEST begins that many segments later, and they are gone, or not
/// yet.
enum class Trim { done, stopped };
void trim(testing::CrashDirectory& directory, std::size_t segments, Trim how = Trim::done);

/// The bytes that were damaged.
struct DamagedRange {
  std::string file{};
  std::uint64_t begin = 0, end = ~std::uint64_t{0};
};

/// What reader and writer make of a damaged copy.
enum class Outcome {
  same,      // all entries, byte for byte
  refused,   // an error that names a file or the ids
  reported,  // what contract 4 excepts, and the writer's report says so: entries of the last sync
             // group are gone, or the damage took the last group and with it every witness of more
  silent     // anything else
};
struct Judgement {
  Outcome outcome = Outcome::same;
  std::string why{};
};
[[nodiscard]] Judgement judge(const std::shared_ptr<testing::CrashDirectory>& damaged,
                              const Specimen& specimen, const DamagedRange& range);

}  // namespace walkit::crash
