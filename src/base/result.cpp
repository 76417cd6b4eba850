#include "walkit/base/result.hpp"

#include <algorithm>
#include <array>
#include <new>
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
  switch (code) {
    case Errc::poisoned:
      return "; in doubt: ";
    case Errc::gap:
      return "; trimmed: ";
    case Errc::invalid_argument:
      return "; at stake: ";  // nothing was done
    default:
      return "; gone: ";
  }
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

/// What codecs and file systems say may have several lines, and a period that would be doubled.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const char shown = is_control(c) ? ' ' : c;
    if (shown != ' ' || (!line.empty() && line.back() != ' ')) line += shown;
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}

/// A name keeps its spaces, or nobody finds the file.
std::string printable(std::string name) {
  std::replace_if(name.begin(), name.end(), is_control, '?');
  return name;
}

}  // namespace

Error copy_of(const Error& error) noexcept {
  try {
    return error;
  } catch (const std::bad_alloc&) {
    // Fits into the string itself.
    return {.code = error.code,
            .message = "out of memory",
            .offset = error.offset,
            .lost = error.lost,
            .os_error = error.os_error};
  }
}

std::string_view to_string(Errc code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : std::string_view{"unknown"};
}

std::string to_string(const Error& error) {
  std::string text{to_string(error.code)};
  if (!error.file.empty()) text += ": " + printable(error.file);
  if (error.offset > 0) {
    text += error.file.empty() ? ": at byte " : " at byte ";
    text += std::to_string(error.offset);
  }
  const std::string message = one_line(error.message);
  if (!message.empty()) text += ": " + message;
  if (error.os_error != 0) {
    const std::string reason = "(" + std::system_category().message(error.os_error) + ")";
    // A verdict repeats what its cause says.
    if (!message.ends_with(reason)) text += " " + reason;
  }
  if (!error.lost.empty()) {
    text += loss_word(error.code);
    text += to_string(error.lost);
  }
  const std::string next = one_line(error.next_step);
  if (!next.empty()) text += ". Next: " + next;
  return text;
}

std::ostream& operator<<(std::ostream& out, Errc code) { return out << to_string(code); }
std::ostream& operator<<(std::ostream& out, const Error& error) { return out << to_string(error); }

BadResult::BadResult(const Error& error)
    : tl::bad_expected_access<Error>(error), text_(to_string(error)) {}

}  // namespace walkit
