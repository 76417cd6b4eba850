#include "walkit/testing/golden_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "walkit/io/fs_directory.hpp"

namespace walkit::testing {
namespace {

constexpr std::string_view kFirstLine = "walkit golden entries 1";
constexpr std::size_t kBytesPerLine = 16;

std::string_view taken(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view piece = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return piece;
}

std::optional<std::uint32_t> number(std::string_view text, int base = 10) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string hex(BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    if (!text.empty()) text += ' ';
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15u];
  }
  return text;
}

bool read_hex(std::string_view line, Bytes& into) {
  while (!line.empty()) {
    const std::string_view digits = taken(line, ' ');
    const auto byte = digits.size() == 2 ? number(digits, 16) : std::nullopt;
    if (!byte) return false;
    into.push_back(static_cast<std::byte>(*byte));
  }
  return true;
}

/// One line below the first; false if it says nothing that is known.
bool read_line(std::string_view line, GoldenFile& golden) {
  std::string_view rest = line;
  const std::string_view word = taken(rest, ' ');
  if (word == "codec") {
    golden.codec = std::string(rest);
  } else if (word == "type") {
    golden.type_name = std::string(rest);
  } else if (word == "schema") {
    const auto schema = number(rest);
    if (!schema) return false;
    golden.schema = *schema;
  } else if (word == "entry") {
    if (number(rest) != golden.payloads.size() + 1) return false;
    golden.payloads.emplace_back();
  } else {
    return !golden.payloads.empty() && read_hex(line, golden.payloads.back());
  }
  return true;
}

struct Place {
  std::string folder{}, name{};
};

Place place_of(std::string_view file) {
  const std::size_t slash = file.rfind('/');
  if (slash == std::string_view::npos) return {".", std::string(file)};
  return {std::string(file.substr(0, slash + 1)), std::string(file.substr(slash + 1))};
}

Result<std::string> read_text(const Place& place) {
  auto folder = FsDirectory::open(place.folder, {.access = FsAccess::read_only});
  if (!folder) return folder.error();
  auto file = (*folder)->open(place.name, OpenMode::read);
  if (!file) return file.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  Bytes bytes(*size);
  const auto read = (*file)->read_at(0, bytes);
  if (!read) return read.error();
  return std::string(as_text(BytesView(bytes).first(*read)));
}

Status write_text(const Place& place, std::string_view text) {
  auto folder = FsDirectory::open(place.folder);
  if (!folder) return folder.error();
  auto file = (*folder)->open(place.name, OpenMode::create);
  if (!file) return file.error();
  const BytesView bytes = as_bytes(text);
  return (*file)->write_at(0, {&bytes, 1});
}

bool may_create() {
  const char* said = std::getenv("WALKIT_GOLDEN");
  return said != nullptr && std::string_view(said) == "create";
}

}  // namespace

std::string golden_text(const GoldenFile& golden) {
  std::string text = std::string(kFirstLine) + "\ncodec " + golden.codec + "\ntype " +
                     golden.type_name + "\nschema " + std::to_string(golden.schema) + "\n";
  std::size_t entry = 0;
  for (const Bytes& payload : golden.payloads) {
    text += "\nentry " + std::to_string(++entry) + "\n";
    for (BytesView left = payload; !left.empty();) {
      const BytesView line = left.first(std::min(left.size(), kBytesPerLine));
      text += hex(line) + "\n";
      left = left.subspan(line.size());
    }
  }
  return text;
}

Result<GoldenFile> parse_golden(std::string_view text) {
  GoldenFile golden;
  const std::size_t bytes = text.size();
  bool first = true;
  while (!text.empty()) {
    const std::uint64_t offset = bytes - text.size();
    const std::string_view line = taken(text, '\n');
    const bool fine = first ? line == kFirstLine : line.empty() || read_line(line, golden);
    if (!fine || (first && text.empty())) {
      return Error{.code = Errc::decode,
                   .message = "this line stands in no golden file: " + std::string(line),
                   .offset = offset};
    }
    first = false;
  }
  if (first) return Error{.code = Errc::decode, .message = "the golden file is empty"};
  return golden;
}

Result<GoldenFile> open_golden(std::string_view file, const GoldenFile& made) {
  const Place place = place_of(file);
  Result<std::string> text = read_text(place);
  if (!text && text.error().code == Errc::not_found) {
    if (!may_create()) {
      return Error{.code = Errc::not_found,
                   .message = "the golden file is missing",
                   .file = std::string(file),
                   .next_step =
                       "run the test once with WALKIT_GOLDEN=create in the environment, "
                       "and keep the file it writes"};
    }
    if (Status ok = write_text(place, golden_text(made)); !ok) return ok.error();
    text = read_text(place);
  }
  Result<GoldenFile> golden = text ? parse_golden(*text) : Result<GoldenFile>(text.error());
  if (golden) return golden;
  Error error = std::move(golden).error();
  error.file = std::string(file);
  return error;
}

Status same_kind(std::string_view file, const GoldenFile& stored, const GoldenFile& mine) {
  const auto differs = [&](const std::string& what, const std::string& found,
                           const std::string& expected) -> Status {
    return Error{.code = Errc::incompatible,
                 .message = what + " " + found + "; the test has " + expected,
                 .file = std::string(file),
                 .next_step = "keep this file as it is, and give a change a file of its own"};
  };
  if (stored.codec != mine.codec) return differs("was written by codec", stored.codec, mine.codec);
  if (stored.type_name != mine.type_name) {
    return differs("holds entries of type", stored.type_name, mine.type_name);
  }
  if (stored.schema > mine.schema) {
    return differs("holds entries of schema", std::to_string(stored.schema),
                   std::to_string(mine.schema));
  }
  if (stored.payloads.size() != mine.payloads.size()) {
    return differs("the number of entries is", std::to_string(stored.payloads.size()),
                   std::to_string(mine.payloads.size()));
  }
  return {};
}

std::string codec_text(std::uint32_t codec) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (const char c = static_cast<char>(codec >> shift); c != '\0') text += c;
  }
  return text;
}

std::string difference(BytesView found, BytesView expected) {
  std::size_t at = 0;
  while (at != found.size() && at != expected.size() && found[at] == expected[at]) ++at;
  const auto byte = [at](BytesView bytes) {
    return at < bytes.size() ? hex(bytes.subspan(at, 1)) : std::string("the end");
  };
  return "at byte " + std::to_string(at) + " " + byte(found) + ", in the file " + byte(expected);
}

}  // namespace walkit::testing
