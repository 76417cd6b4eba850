#include "walkit/base/result.hpp"

#include <array>
#include <ostream>
#include <system_error>

namespace walkit {
namespace {

constexpr std::array<std::string_view, 19> kNames = {"",          "invalid_argument",
                                                     "not_found", "already_exists",
                                                     "locked",    "torn",
                                                     "corrupt",   "incompatible",
                                                     "too_large", "no_space",
                                                     "no_memory", "io",
                                                     "poisoned",  "gap",
                                                     "rewound",   "decode",
                                                     "encode",    "not_supported",
                                                     "closed"};
static_assert(kNames.size() == static_cast<std::size_t>(Errc::closed) + 1);

std::string_view loss_word(Errc code) {
  if (code == Errc::poisoned) return "; in doubt: ";
  return code == Errc::gap ? "; trimmed: " : "; gone: ";
}

}  // namespace

std::string_view to_string(Errc code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : std::string_view{"unknown"};
}

std::string to_string(const Error& error) {
  std::string text{to_string(error.code)};
  if (!error.file.empty()) text += ": " + error.file;
  if (!error.file.empty() && error.offset > 0) text += " at byte " + std::to_string(error.offset);
  if (!error.message.empty()) text += ": " + error.message;
  if (error.os_error != 0) {
    text += " (" + std::system_category().message(error.os_error) + ")";
  }
  if (!error.lost.empty()) {
    text += loss_word(error.code);
    text += to_string(error.lost);
  }
  if (!error.next_step.empty()) text += ". Next: " + error.next_step;
  return text;
}

std::ostream& operator<<(std::ostream& out, Errc code) { return out << to_string(code); }
std::ostream& operator<<(std::ostream& out, const Error& error) { return out << to_string(error); }

BadResult::BadResult(const Error& error)
    : tl::bad_expected_access<Error>(error), text_(to_string(error)) {}

}  // namespace walkit
