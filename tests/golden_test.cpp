#include "golden/golden_logs.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "golden/holds.hpp"
#include "log/survey.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using golden::Files;
using ::testing::AnyOf;
using testing::HasErrc;
using testing::IsOk;
using ::testing::SizeIs;

const std::filesystem::path kRoot = WALKIT_SOURCE_DIR;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What stands under tests/golden, one folder for each log.
Files read_golden() {
  Files files;
  for (const auto& folder : std::filesystem::directory_iterator(kRoot / "tests/golden")) {
    if (!std::filesystem::exists(folder.path() / "holds.txt")) continue;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
      if (file.is_directory()) continue;
      const std::string text = text_of(file.path());
      const BytesView bytes = as_bytes(text);
      const std::string name = file.path().lexically_relative(kRoot / "tests/golden");
      files[name] = Bytes(bytes.begin(), bytes.end());
    }
  }
  return files;
}

std::vector<std::string> kinds(const Files& files) {
  std::vector<std::string> kinds;
  for (const auto& file : files) {
    const std::string kind = file.first.substr(0, file.first.find('/'));
    if (kinds.empty() || kinds.back() != kind) kinds.push_back(kind);
  }
  return kinds;
}

/// One golden log, in memory.
class GoldenLog {
 public:
  GoldenLog(const Files& files, const std::string& kind) : kind_(kind) {
    const auto folder = parent_->subdirectory(kind, OpenMode::create).value();
    for (const auto& [path, bytes] : files) {
      if (!path.starts_with(kind + "/")) continue;
      const BytesView parts[] = {bytes};
      const std::filesystem::path place = path.substr(kind.size() + 1);
      const auto into = place.has_parent_path()
                            ? folder->subdirectory(place.parent_path().string(), OpenMode::create)
                            : folder;
      into.value()
          ->open(place.filename().string(), OpenMode::create)
          .value()
          ->write_at(0, parts)
          .value();
    }
    std::istringstream in{std::string(as_text(files.at(kind + "/holds.txt")))};
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("#")) holds_ += line + "\n";
    }
  }

  [[nodiscard]] const std::string& holds() const { return holds_; }
  [[nodiscard]] bool says(std::string_view line) const {
    return holds_.find(line) != std::string::npos;
  }

  /// The lines of holds.txt as LogReader sees them; `status` is what the replay answered.
  std::string replay(ReplayMode mode, RecordedLoss loss, Status& status) const {
    ReadOptions options{.subdirectory = kind_, .recorded_loss = loss};
    return segments_line() + golden::lines_of(parent_, options, mode, status);
  }

 private:
  /// By the names alone, from the log's first on: what is damaged has segments too.
  std::string segments_line() const {
    const auto home = parent_->subdirectory(kind_, OpenMode::read).value();
    log::Listing listing;
    EXPECT_THAT(log::classify_names(*home, listing), IsOk());
    const auto manifest = log::read_manifest(*home).value();
    const std::uint64_t first = manifest.newest()->first_segment;
    const auto count =
        std::count_if(listing.segments.begin(), listing.segments.end(),
                      [&](const log::SegmentFile& s) { return s.name.number >= first; });
    return "segments " + std::to_string(count) + "\n";
  }

  std::shared_ptr<Directory> parent_ = MemoryDirectory::create();
  std::string kind_, holds_{};
};

class Golden : public ::testing::Test {
 protected:
  const Files files_ = read_golden();
};

TEST_F(Golden, MakingThemAnewGivesTheSameBytes) {
  const Files made = golden::make_all();
  ASSERT_THAT(kinds(made), SizeIs(20));
  for (const auto& [path, bytes] : made) {
    ASSERT_TRUE(files_.contains(path)) << path << " is missing: run make_golden tests/golden";
    EXPECT_TRUE(files_.at(path) == bytes) << path << " differs";
  }
  EXPECT_EQ(files_.size(), made.size());
}

TEST_F(Golden, BestEffortGivesWhatHoldsTxtSays) {
  for (const std::string& kind : kinds(files_)) {
    const GoldenLog log(files_, kind);
    Status status;
    EXPECT_EQ(log.replay(ReplayMode::best_effort, RecordedLoss::refuse, status), log.holds())
        << kind;
    const bool refuses = log.says("end corrupt") || log.says("end incompatible");
    EXPECT_EQ(status.has_value(), !refuses) << kind;
  }
}

TEST_F(Golden, StrictRefusesAllButACleanEndWithoutLosses) {
  for (const std::string& kind : kinds(files_)) {
    const GoldenLog log(files_, kind);
    Status status;
    const std::string lines = log.replay(ReplayMode::strict, RecordedLoss::refuse, status);
    if (log.says("end clean") && !log.says("gap ")) {
      EXPECT_EQ(lines, log.holds()) << kind;
    } else if (log.says("end torn") || log.says("end suspect")) {
      EXPECT_THAT(status, HasErrc(Errc::torn)) << kind;
    } else {
      EXPECT_THAT(status, AnyOf(HasErrc(Errc::corrupt), HasErrc(Errc::incompatible))) << kind;
    }
  }
}

TEST_F(Golden, StrictGoesOnBehindAnAcceptedLoss) {
  const GoldenLog log(files_, "with_loss");
  Status status;
  EXPECT_EQ(log.replay(ReplayMode::strict, RecordedLoss::accept, status), log.holds());
  EXPECT_THAT(status, IsOk());
}

/// "00000200  f7 57 ...  |.W..|": what the line says, at the place that it says.
bool line_fits(const std::string& line, BytesView file) {
  std::istringstream in(line.substr(0, line.find('|')));
  std::size_t at = 0;
  in >> std::hex >> at;
  unsigned byte = 0;
  for (; in >> byte; ++at) {
    if (at >= file.size() || std::to_integer<unsigned>(file[at]) != byte) return false;
  }
  return true;
}

TEST_F(Golden, WorkedExampleOfFormatMdIsThePlainLog) {
  const Bytes& file = files_.at("plain/00000000000000000001-00000000000000000001.wal");
  std::istringstream doc(text_of(kRoot / "docs/format.md"));
  std::size_t lines = 0;
  for (std::string line; std::getline(doc, line);) {
    if (line.size() < 60 || line.find_first_not_of("0123456789abcdef") != 8) continue;
    EXPECT_TRUE(line_fits(line, file)) << line;
    ++lines;
  }
  EXPECT_GE(lines, 20u);
}

}  // namespace
}  // namespace walkit
