#pragma once

// A log's folder under attack: edits of its files, and checksums put right again behind them.

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "fuzz_input.hpp"
#include "log/frame.hpp"
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
  using ChainAt = std::map<std::uint64_t, std::uint32_t>;  // by the end of a frame

  static void mend_prefix(std::span<std::byte> header);
  static ChainAt mend_segment(Bytes& bytes, const ChainAt& before);

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

inline void Folder::mend_prefix(std::span<std::byte> header) {
  constexpr std::size_t kCrcOffset = 28;
  const std::uint32_t crc =
      crc32c(header.subspan(log::kPrefixBytes), crc32c(header.first(kCrcOffset)));
  store_le(header.data() + kCrcOffset, crc);
}

inline Folder::ChainAt Folder::mend_segment(Bytes& bytes, const ChainAt& before) {
  ChainAt ends;
  if (bytes.size() < log::kSegmentHeaderBytes) return ends;
  const std::span<std::byte> first = std::span(bytes).first(log::kSegmentHeaderBytes);
  mend_prefix(first);
  auto header = log::decode_segment_header(first);
  if (!header) return ends;
  if (const auto chain = before.find(header->prev_end); chain != before.end()) {
    header->prev_chain = chain->second;
    std::ranges::copy(log::encode(*header), first.begin());
  }
  const std::uint32_t seed = log::frame_seed(header->salt());
  std::uint32_t chain = header->crc;
  std::uint64_t at = log::first_frame_offset(header->layout);
  ends[at] = chain;
  while (at + log::kFrameHeaderBytes <= bytes.size() && log::frame_magic_at(&bytes[at])) {
    const std::span<std::byte> frame = std::span(bytes).subspan(at);
    const std::span<std::byte> behind = frame.subspan(log::kFrameHeaderBytes);
    const std::size_t body = load_le<std::uint32_t>(&frame[12]);
    store_le(&frame[48], chain);
    store_le(&frame[52], crc32c(behind.first(std::min(body, behind.size())), seed));
    chain = crc32c(frame.subspan(8, log::kFrameHeaderBytes - 8), seed);
    store_le(&frame[4], chain);
    at += log::kFrameHeaderBytes + load_le<std::uint32_t>(&frame[8]);
    ends[at] = chain;
  }
  return ends;
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
