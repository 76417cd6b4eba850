#pragma once

// Segments laid byte by byte, also as no writer would.

#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include "base/crc32c.hpp"
#include "log/compression.hpp"
#include "log/frame.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit::log {

/// Of segment 1 of a log that begins with entry 1; frames of at most 8192 bytes.
inline SegmentHeader first_header(Layout layout = Layout::packed) {
  SegmentHeader header;
  for (std::size_t i = 0; i < header.log.size(); ++i)
    header.log[i] = static_cast<std::byte>(16 + i);
  header.number = 1;
  header.first = EntryId{1};
  header.epoch = 1;
  header.layout = layout;
  header.schema = 3;
  header.max_entry_bytes = 4096;
  header.max_frame_bytes = 8192;
  return header;
}

inline FrameHeader control(FrameKind kind, EntryId expected, EntryId durable_through = {}) {
  return {.first = expected,
          .durable_through = durable_through,
          .kind = static_cast<std::uint8_t>(kind)};
}

/// Short payloads as a body of entries.
inline Bytes body_of(std::initializer_list<std::string_view> payloads) {
  Bytes body;
  for (const std::string_view payload : payloads) {
    std::byte length[kVarintBytesMax];
    body.insert(body.end(), length, length + store_varint(payload.size(), length));
    body.insert(body.end(), as_bytes(payload).begin(), as_bytes(payload).end());
  }
  return body;
}

/// From a body to its entries, which `decompressor` may hold.
inline Result<BytesView> open_body(const FrameHeader& header, BytesView body,
                                   Decompressor& decompressor) {
  const auto parts = split_body(header, body);
  if (!parts) return parts.error();
  const auto entries = decompressor.entries_of(*parts);
  if (!entries) return entries;
  if (Status ok = check_entries(header, *entries); !ok) return ok.error();
  return entries;
}

inline Status check_body(const FrameHeader& header, BytesView body) {
  Decompressor decompressor;
  const auto entries = open_body(header, body, decompressor);
  return entries ? Status{} : Status(entries.error());
}

/// A body as a writer that compresses would store it; empty if that saves nothing.
inline Bytes compressed_body(Compression algorithm, BytesView entries) {
  Bytes body(entries.begin(), entries.end());
  body.resize(Compressor(algorithm).compress(body));
  return body;
}

/// A compressed body of any bytes: `algorithm, length, packed`.
inline Bytes body_saying(Compression algorithm, std::uint64_t bytes, BytesView packed) {
  Bytes body(1 + kVarintBytesMax);
  body[0] = static_cast<std::byte>(algorithm);
  body.resize(1 + store_varint(bytes, &body[1]));
  body.insert(body.end(), packed.begin(), packed.end());
  return body;
}

/// Frames one behind the other; place, chain and checksums fit unless a test changes them.
class FramesByHand {
 public:
  explicit FramesByHand(SegmentHeader header = first_header()) : header_(std::move(header)) {
    const SegmentHeaderBytes encoded = encode(header_);
    bytes.assign(encoded.begin(), encoded.end());
    bytes.resize(first_frame_offset(header_.layout));
    chain = header_.crc;
  }

  FramesByHand& add(FrameHeader header, BytesView body) {
    header.offset = bytes.size();
    const std::uint64_t body_end = header.offset + kFrameHeaderBytes + body.size();
    const std::uint64_t end = header_.layout == Layout::whole_blocks ? next_block_offset(body_end)
                                                                     : next_frame_offset(body_end);
    header.body_bytes = static_cast<std::uint32_t>(body.size());
    header.stored_bytes = static_cast<std::uint32_t>(end - header.offset - kFrameHeaderBytes);
    header.chain = chain;
    header.body_crc = crc32c(body, seed());
    FrameHeaderBytes encoded;
    encode_frame_header(header, seed(), encoded.data());
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
    bytes.insert(bytes.end(), body.begin(), body.end());
    bytes.resize(end);
    chain = header.crc;
    last = header;
    return *this;
  }
  /// One frame of entries from `first` on, with its watermark.
  FramesByHand& entries(std::uint64_t first, std::uint64_t durable_through,
                        std::initializer_list<std::string_view> payloads) {
    return add({.first = EntryId{first},
                .durable_through = EntryId{durable_through},
                .count = static_cast<std::uint32_t>(payloads.size())},
               body_of(payloads));
  }

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] std::uint32_t seed() const { return frame_seed(header_.salt()); }
  /// What was laid so far, as a file.
  [[nodiscard]] std::unique_ptr<File> file() const {
    auto file = MemoryDirectory::create()->open("segment", OpenMode::create).value();
    const BytesView parts[] = {bytes};
    file->write_at(0, parts).value();
    return file;
  }

  Bytes bytes{};
  std::uint32_t chain = 0;
  FrameHeader last{};

 private:
  SegmentHeader header_;
};

}  // namespace walkit::log
