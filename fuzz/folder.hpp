#pragma once

// A log's folder under attack: edits of its files, and checksums put right again behind them.

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fuzz_input.hpp"
#include "repair.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::fuzz {

/// One thread.
class Folder {
 public:
  /// `directory` is a clone of `original`.
  Folder(std::shared_ptr<testing::CrashDirectory> directory,
         std::shared_ptr<const testing::CrashDirectory> original)
      : directory_(std::move(directory)), original_(std::move(original)) {}

  /// One edit, as the next six bytes of the input say; `value_bytes` are overwritten at once.
  void edit(Input& input, std::size_t value_bytes);
  /// Mends the checksums of all headers, frames and bodies, and the chain between them.
  void mend();
  [[nodiscard]] bool is_untouched(std::string_view name) const {
    const auto now = directory_->read_file(name), then = original_->read_file(name);
    return now && then && *now == *then;
  }

 private:
  std::shared_ptr<testing::CrashDirectory> directory_;
  std::shared_ptr<const testing::CrashDirectory> original_;
};

inline void Folder::edit(Input& input, std::size_t value_bytes) {
  const unsigned kind = input.byte() % 8, place = input.byte();
  const std::uint64_t offset = input.two_bytes();
  const std::array<std::byte, 2> value{std::byte{input.byte()}, std::byte{input.byte()}};
  const std::vector<std::string> names = directory_->list_files();
  if (names.empty()) return;
  const std::string& name = names[place % names.size()];
  Bytes bytes = *directory_->read_file(name);
  const std::uint64_t sector = bytes.size() < 512 ? 0 : offset % (bytes.size() / 512) * 512;
  const std::uint64_t from =
      bytes.size() < 512 ? 0
                         : std::to_integer<std::uint64_t>(value[0]) % (bytes.size() / 512) * 512;
  switch (kind) {
    case 0:
      return directory_->truncate_file(name, std::min<std::uint64_t>(offset, bytes.size())).value();
    case 1:
      return directory_->remove_file(name).value();
    case 2:
      return directory_->swap_files(name, names[offset % names.size()])
          .ignore("a file with itself");
    case 3:
      if (bytes.size() >= 512) std::fill_n(bytes.begin() + sector, 512, std::byte{0});
      break;
    case 4:
      if (bytes.size() >= 512) std::copy_n(bytes.begin() + from, 512, bytes.begin() + sector);
      break;
    default:
      if (offset + value_bytes <= bytes.size()) {
        std::copy_n(value.begin(), value_bytes, bytes.begin() + offset);
      }
  }
  directory_->overwrite_file(name, bytes).value();
}

inline void Folder::mend() {
  ChainAt before;
  for (const std::string& name : directory_->list_files()) {
    Bytes bytes = *directory_->read_file(name);
    const std::span<std::byte> all(bytes);
    if (name == "wal/MANIFEST" && bytes.size() == log::kManifestBytes) {
      mend_prefix(all.first(log::kManifestSlotBytes));
      mend_prefix(all.subspan(log::kManifestSlotBytes));
    } else if (name == "wal/LOCK" && bytes.size() == log::kLockRecordBytes) {
      mend_prefix(all);
    } else if (name.ends_with(".wal")) {
      before = mend_segment(bytes, before);
    }
    directory_->overwrite_file(name, bytes).value();
  }
}

}  // namespace walkit::fuzz
