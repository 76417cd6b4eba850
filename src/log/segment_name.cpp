#include "log/segment_name.hpp"

#include <charconv>

namespace walkit::log {
namespace {

constexpr std::size_t kDigits = 20;  // of 2^64 - 1
constexpr std::string_view kSuffix = ".wal";
constexpr std::size_t kNameBytes = kDigits + 1 + kDigits + kSuffix.size();

std::string digits(std::uint64_t value) {
  std::string text = std::to_string(value);
  return std::string(kDigits - text.size(), '0') + text;
}

std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end) return std::nullopt;
  return value;
}

}  // namespace

std::string to_string(const SegmentName& name) {
  return digits(name.number) + "-" + digits(name.first.value) + std::string(kSuffix);
}

std::optional<SegmentName> parse_segment_name(std::string_view text) noexcept {
  if (text.size() != kNameBytes || text[kDigits] != '-' || !text.ends_with(kSuffix)) {
    return std::nullopt;
  }
  const auto number = parse_digits(text.substr(0, kDigits));
  const auto first = parse_digits(text.substr(kDigits + 1, kDigits));
  if (!number || !first || *number == 0 || *first == 0) return std::nullopt;
  return SegmentName{*number, EntryId{*first}};
}

bool is_temporary_name(std::string_view text) noexcept {
  if (!text.ends_with(kTemporarySuffix)) return false;
  const std::string_view stem = text.substr(0, text.size() - kTemporarySuffix.size());
  return stem == kManifestName || parse_segment_name(stem).has_value();
}

}  // namespace walkit::log
