// Bits flipped, files cut, sectors zeroed, files removed and swapped: nothing is lost in silence.

#include "crash/damage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "crash/workload.hpp"

namespace walkit::crash {
namespace {

using testing::CrashDirectory;
using testing::SectorPlace;

struct Kind {
  const char* name;
  Stop stop;
  Layout layout;
  // Contract 4's exception: only after an unclean stop whose LOCK was lost may the last sync group
  // look torn.
  bool may_lose_last_group;
};

class Damage : public ::testing::TestWithParam<std::tuple<Kind, Texture>> {
 protected:
  void SetUp() override {
    const auto& [kind, texture] = GetParam();
    kind_ = kind;
    specimen_ = make_specimen(texture, kind.stop, kind.layout, 7);
    files_ = specimen_.image->list_files();
  }
  void TearDown() override {
    std::printf("%s: %lu same, %lu refused, %lu reported, %lu silent\n", kind_.name,
                counts_[Outcome::same], counts_[Outcome::refused], counts_[Outcome::reported],
                counts_[Outcome::silent]);
  }

  template <class Damaging>
  void expect_no_silence(const DamagedRange& range, Damaging&& damaging) {
    const std::string what =
        range.file + " " + std::to_string(range.begin) + ".." + std::to_string(range.end);
    const auto copy = specimen_.image->clone();
    ASSERT_TRUE(damaging(*copy)) << what;
    const Judgement judged = judge(copy, specimen_, range);
    ++counts_[judged.outcome];
    EXPECT_NE(judged.outcome, Outcome::silent) << what << ": " << judged.why;
    if (kind_.may_lose_last_group) return;
    EXPECT_NE(judged.outcome, Outcome::reported) << what << ": " << judged.why;
  }

  std::vector<SectorPlace> written_sectors() {
    std::vector<SectorPlace> places;
    for (const std::string& file : files_) {
      const Bytes bytes = specimen_.image->read_file(file).value();
      for (std::size_t at = 0; at < bytes.size(); at += 512) {
        const BytesView sector =
            BytesView(bytes).subspan(at, std::min<std::size_t>(512, bytes.size() - at));
        if (std::ranges::any_of(sector, [](std::byte b) { return b != std::byte{0}; }))
          places.push_back({file, at / 512});
      }
    }
    return places;
  }

  // Where it counts whether the last group was hit: the sector that holds its first header.
  DamagedRange range_of(const SectorPlace& a, const SectorPlace& b) {
    const bool hits_b =
        b.path == specimen_.newest_file && b.sector == specimen_.last_group_offset / 512;
    const SectorPlace& place = hits_b ? b : a;
    return {std::string(place.path), place.sector * 512, place.sector * 512 + 512};
  }

  std::size_t bytes_of(const std::string& file) {
    return specimen_.image->read_file(file).value().size();
  }

