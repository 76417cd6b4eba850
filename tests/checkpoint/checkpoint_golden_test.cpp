// The checkpoints under tests/golden, which every later walkit has to read.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "golden/golden_checkpoints.hpp"

namespace walkit {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(WALKIT_SOURCE_DIR) / "tests/golden/checkpoints";

Bytes bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const BytesView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

TEST(CheckpointGolden, EachIsWhatStatesTxtSays) {
  std::istringstream states{std::string(as_text(bytes_of(kFolder / "states.txt")))};
  std::size_t read = 0;
  for (std::string line; std::getline(states, line);) {
    if (line.starts_with("#")) continue;
    const std::string name = line.substr(0, line.find(' '));
    EXPECT_EQ(golden::state_line(name, bytes_of(kFolder / name)), line);
    ++read;
  }
  EXPECT_GE(read, 10u);
}

TEST(CheckpointGolden, MakingThemAnewGivesTheSameBytes) {
  for (const auto& [path, bytes] : golden::make_checkpoints()) {
    EXPECT_EQ(bytes, bytes_of(kFolder.parent_path() / path)) << path;
  }
}

}  // namespace
}  // namespace walkit
