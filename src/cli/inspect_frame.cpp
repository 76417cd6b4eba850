#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "cli/inspect.hpp"
#include "cli/text.hpp"

namespace walkit::cli {
namespace {

using namespace log;

constexpr std::size_t kShownBodyBytes = 256;

// docs/format.md, "Frames".
struct Field {
  std::size_t at, bytes;
  const char* name;
};
constexpr Field kFields[] = {{0, 4, "magic"},       {4, 4, "header_crc"}, {8, 4, "stored_bytes"},
                             {12, 4, "body_bytes"}, {16, 8, "first_id"},  {24, 8, "watermark"},
                             {32, 8, "offset"},     {40, 8, "time"},      {48, 4, "chain"},
                             {52, 4, "body_crc"},   {56, 4, "count"},     {60, 1, "kind"},
                             {61, 2, "flags"},      {63, 1, "end_mark"}};

std::uint64_t number_at(BytesView bytes, const Field& field) {
  std::uint64_t number = 0;
  for (std::size_t i = field.bytes; i-- > 0;) {
    number = number << 8 | std::to_integer<std::uint64_t>(bytes[field.at + i]);
  }
  return number;
}

bool is_crc(std::string_view name) { return name.ends_with("crc") || name == "chain"; }

std::string value_words(const Field& field, std::uint64_t value) {
  const std::string_view name = field.name;
  if (name == "magic" || name == "end_mark") return "";
  if (name == "time") return value == 0 ? "-" : time_words(value);
  return is_crc(name) ? fmt::format("{:08x}", value) : std::to_string(value);
}

std::string spaced_hex(BytesView bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<int>(byte));
  }
  return text;
}

std::string check_words(std::uint32_t expected, std::uint32_t computed) {
  if (expected == computed) return "ok";
  return fmt::format("expected {:08x}, computed {:08x}   MISMATCH", expected, computed);
}

struct Checks {
  std::uint32_t header_crc = 0;             // as computed
  std::optional<std::uint32_t> body_crc{};  // none: the body is not all there
  std::string words(const Field& field, std::uint64_t value) const {
    const std::string_view name = field.name;
    const auto stored = static_cast<std::uint32_t>(value);
    if (name == "header_crc") return check_words(stored, header_crc);
    if (name == "body_crc") return body_crc ? check_words(stored, *body_crc) : "body is cut short";
    if (name == "magic") return stored == 0x726657f7 ? "ok" : "no frame's";
    if (name == "end_mark") return stored == 0xa5 ? "ok" : "MISSING";
    return "";
  }
};

// The annotated header, and the beginning of the body.
class Annotation {
 public:
  Annotation(BytesView head, BytesView body, const Checks& checks) {
    fields_ = Json::array();
    for (const Field& field : kFields) {
      const BytesView bytes = head.subspan(field.at, field.bytes);
      const std::uint64_t value = number_at(head, field);
      const std::string words = value_words(field, value), check = checks.words(field, value);
      lines_ +=
          fmt::format("  +{:<3} {:<13} {:<24} {}{}{}\n", field.at, field.name, spaced_hex(bytes),
                      words, words.empty() || check.empty() ? "" : "   ", check);
      fields_.push_back({{"at", field.at},
                         {"name", field.name},
                         {"hex", hex(as_text(bytes))},
                         {"value", value},
                         {"check", check.empty() ? Json() : Json(check)}});
    }
    const std::string_view shown = as_text(body).substr(0, kShownBodyBytes);
    for (std::size_t at = 0; at < shown.size(); at += 16) {
      lines_ += "  " + hex_line(kFrameHeaderBytes + at, shown.substr(at, 16));
    }
    if (body.size() > shown.size()) {
      lines_ += fmt::format("  and {} body bytes more\n", body.size() - shown.size());
    }
    body_ = hex(shown);
  }
  [[nodiscard]] const std::string& lines() const { return lines_; }
  [[nodiscard]] const Json& fields() const { return fields_; }
  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  std::string lines_{}, body_{};
  Json fields_{};
};

// Where the next valid frame stands, seen from `offset`.
Result<std::string> next_words(Report& report, SegmentFileView& segment, std::uint64_t offset,
                               EntryId after, std::uint64_t from) {
  FrameWalk::Start start = segment.start;
  start.offset = from;
  start.chain = std::nullopt;
  start.expected = after;
  FrameWalk walk(*segment.file, start);
  const auto step = walk.next();
  if (!step) return step.error();
  const FrameHeader* next = step->frame ? &step->frame->header : nullptr;
  if (step->bad && step->bad->next) next = &*step->bad->next;
  report["next_frame"] = next != nullptr ? Json(next->offset) : Json();
  if (next == nullptr) return std::string("next valid frame: none\n");
  const EntryIdRange missing = step->bad ? step->bad->missing : step->frame->missing;
  report["skipped_bytes"] = next->offset - from;
  report["missing"] = json_of(missing);
  return fmt::format(
      "next valid frame: {} (entry {}), {} bytes behind byte {}, {} bytes skipped, "
      "{} ids missing\n",
      next->offset, next->first.value, next->offset - offset, offset, next->offset - from,
      missing.size());
}

