#pragma once

#include <cstdint>
#include <vector>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

/// One frame of entries as bytes, without a log: for tools, tests and fuzzing. docs/format.md has
/// each byte.
namespace walkit::frame {

/// Of the segment, and in the segment: no frame is valid elsewhere. A value; any thread.
struct Place {
  std::uint64_t salt = 0, offset = 0;  // offset: one where a frame may begin; below 2^63
};

/// Entries that were written together. A value that borrows; as thread-safe as what it borrows.
struct Frame {
  EntryIdRange entries{};
  EntryId durable_through{};          // the watermark; below the first entry
  std::uint32_t schema = 1;           // 0: the segment's, which a frame alone does not know
  std::vector<BytesView> payloads{};  // one for each of `entries`
  std::uint64_t bytes = 0;  // all of it, padding too: the next frame begins there. encode: not read
};

/// Appends the frame to `out`, padding included, so that the next one follows at Place::offset plus
/// what was appended. What a Frame has no field for is 0: the time, and the chain to the frame
/// before, for which a log's reader refuses it. The payloads may lie in `out`. On an error `out` is
/// as it was.
///
/// invalid_argument: a place where no frame begins; no entries, id 0 or the largest ids, a payload
/// too few or too many, a watermark that is not below the first entry. too_large: more than 1 GiB
/// with its header. no_memory. Any thread.
Status encode(const Frame& frame, Place place, Bytes& out);

/// The frame at the front of `bytes`, as a log's reader would take it, whatever chain and time say;
/// what stands behind it is not looked at. The payloads borrow from `bytes`. Takes memory for
/// the list of payloads alone: 16 bytes each, of which a frame has at most one per byte.
///
/// torn: cut short, if only in its padding (where a file ends there, add the zeros). corrupt: a
/// checksum differs, also for the salt of another segment, or padding is not zero. decode: no
/// frame; one of another offset; a control frame, which the message names; a body or a watermark
/// that no writer makes. too_large: above the limit of encode. incompatible: of a newer walkit.
/// not_supported: compressed, so that its payloads cannot be borrowed; WalReader reads it.
/// invalid_argument: a place where no frame begins. no_memory. Whether a bad frame was acknowledged
/// and is lost, or was cut by a crash, only its log can tell: see WalReader. Any thread.
Result<Frame> decode(BytesView bytes, Place place);

}  // namespace walkit::frame
