#include "base/file_header.hpp"

#include <cstring>
#include <string>

#include "base/crc32c.hpp"
#include "base/mutation.hpp"

namespace walkit {
namespace {

constexpr std::size_t kCrcOffset = kPrefixBytes - 4;

std::uint32_t header_crc(BytesView header) noexcept {
  return crc32c(header.subspan(kPrefixBytes), crc32c(header.first(kCrcOffset)));
}

}  // namespace

// Magic 8, header length 4, version 2, zero 2, required features 4, ignorable features 4, zero 4,
// CRC 4 of all the rest of the header.
std::uint32_t seal_file_header(std::span<std::byte> header, const FileMagic& magic) noexcept {
  std::memcpy(header.data(), magic.data(), magic.size());
  store_le(header.data() + 8, static_cast<std::uint32_t>(header.size()));
  store_le(header.data() + 12, kFormatVersion);
  const std::uint32_t crc = header_crc(header);
  store_le(header.data() + kCrcOffset, crc);
  return crc;
}

Error bad_file_header(std::string message) {
  return {.code = Errc::corrupt, .message = std::move(message)};
}

Status check_file_header(BytesView bytes, const FileMagic& magic, std::size_t expected_bytes) {
  if (bytes.size() < kPrefixBytes) {
    return bad_file_header("header cut short: " + std::to_string(bytes.size()) + " bytes");
  }
  if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
    return bad_file_header("wrong magic: not a walkit file of this kind");
  }
  const auto header_bytes = load_le<std::uint32_t>(bytes.data() + 8);
  if (header_bytes < kPrefixBytes || header_bytes > kHeaderBytesMax ||
      header_bytes > bytes.size()) {
    return bad_file_header("header length " + std::to_string(header_bytes) +
                           " is not possible here");
  }
  const bool holds = header_crc(bytes.first(header_bytes)) == file_header_crc(bytes) ||
                     mutated(Mutation::file_header_sum_not_checked);
  if (!holds) return bad_file_header("header checksum differs");
  const auto version = load_le<std::uint16_t>(bytes.data() + 12);
  const auto required = load_le<std::uint32_t>(bytes.data() + 16);
  if (version != kFormatVersion || required != 0 || header_bytes != expected_bytes) {
    return Error{.code = Errc::incompatible,
                 .message = "format version " + std::to_string(version) + " with features " +
                            std::to_string(required) + "; this walkit reads version " +
                            std::to_string(kFormatVersion) + " without features",
                 .next_step = "open it with the walkit that wrote it, or a newer one"};
  }
  return {};
}

std::uint32_t file_header_crc(BytesView header) noexcept {
  return load_le<std::uint32_t>(header.data() + kCrcOffset);
}

std::uint64_t salt_of(const LogIdentity& log, std::uint64_t file, std::uint64_t epoch) noexcept {
  std::uint64_t hash = 0x9e3779b97f4a7c15u;
  for (const std::uint64_t word :
       {load_le<std::uint64_t>(log.data()), load_le<std::uint64_t>(log.data() + 8), file, epoch}) {
    hash = (hash ^ word) + 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    hash ^= hash >> 31;
  }
  return hash;
}

}  // namespace walkit
