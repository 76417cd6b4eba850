#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "walkit/codec.hpp"
#include "walkit/log/log_writer.hpp"

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp; walkit.hpp includes it

namespace cli {

/// What the tool knows of the entries. Nothing: they are bytes, of whatever log.
struct Entries {
  std::optional<LogWriter::Contents> contents{};  // any other log is incompatible
  /// A payload as a line, for `cat`.
  std::function<Result<std::string>(BytesView payload, std::uint32_t schema)> describe{};
  /// A line as a payload, for `append`. none, with contents: there is no `append`.
  std::function<Result<Bytes>(std::string_view line)> encode{};
};

/// The tool `walkit`; its exit code. Ignores SIGPIPE and SIGXFSZ in this process. Call it once,
/// from main().
[[nodiscard]] int run(int argc, const char* const* argv, const Entries& entries);

template <class E, class C>
[[nodiscard]] Entries entries_of();

}  // namespace cli

/// The walkit tool as main of your own program: `int main(int argc, char** argv) { return
/// walkit::cli_main<Order>(argc, argv); }`. It prints an entry by `std::string describe(const E&)`
/// beside E, else by <<, else as hex; a log of another codec, type name or newer schema is
/// incompatible (exit code 65). `append` is there where E is std::string. C has a default
/// constructor. The commands and exit codes: docs/tool.md. Link walkit::cli.
template <class E, class C = CerealCodec<E>>
[[nodiscard]] int cli_main(int argc, char** argv) {
  static_assert(
      requires { sizeof(C); },
      "walkit: CerealCodec is not there. Include walkit/cereal_codec.hpp, which needs "
      "RTTI and exceptions, or name another codec: cli_main<E, MyCodec>");
  require_codec<C, E>();
  return cli::run(argc, argv, cli::entries_of<E, C>());
}

namespace cli {

template <class E>
concept Described = requires(const E& entry) {
  { describe(entry) } -> std::convertible_to<std::string>;
};
template <class E>
concept Printed = requires(const E& entry, std::ostream& out) {
  out << entry;
};

template <class E, class C>
Result<std::string> describe_entry(const C& codec, BytesView payload, std::uint32_t schema) {
  return call_codec<Result<std::string>>(Errc::decode, [&]() -> Result<std::string> {
    const Result<E> entry = decode_entry<E>(codec, payload, schema);
    if (!entry) return entry.error();
    if constexpr (Described<E>) {
      return std::string(describe(*entry));
    } else if constexpr (Printed<E>) {
      std::ostringstream out;
      out << *entry;
      return out.str();
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      std::string hex;
      for (const std::byte byte : payload) {
        hex += kDigits[std::to_integer<std::size_t>(byte >> 4)];
        hex += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
      }
      return hex;
    }
  });
}

template <class E, class C>
Entries entries_of() {
  Entries entries{.contents = LogWriter::Contents{CodecId{C::id}.value, entry_type<E>}};
  entries.describe = [codec = C{}](BytesView payload, std::uint32_t schema) {
    return describe_entry<E, C>(codec, payload, schema);
  };
  if constexpr (std::same_as<E, std::string>) {
    entries.encode = [codec = C{}](std::string_view line) -> Result<Bytes> {
      Bytes bytes;
      ByteSink sink(bytes, std::size_t{1} << 31);  // the log's own limit is lower
      if (Status ok = encode_entry(codec, E(line), sink); !ok) return ok.error();
      return bytes;
    };
  }
  return entries;
}

}  // namespace cli
}  // namespace walkit
