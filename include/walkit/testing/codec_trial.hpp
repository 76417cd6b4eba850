#pragma once

#include <cstddef>
#include <functional>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"

namespace walkit::testing {

/// A codec and its samples without their types: what codec_suite() asks of them. All are called by
/// several threads at once.
struct CodecTrial {
  std::size_t samples = 0;
  std::function<Status(std::size_t sample, ByteSink&)> encode{};        // always the same codec
  std::function<Status(std::size_t sample, ByteSink&)> encode_fresh{};  // a new copy each time
  std::function<Result<bool>(BytesView, std::size_t sample)> decodes_to{};
  std::function<Status(BytesView)> decode{};  // a value is encoded too, whatever comes of it
};

/// codec_suite() behind the templates.
Status codec_trial(const CodecTrial& trial);

}  // namespace walkit::testing
