#include "log/backup_list.hpp"

#include <charconv>
#include <optional>

#include "base/crc32c.hpp"
#include "log/segment_name.hpp"

namespace walkit::log {
namespace {

constexpr std::string_view kTitle = "walkit backup ";
constexpr std::string_view kVersion = "0";
constexpr std::uint64_t kTextBytesMax = 64 << 20;  // of half a million segments

std::string hex(std::uint64_t value, int digits) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(static_cast<std::size_t>(digits), '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

std::string hex(const LogIdentity& log) {
  std::string text;
  for (const std::byte b : log) text += hex(std::to_integer<unsigned>(b), 2);
  return text;
}

Error bad_list(std::string message) {
  return {.code = Errc::corrupt,
          .message = std::move(message),
          .file = std::string(kBackupListName),
          .next_step = "take another backup"};
}

template <class T>
std::optional<T> number(std::string_view text, int base) {
  T value{};
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes what stands before `end` off the front, and `end` with it.
std::optional<std::string_view> take(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

std::optional<LogIdentity> parse_identity(std::string_view text) {
  LogIdentity log;
  if (text.size() != 2 * log.size()) return std::nullopt;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto byte = number<std::uint8_t>(text.substr(2 * i, 2), 16);
    if (!byte) return std::nullopt;
    log[i] = std::byte{*byte};
  }
  return log;
}

std::optional<BackupFile> parse_file(std::string_view line) {
  const auto crc = take(line, ' ');
  const auto bytes = crc ? take(line, ' ') : std::nullopt;
  if (!bytes || crc->size() != 8) return std::nullopt;
  const auto crc_value = number<std::uint32_t>(*crc, 16);
  const auto bytes_value = number<std::uint64_t>(*bytes, 10);
  if (!crc_value || !bytes_value || line.empty()) return std::nullopt;
  return BackupFile{std::string(line), *bytes_value, *crc_value};
}

// The lines between the first and the last.
std::optional<BackupList> parse_lines(std::string_view text) {
  BackupList list;
  const auto log = take(text, '\n');
  if (!log || !log->starts_with("log ")) return std::nullopt;
  const auto identity = parse_identity(log->substr(4));
  auto entries = take(text, '\n');
  if (!identity || !entries || !entries->starts_with("entries ")) return std::nullopt;
  list.log = *identity;
  entries->remove_prefix(8);
  const auto first = take(*entries, ' ');
  const auto first_id = first ? number<std::uint64_t>(*first, 10) : std::nullopt;
  const auto last_id = number<std::uint64_t>(*entries, 10);
  if (!first_id || !last_id) return std::nullopt;
  list.entries = {EntryId{*first_id}, EntryId{*last_id}};
  while (!text.empty()) {
    const auto line = take(text, '\n');
    auto file = line ? parse_file(*line) : std::nullopt;
    if (!file) return std::nullopt;
    list.files.push_back(std::move(*file));
  }
  return list;
}

}  // namespace

std::string to_text(const BackupList& list) {
  std::string text = std::string(kTitle) + std::string(kVersion) + "\n";
  text += "log " + hex(list.log) + "\n";
  text += "entries " + to_string(list.entries.first) + " " + to_string(list.entries.last) + "\n";
  for (const BackupFile& file : list.files) {
    text += hex(file.crc, 8) + " " + std::to_string(file.bytes) + " " + file.name + "\n";
  }
  return text + "end " + hex(crc32c(as_bytes(text)), 8) + "\n";
}

Result<BackupList> parse_backup_list(std::string_view text) {
  constexpr std::size_t kEndBytes = sizeof "end 01234567";  // its newline in place of the zero
  if (text.size() < kEndBytes || !text.starts_with(kTitle)) return bad_list("is no such list");
  const std::string_view end = text.substr(text.size() - kEndBytes);
  text.remove_suffix(kEndBytes);
  if (end != "end " + hex(crc32c(as_bytes(text)), 8) + "\n") return bad_list("checksum differs");
  text.remove_prefix(kTitle.size());
  const auto version = take(text, '\n');
  if (!version || *version != kVersion) {
    Error newer = bad_list("a list of another version");
    newer.code = Errc::incompatible;
    newer.next_step = "ask the walkit that wrote it, or a newer one";
    return newer;
  }
  auto list = parse_lines(text);
  if (!list) return bad_list("lines that do not belong there");
  return std::move(*list);
}

Status write_backup_list(Directory& copy, const BackupList& list) {
  const std::string temporary = std::string(kBackupListName) + std::string(kTemporarySuffix);
  const auto file = copy.open(temporary, OpenMode::create);
  if (!file) return file.error();
  const std::string text = to_text(list);
  const BytesView parts[] = {as_bytes(text)};
  if (Status ok = (*file)->write_at(0, parts); !ok) return ok;
  if (Status ok = (*file)->sync(); !ok) return ok;
  if (Status ok = copy.rename({.from = temporary, .to = kBackupListName}); !ok) return ok;
  return copy.sync();
}

Result<BackupList> read_backup_list(Directory& copy) {
  const auto file = copy.open(kBackupListName, OpenMode::read);
  if (!file && file.error().code == Errc::not_found) {
    return Error{.code = Errc::not_found,
                 .message = "no file of that name: a backup that was interrupted, or none",
                 .file = std::string(kBackupListName),
                 .next_step = "take it again, into an empty folder"};
  }
  if (!file) return file.error();
  const auto bytes = (*file)->size();
  if (!bytes) return bytes.error();
  if (*bytes > kTextBytesMax) return bad_list("too large for a list");
  std::string text(*bytes, '\0');
  const auto got = (*file)->read_at(0, std::as_writable_bytes(std::span(text)));
  if (!got) return got.error();
  text.resize(*got);
  return parse_backup_list(text);
}

}  // namespace walkit::log
