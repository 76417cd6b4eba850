#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"

namespace walkit::testing {

/// What a golden file holds: payloads, and what wrote them.
struct GoldenFile {
  std::string codec{};
  std::string type_name{};
  std::uint32_t schema = 1;
  std::vector<Bytes> payloads{};
};

/// What `file` holds. Where it is missing and the environment says WALKIT_GOLDEN=create, `made` is
/// written into it; else not_found. decode: it is no golden file; the offset is that of the line.
Result<GoldenFile> open_golden(std::string_view file, const GoldenFile& made);

/// incompatible: `mine` has another codec, name or number of payloads, or an older schema.
Status same_kind(std::string_view file, const GoldenFile& stored, const GoldenFile& mine);

/// The four characters of a CodecId's value.
[[nodiscard]] std::string codec_text(std::uint32_t codec);

/// The text of a golden file, and back.
[[nodiscard]] std::string golden_text(const GoldenFile& golden);
Result<GoldenFile> parse_golden(std::string_view text);

/// The first byte that differs, for a message.
[[nodiscard]] std::string difference(BytesView found, BytesView expected);

}  // namespace walkit::testing
