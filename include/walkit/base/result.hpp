#pragma once

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iosfwd>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

#include "walkit/base/types.hpp"

namespace walkit {

/// By what the caller does next: fix the call, create, wait, settle, repair, upgrade, free space,
/// reopen. docs/errors.md has a heading for each.
enum class Errc : std::uint8_t {
  invalid_argument = 1,
  not_found,
  already_exists,
  locked,
  torn,
  corrupt,
  incompatible,
  too_large,
  no_space,
  no_memory,
  io,
  poisoned,
  gap,
  rewound,
  decode,
  encode,
  not_supported,
  closed
};

/// What happened, where, what is lost, and what to do. A value; any thread.
struct Error {
  Errc code = Errc::io;
  std::string message{};  // what was found, what was expected
  std::string file{};     // name inside the directory; "": no file is to blame
  std::uint64_t offset = 0;
  EntryIdRange lost{};      // corrupt: gone; gap: asked for but trimmed; poisoned: in doubt
  int os_error = 0;         // errno, or 0
  std::string next_step{};  // what to do, or the command to run
};

/// A copy; all but its texts where there is no memory for them.
[[nodiscard]] Error copy_of(const Error& error) noexcept;

[[nodiscard]] std::string_view to_string(Errc code);
/// One line, all of it: "code: file at byte n: message; gone: 5..9. Next: ...".
[[nodiscard]] std::string to_string(const Error& error);
std::ostream& operator<<(std::ostream& out, Errc code);
std::ostream& operator<<(std::ostream& out, const Error& error);

/// What Result::value() throws where there is none: what() is the whole error.
struct BadResult : tl::bad_expected_access<Error> {
  explicit BadResult(const Error& error);
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

/// A tl::expected that cannot be dropped unseen. `return error;` hands an error on. A value: as
/// thread-safe as T.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  // Not defaulted: `return {};` would fill the room for an Error with zeros first.
  Result() requires std::is_default_constructible_v<Base> {}
  Result(Base base) : Base(std::move(base)) {}
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}

  /// On an error throws BadResult; built without exceptions, prints the error and aborts.
  auto value() & -> std::add_lvalue_reference_t<T> {
    require();
    if constexpr (!std::is_void_v<T>) return **this;
  }
  auto value() const& -> std::add_lvalue_reference_t<const T> {
    require();
    if constexpr (!std::is_void_v<T>) return **this;
  }
  /// Moved out by value, so that `for (auto& r : log.replay().value())` is safe.
  auto value() && -> T {
    require();
    if constexpr (!std::is_void_v<T>) return std::move(**this);
  }

  /// Drops it on purpose, where a search finds it.
  void ignore([[maybe_unused]] std::string_view why) const noexcept {}

 private:
  void require() const {
    if (this->has_value()) return;
#ifdef __cpp_exceptions
    throw BadResult(this->error());
#else
    std::fprintf(stderr, "%s\n", to_string(this->error()).c_str());
    std::abort();
#endif
  }
};

using Status = Result<void>;

}  // namespace walkit

// Without this and_then() refuses a continuation that returns Result.
template <class T>
struct tl::detail::is_expected_impl<walkit::Result<T>> : std::true_type {};
