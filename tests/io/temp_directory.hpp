#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "walkit/io/fs_directory.hpp"

namespace walkit {

/// A new directory under /tmp, gone with this object.
class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = "/tmp/walkit-io-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "mkdtemp failed";
    path_ = pattern;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] std::shared_ptr<Directory> open(FsOptions options = {}) const {
    return FsDirectory::open(path_, options).value();
  }

  void put(const char* name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string get(const char* name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::filesystem::path path_;
};

inline Status write_text(File& file, std::uint64_t offset, std::string_view text) {
  const BytesView part = as_bytes(text);
  return file.write_at(offset, {&part, 1});
}

inline std::string read_text(File& file) {
  Bytes bytes(file.size().value());
  bytes.resize(file.read_at(0, bytes).value());
  return std::string{as_text(bytes)};
}

}  // namespace walkit
