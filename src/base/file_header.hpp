#pragma once

// What the headers of all files have in common: the first 32 bytes, and fields one behind the
// other. docs/format.md describes them.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>

#include "base/little_endian.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

inline constexpr std::uint16_t kFormatVersion = 0;
inline constexpr std::size_t kPrefixBytes = 32;  // of every file; never changes layout
inline constexpr std::size_t kHeaderBytesMax = 4096;
inline constexpr std::size_t kSectorBytes = 512;  // what a device writes whole, or torn by a prefix
inline constexpr std::size_t kTypeNameBytesMax = 128;

using FileMagic = std::array<char, 8>;

/// Completes a header whose fields stand behind its first 32 bytes. Its checksum.
std::uint32_t seal_file_header(std::span<std::byte> header, const FileMagic& magic) noexcept;
/// Checked in the order magic, checksum, version, required features: corrupt (the first two) and
/// incompatible differ, and a flipped bit in the version never reads as "newer". The error names no
/// file; who calls adds it.
[[nodiscard]] Status check_file_header(BytesView bytes, const FileMagic& magic,
                                       std::size_t expected_bytes);
/// The checksum of a header that holds.
[[nodiscard]] std::uint32_t file_header_crc(BytesView header) noexcept;
[[nodiscard]] Error bad_file_header(std::string message);

/// A number that all files of one log share with none of another: it seeds checksums, so that what
/// belongs to another log, another file or an earlier life never passes. (The mixer is SplitMix64's
/// finalizer: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.)
[[nodiscard]] std::uint64_t salt_of(const LogIdentity& log, std::uint64_t file,
                                    std::uint64_t epoch) noexcept;

// Each header lists its fields once, in fields(); a FieldWriter and a FieldReader walk the list.
class FieldWriter {
 public:
  explicit FieldWriter(std::byte* at) : at_(at) {}
  template <std::unsigned_integral T>
  void number(T& value) {
    store_le(at_, value);
    at_ += sizeof value;
  }
  void id(EntryId& value) { number(value.value); }
  void bytes(std::span<std::byte> from) {
    std::copy(from.begin(), from.end(), at_);
    at_ += from.size();
  }

 private:
  std::byte* at_;
};

class FieldReader {
 public:
  explicit FieldReader(const std::byte* at) : at_(at) {}
  template <std::unsigned_integral T>
  void number(T& value) {
    value = load_le<T>(at_);
    at_ += sizeof value;
  }
  void id(EntryId& value) { number(value.value); }
  void bytes(std::span<std::byte> into) {
    std::copy_n(at_, into.size(), into.begin());
    at_ += into.size();
  }

 private:
  const std::byte* at_;
};

/// The name of a type in a header: at most kTypeNameBytesMax bytes, zeros behind it.
struct TypeNameField {
  std::uint8_t bytes = 0;
  std::array<std::byte, kTypeNameBytesMax> text{};

  TypeNameField() = default;
  explicit TypeNameField(std::string_view name) noexcept
      : bytes(static_cast<std::uint8_t>(std::min(name.size(), kTypeNameBytesMax))) {
    std::copy_n(as_bytes(name).begin(), bytes, text.begin());
  }
  /// More than fits: what is there.
  [[nodiscard]] std::string_view name() const noexcept {
    return as_text(BytesView(text).first(std::min<std::size_t>(bytes, text.size())));
  }
};

}  // namespace walkit
