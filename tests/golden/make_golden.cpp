// make_golden DIR: writes the golden logs, one folder of DIR for each, and the golden checkpoints.
// Run by hand, after a change of the format; the commit says why.

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "golden/golden_checkpoints.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_golden DIR\n");
    return 2;
  }
  walkit::golden::Files files = walkit::golden::make_all();
  files.merge(walkit::golden::make_checkpoints());
  for (const auto& [path, bytes] : files) {
    const std::filesystem::path file = std::filesystem::path(argv[1]) / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    const std::string_view text = walkit::as_text(bytes);
    if (!out.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) {
      std::fprintf(stderr, "make_golden: cannot write %s\n", file.c_str());
      return 1;
    }
  }
  return 0;
}
