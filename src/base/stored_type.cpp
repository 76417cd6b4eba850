#include "base/stored_type.hpp"

namespace walkit {
namespace {

std::string codec_text(std::uint32_t codec) {
  std::string text = "\"";
  for (int shift = 24; shift >= 0; shift -= 8) {
    const auto c = static_cast<char>(codec >> shift);
    if (c >= ' ' && c <= '~') text += c;
  }
  return text + "\"";
}

Error incompatible(std::string_view file, std::string message, std::string next_step) {
  return {.code = Errc::incompatible,
          .message = std::move(message),
          .file = std::string(file),
          .next_step = std::move(next_step)};
}

}  // namespace

Status check_type(const StoredType& stored, const StoredType& mine, std::string_view file,
                  std::string_view values) {
  const std::string holds = "holds " + std::string(values);
  // 0: a repair could not tell; see docs/format.md.
  if (stored.codec != mine.codec && stored.codec != 0) {
    return incompatible(file,
                        holds + " written by codec " + codec_text(stored.codec) +
                            "; this program uses " + codec_text(mine.codec),
                        "open it with the codec that wrote it");
  }
  if (!stored.name.empty() && !mine.name.empty() && stored.name != mine.name) {
    return incompatible(
        file,
        holds + " of type \"" + stored.name + "\"; this program's type is \"" + mine.name + "\"",
        "check the folder's name, or the type that the program declares");
  }
  if (!mine.name.empty() && stored.schema > mine.schema) {
    return incompatible(file,
                        holds + " of schema " + std::to_string(stored.schema) +
                            "; this program knows up to " + std::to_string(mine.schema),
                        "open it with the newer program that wrote it");
  }
  return {};
}

}  // namespace walkit