struct Before {
  EntryId expected{};       // the id that comes at the offset
  std::uint64_t place = 0;  // where the frame or bad place begins that the offset lies in
};

Result<Before> look_before(SegmentFileView& segment, std::uint64_t offset) {
  Before before{.expected = segment.start.expected, .place = segment.start.offset};
  FrameWalk walk(*segment.file, segment.start);
  while (walk.position() <= offset) {
    const std::uint64_t place = walk.position();
    const auto step = walk.next();
    if (!step) return step.error();
    if (!step->frame && !step->bad) break;
    before.place = place;
    if (step->frame && place < offset) {
      before.expected = step->frame->header.first + step->frame->header.count;
    }
  }
  return before;
}

Error no_frame_there(const SegmentFileView& segment, std::uint64_t offset, std::uint64_t place) {
  return {
      .code = Errc::invalid_argument,
      .message = fmt::format("no frame begins here; the place it lies in begins at byte {}", place),
      .file = segment.name,
      .offset = offset,
      .next_step = fmt::format("`walkit inspect --offset {}`, or without it for all", place)};
}

}  // namespace

ExitCode inspect_frame(Report& report, SegmentFileView& segment, std::uint64_t offset) {
  FileWindow window(*segment.file);
  const auto head_view = window.at(offset, kFrameHeaderBytes);
  if (!head_view) return report.finish(report.fail(head_view.error()));
  if (head_view->size() < kFrameHeaderBytes) {
    return report.finish(report.fail({.code = Errc::invalid_argument,
                                      .message = "the file ends before a frame could stand there",
                                      .file = segment.name,
                                      .offset = offset}));
  }
  const Bytes head(head_view->begin(), head_view->end());
  const std::uint32_t seed = segment.start.seed;
  const auto header = decode_frame_header(head, seed, offset);
  const std::uint64_t body_bytes = header ? header->body_bytes : kShownBodyBytes;
  const std::uint64_t begin = offset + kFrameHeaderBytes;
  Checks checks{.header_crc = crc32c(BytesView(head).subspan(8), seed)};
  // Piece by piece: what a header says may be more than memory holds.
  std::uint64_t read = 0;
  std::uint32_t crc = seed;
  while (header && read < body_bytes) {
    constexpr std::uint64_t kPieceBytes = 64 << 10;
    const auto piece = window.at(begin + read, std::min(kPieceBytes, body_bytes - read));
    if (!piece) return report.finish(report.fail(piece.error()));
    if (piece->empty()) break;
    crc = crc32c(*piece, crc);
    read += piece->size();
  }
  if (header && read == body_bytes) checks.body_crc = crc;
  const auto shown = window.at(begin, std::min<std::uint64_t>(body_bytes, kShownBodyBytes));
  if (!shown) return report.finish(report.fail(shown.error()));
  const Annotation annotation(head, *shown, checks);

  auto before = look_before(segment, offset);
  if (!before) return report.finish(report.fail(before.error()));
  if (header) before->expected = header->first + header->count;
  const std::uint64_t from = header ? header->end() : (offset / 8 + 1) * 8;
  report["kind"] = "segment";
  report["offset"] = offset;
  report["holds"] = header.has_value();
  report["fields"] = annotation.fields();
  report["body"] = annotation.body();
  const auto next = next_words(report, segment, offset, before->expected, from);
  if (!next) return report.finish(report.fail(next.error()));

  const std::string what = header ? kind_words(*header) + " " + ids_words(*header) : "no frame";
  std::string lines = fmt::format("byte {} of {}: {}\n", offset, escape(segment.name), what);
  ExitCode code = kIntact;
  const bool body_holds = header && checks.body_crc == header->body_crc;
  if (!header && before->place != offset) {
    code = report.fail(no_frame_there(segment, offset, before->place));
  } else if (!header || !body_holds) {
    code = report.fail({.code = Errc::corrupt,
                        .message = header ? "the body of this frame does not hold"
                                          : why_no_header(head, seed, offset),
                        .file = segment.name,
                        .offset = offset,
                        .next_step = "`walkit inspect` without --offset lists the frames"});
  }
  return report.finish(code, lines + annotation.lines() + *next);
}

}  // namespace walkit::cli