  Kind kind_{};
  Specimen specimen_{};
  std::vector<std::string> files_{};
  std::map<Outcome, std::uint64_t> counts_{};
};

// Ordinarily a part of all bits and lengths, in steps that meet each bit of a byte and each place
// in a header; WALKIT_DAMAGE_STEP=1: all of them.
std::uint64_t step_of(std::uint64_t ordinary) {
  return from_environment("WALKIT_DAMAGE_STEP", ordinary);
}

TEST_P(Damage, EachFlippedBit) {
  for (const std::string& file : specimen_.image->list_files()) {
    for (std::uint64_t bit = 0; bit < bytes_of(file) * 8; bit += step_of(61)) {
      expect_no_silence({file, bit / 8, bit / 8 + 1},
                        [&](CrashDirectory& d) { return d.flip_bit(file, bit).has_value(); });
    }
  }
}

TEST_P(Damage, EachLength) {
  for (const std::string& file : specimen_.image->list_files()) {
    for (std::uint64_t bytes = 0; bytes < bytes_of(file); bytes += step_of(13)) {
      expect_no_silence({file, bytes}, [&](CrashDirectory& d) {
        return d.truncate_file(file, bytes).has_value();
      });
    }
  }
}

TEST_P(Damage, EachZeroedSector) {
  for (const std::string& file : specimen_.image->list_files()) {
    for (std::uint64_t sector = 0; sector * 512 < bytes_of(file); ++sector) {
      expect_no_silence({file, sector * 512, sector * 512 + 512},
                        [&](CrashDirectory& d) { return d.zero_sector(file, sector).has_value(); });
    }
  }
}

// Of the two, the one that may hold the last group's first header: only that one is excepted.
DamagedRange of_two(const Specimen& specimen, const std::string& file, std::uint64_t one,
                    std::uint64_t other, std::uint64_t bytes) {
  const bool first = one < specimen.last_group_offset + 64 &&
                     one + bytes > specimen.last_group_offset && file == specimen.newest_file;
  const std::uint64_t begin = first ? one : other;
  return {file, begin, begin + bytes};
}

// Sectors are swapped below.
TEST_P(Damage, EachPairOfPagesSwapped) {
  constexpr std::uint64_t kPage = 4096;
  for (const std::string& file : files_) {
    const Bytes whole = specimen_.image->read_file(file).value();
    for (std::uint64_t one = 0; one + kPage <= whole.size(); one += kPage) {
      for (std::uint64_t other = one + kPage; other + kPage <= whole.size(); other += kPage) {
        Bytes swapped = whole;
        const auto from = swapped.begin() + static_cast<std::ptrdiff_t>(one);
        std::swap_ranges(from, from + static_cast<std::ptrdiff_t>(kPage),
                         swapped.begin() + static_cast<std::ptrdiff_t>(other));
        expect_no_silence(of_two(specimen_, file, one, other, kPage), [&](CrashDirectory& d) {
          return d.overwrite_file(file, swapped).has_value();
        });
      }
    }
  }
}

TEST_P(Damage, EachSectorOverAnother) {
  std::uint64_t at = 0;
  constexpr std::ptrdiff_t kSector = 512;
  for (const std::string& file : specimen_.image->list_files()) {
    const Bytes whole = specimen_.image->read_file(file).value();
    const auto sectors = static_cast<std::ptrdiff_t>(whole.size()) / kSector;
    for (std::ptrdiff_t from = 0; from < sectors; ++from) {
      for (std::ptrdiff_t to = 0; to < sectors; ++to) {
        if (from == to || at++ % step_of(13) != 0) continue;
        Bytes copied = whole;
        std::copy_n(whole.begin() + from * kSector, kSector, copied.begin() + to * kSector);
        const auto begin = static_cast<std::uint64_t>(to * kSector);
        expect_no_silence({file, begin, begin + kSector}, [&](CrashDirectory& d) {
          return d.overwrite_file(file, copied).has_value();
        });
      }
    }
  }
}

TEST_P(Damage, EachFileOverAnother) {
  const auto files = specimen_.image->list_files();
  for (const std::string& from : files) {
    for (const std::string& to : files) {
      if (from == to) continue;
      expect_no_silence({to}, [&](CrashDirectory& d) {
        return d.overwrite_file(to, d.read_file(from).value()).has_value();
      });
    }
  }
}

// Nobody puts an older copy of the whole folder back; of one file it is told.
TEST_P(Damage, EachFileRolledBackToEachOlderVersion) {
  for (const auto& files : specimen_.history) {
    for (const auto& older : files) {
      const std::string& file = older.first;
      const Bytes& bytes = older.second;
      const Bytes now = specimen_.image->read_file(file).value();
      if (bytes == now) continue;
      const auto differs = std::mismatch(bytes.begin(), bytes.end(), now.begin(), now.end()).first;
      const auto begin = static_cast<std::uint64_t>(differs - bytes.begin());
      expect_no_silence({file, begin}, [&](CrashDirectory& d) {
        return d.overwrite_file(file, bytes).has_value();
      });
    }
  }
}

TEST_P(Damage, EachFileRemovedOrSwapped) {
  const auto files = specimen_.image->list_files();
  for (const std::string& file : files) {
    expect_no_silence({file}, [&](CrashDirectory& d) { return d.remove_file(file).has_value(); });
    for (const std::string& other : files) {
      if (other <= file) continue;
      expect_no_silence({file},
                        [&](CrashDirectory& d) { return d.swap_files(file, other).has_value(); });
    }
  }
}

TEST_P(Damage, EachPairOfSectorsSwapped) {
  const auto places = written_sectors();
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = i + 1; j < places.size(); ++j) {
      // That damages LOCK too, the only witness of the last group after a kill.
      const bool hits_lock = places[i].path == "wal/LOCK" || places[j].path == "wal/LOCK";
      kind_.may_lose_last_group =
          std::get<0>(GetParam()).may_lose_last_group || (hits_lock && kind_.stop == Stop::killed);
      expect_no_silence(range_of(places[i], places[j]), [&](CrashDirectory& d) {
        return d.swap_sectors(places[i], places[j]).has_value();
      });
    }
  }
}

TEST_P(Damage, EachFileDuplicated) {
  for (const std::string& file : files_) {
    const Bytes bytes = specimen_.image->read_file(file).value();
    std::vector<std::string> names{"wal/copy", "wal/copy.wal", "wal/MANIFEST.tmp"};
    for (const char* number : {"00000000000000000001", "00000000000000000003",
                               "00000000000000000004", "00000000000000000009"}) {
      names.push_back("wal/" + std::string(number) + "-00000000000000000001.wal");
      names.push_back("wal/" + std::string(number) + "-00000000000000000099.wal");
    }
    for (const std::string& name : names) {
      if (std::ranges::count(files_, name) > 0) continue;
      expect_no_silence({name},
                        [&](CrashDirectory& d) { return d.add_file(name, bytes).has_value(); });
    }
  }
}

constexpr Kind kKinds[] = {{"Closed", Stop::closed, Layout::packed, false},
                           {"Killed", Stop::killed, Layout::packed, false},
                           {"PowerCut", Stop::power_cut, Layout::packed, true},
                           {"ClosedBlocks", Stop::closed, Layout::whole_blocks, false},
                           {"KilledBlocks", Stop::killed, Layout::whole_blocks, false},
                           {"PowerCutBlocks", Stop::power_cut, Layout::whole_blocks, true}};

std::string name_of(const ::testing::TestParamInfo<std::tuple<Kind, Texture>>& tested) {
  constexpr const char* kTextures[] = {"Random", "Text", "Zeros"};
  return std::string(std::get<0>(tested.param).name) +
         kTextures[static_cast<int>(std::get<1>(tested.param))];
}

INSTANTIATE_TEST_SUITE_P(Logs, Damage,
                         ::testing::Combine(::testing::ValuesIn(kKinds),
                                            ::testing::Values(Texture::random, Texture::text,
                                                              Texture::zeros)),
                         name_of);

}  // namespace
}  // namespace walkit::crash
