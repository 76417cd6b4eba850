#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "walkit/codec.hpp"
#include "walkit/testing/golden_file.hpp"

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp

namespace testing {

/// Whether entries that were written once are still read as the same values. `file` is text, made
/// for a diff, and is kept beside the test: run that once with WALKIT_GOLDEN=create in the
/// environment to write it; it is never written again, and where it is missing the answer is
/// not_found. Each of its payloads must decode to the sample in its place, by the schema number in
/// the file; while that is still E's own, each sample must encode to the same bytes, too. So keep
/// one file for each schema number that was released. E needs ==. incompatible: another codec or
/// name, a newer schema, other bytes, another value or number of samples; decode: the bytes are no
/// E any more, or the file is none. One thread.
template <class E, class C = CerealCodec<E>>
Status golden(std::string_view file, std::span<const E> samples, C codec = {}) {
  require_codec<C, E>();
  constexpr EntryType type = entry_type<E>;
  GoldenFile mine{codec_text(CodecId{C::id}.value), std::string(type.name), type.schema, {}};
  const auto failed = [&](Errc code, std::size_t sample, const std::string& what) {
    return Error{.code = code,
                 .message = "entry " + std::to_string(sample + 1) + " " + what,
                 .file = std::string(file),
                 .next_step = "undo the change, or raise the schema number of the entry type"};
  };
  for (std::size_t i = 0; i != samples.size(); ++i) {
    ByteSink sink(mine.payloads.emplace_back(), std::size_t{1} << 30);
    if (Status ok = encode_entry(codec, samples[i], sink); !ok) {
      return failed(ok.error().code, i, "is refused by encode: " + ok.error().message);
    }
  }
  const auto stored = open_golden(file, mine);
  if (!stored) return stored.error();
  if (Status ok = same_kind(file, *stored, mine); !ok) return ok;
  for (std::size_t i = 0; i != samples.size(); ++i) {
    const Result<E> entry = decode_entry<E>(codec, stored->payloads[i], stored->schema);
    if (!entry) return failed(entry.error().code, i, "is not read: " + entry.error().message);
    if (!(*entry == samples[i])) {
      return failed(Errc::incompatible, i, "is read as another value than the sample");
    }
    if (stored->schema == mine.schema && stored->payloads[i] != mine.payloads[i]) {
      return failed(
          Errc::incompatible, i,
          "is now written as other bytes: " + difference(mine.payloads[i], stored->payloads[i]));
    }
  }
  return {};
}

}  // namespace testing
}  // namespace walkit
