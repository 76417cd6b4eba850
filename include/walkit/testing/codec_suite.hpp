#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "walkit/codec.hpp"
#include "walkit/testing/codec_trial.hpp"

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp

namespace testing {

/// Whether a codec keeps what walkit/codec.hpp asks of it, tried on samples of your entries: each
/// comes back equal, its bytes are the same each time and owe nothing to the entry before; a sink
/// of any smaller size is too_large; every truncation and every flipped bit decodes to a value,
/// which is encoded again, or answers `decode`; several threads may use one codec. Of payloads
/// above 8 KiB only some 65,000 flips and truncations are tried. Not tried: how much memory a
/// decode takes; run a fuzzer for that. E needs ==. The first failure is the error: its message
/// names the check, the sample, what was found and what was expected. One thread.
template <class E, class C = CerealCodec<E>>
Status codec_suite(std::span<const E> samples, C codec = {}) {
  require_codec<C, E>();
  const std::uint32_t schema = entry_type<E>.schema;
  CodecTrial trial;
  trial.samples = samples.size();
  trial.encode = [&](std::size_t sample, ByteSink& out) {
    return encode_entry(codec, samples[sample], out);
  };
  trial.encode_fresh = [&](std::size_t sample, ByteSink& out) {
    return encode_entry(C(codec), samples[sample], out);
  };
  trial.decodes_to = [&](BytesView bytes, std::size_t sample) -> Result<bool> {
    const Result<E> entry = decode_entry<E>(codec, bytes, schema);
    if (!entry) return entry.error();
    return *entry == samples[sample];
  };
  trial.decode = [&](BytesView bytes) -> Status {
    const Result<E> entry = decode_entry<E>(codec, bytes, schema);
    if (!entry) return entry.error();
    Bytes again;
    ByteSink sink(again, std::size_t{16} << 20);
    encode_entry(codec, *entry, sink).ignore("what damaged bytes mean may be refused by encode");
    return {};
  };
  return codec_trial(trial);
}

}  // namespace testing
}  // namespace walkit
