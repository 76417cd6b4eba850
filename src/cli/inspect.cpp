#include "cli/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/little_endian.hpp"
#include "cli/place.hpp"
#include "cli/text.hpp"
#include "log/evidence_files.hpp"
#include "log/segment_name.hpp"

namespace walkit::cli {
namespace {

using namespace log;

constexpr std::uint64_t kFrameBytesMax = 256u << 20;

enum class FileKind { segment, manifest, lock, unknown };

bool begins_with(BytesView bytes, const FileMagic& magic) {
  return as_text(bytes).substr(0, magic.size()) == std::string_view(magic.data(), magic.size());
}

// By the magic; by the name where that is damaged.
FileKind kind_of(BytesView bytes, std::string_view name) {
  if (begins_with(bytes, kSegmentMagic)) return FileKind::segment;
  if (begins_with(bytes, kManifestMagic)) return FileKind::manifest;
  if (begins_with(bytes, kLockMagic)) return FileKind::lock;
  if (parse_segment_name(name)) return FileKind::segment;
  if (name == kManifestName) return FileKind::manifest;
  return name == kLockFileName ? FileKind::lock : FileKind::unknown;
}

// A header that does not hold still has its fields; one frame that fits proves the salt.
void guess_start(SegmentFileView& view, BytesView bytes) {
  constexpr std::size_t kIdentity = 32, kNumber = 48, kEpoch = 64, kSalt = 72;
  view.frames_are_found = false;
  view.start.frame_bytes_max = kFrameBytesMax;
  if (bytes.size() < kSegmentHeaderBytes) return;
  const auto number_at = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
  LogIdentity identity;
  std::copy_n(bytes.begin() + kIdentity, identity.size(), identity.begin());
  for (const std::uint64_t salt :
       {segment_salt(identity, number_at(kNumber), number_at(kEpoch)), number_at(kSalt)}) {
    for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
      const std::uint64_t at = first_frame_offset(layout);
      if (view.frames_are_found || bytes.size() < at + kFrameHeaderBytes) continue;
      view.start.seed = frame_seed(salt);
      view.start.offset = at;
      view.frames_are_found =
          decode_frame_header(bytes.subspan(at), view.start.seed, at).has_value();
    }
  }
}

void take_header(SegmentFileView& view, BytesView bytes) {
  auto header = decode_segment_header(bytes);
  if (header) {
    view.start = {
        .seed = frame_seed(header->salt()),
        .offset = first_frame_offset(header->layout),
        .chain = header->crc,
        .expected = header->first,
        .frame_bytes_max = std::min<std::uint64_t>(header->max_frame_bytes, kFrameBytesMax)};
    view.header = std::move(*header);
    return;
  }
  view.header_fault = header.error();
  view.header_fault->file = view.name;
  if (view.header_fault->next_step.empty()) view.header_fault->next_step = "verify the log";
  guess_start(view, bytes);
}

// What is known once the end of the file is reached.
struct Findings {
  std::uint64_t frames = 0, bad_places = 0, end = 0;
  EntryId watermark{};
  EntryId first_bad{};      // the lowest id that a fault concerns
  bool impossible = false;  // a fault behind checksums that hold, which no crash leaves
  std::optional<Error> error{};
};

void note_fault(Findings& findings, Error fault, EntryId id) {
  if (findings.bad_places++ == 0) {
    findings.first_bad = id;
    findings.error = std::move(fault);
  }
}

// A frame on a line, or in an array.
class FrameLines {
 public:
  FrameLines(Output& out, const Report& report) : out_(out), json_(report.is_json()) {}

  void begin() {
    if (json_) return;
    line("OFFSET", "KIND", "IDS", "WATERMARK", "BYTES", "FLAGS", "TIME", "CHECK");
  }
  void frame(const FoundFrame& frame);
  void bad(const BadPlace& bad);
  [[nodiscard]] bool stopped() const { return out_.stopped(); }

 private:
  template <class... Cells>
  void line(const Cells&... cells) {
    out_.write(fmt::format("{:>10}  {:<7}  {:<15}  {:>9}  {:>9}  {:<8}  {:<30}  {}\n", cells...));
  }
  void element(const Json& json) {
    const std::string text = line_of(json);
    out_.write((first_ ? "" : ",") + text.substr(0, text.size() - 1));
    first_ = false;
  }

  Output& out_;
  const bool json_;
  bool first_ = true;
};

std::vector<std::string> flags_of(const FrameHeader& header) {
  std::vector<std::string> flags;
  if ((header.flags & kFlagSchema) != 0) flags.push_back("schema");
  if ((header.flags & kFlagRehomed) != 0) flags.push_back("rehomed");
  if (const int unknown = header.flags & ~kFlagsKnown) {
    flags.push_back(fmt::format("{:#x}", unknown));
  }
  return flags;
}

void FrameLines::frame(const FoundFrame& frame) {
  const FrameHeader& header = frame.header;
  const std::uint64_t bytes = kFrameHeaderBytes + std::uint64_t{header.stored_bytes};
  const auto flags = flags_of(header);
  if (json_) {
    Json json{{"offset", header.offset},
              {"kind", kind_words(header)},
              {"entries",
               header.count != 0 ? json_of(EntryIdRange{header.first, header.last()}) : Json()},
              {"expected", header.first.value},
              {"watermark", header.durable_through.value},
              {"bytes", bytes},
              {"body_bytes", header.body_bytes},
              {"flags", flags},
              {"time", json_of_time(header.time_ns)},
              {"fault", frame.fault.empty() ? Json() : Json(frame.fault)}};
    return element(json);
  }
  std::string words;
  for (const std::string& flag : flags) words += (words.empty() ? "" : ",") + flag;
  line(header.offset, kind_words(header), ids_words(header), header.durable_through.value, bytes,
       words.empty() ? "-" : words, header.time_ns == 0 ? "-" : time_words(header.time_ns),
       frame.fault.empty() ? "ok" : escape(frame.fault));
}

void FrameLines::bad(const BadPlace& bad) {
  const std::uint64_t bytes = bad.end - bad.begin;
  if (json_) {
    return element({{"offset", bad.begin},
                    {"kind", "bad_place"},
                    {"bytes", bytes},
                    {"next_frame", bad.next ? Json(bad.end) : Json()},
                    {"missing", json_of(bad.missing)},
                    {"fault", bad.fault}});
  }
  std::string next = "no valid frame behind it";
  if (bad.next) {
    next = fmt::format("next valid frame: {} (entry {}), {} ids missing", bad.end,
                       bad.next->first.value, bad.missing.size());
    if (!bad.missing.empty()) next += ": " + to_string(bad.missing);
  }
  out_.write(fmt::format("{:>10}  BAD      {}; {} bytes skipped; {}\n", bad.begin,
                         escape(bad.fault), bytes, next));
}

Error fault_at(const SegmentFileView& view, std::uint64_t offset, std::string message,
               EntryIdRange lost = {}) {
  return {.code = Errc::corrupt,
          .message = std::move(message),
          .file = view.name,
          .offset = offset,
          .lost = lost,
          .next_step = "`walkit verify` on the folder tells if acknowledged entries are lost"};
}

Status walk(const SegmentFileView& view, Findings& findings, FrameLines& lines) {
  FrameWalk frames(*view.file, view.start);
  EntryId expected = view.start.expected;
  while (!lines.stopped()) {
    const auto step = frames.next();
    if (!step) return step.error();
    findings.end = frames.position();
    if (step->frame) {
      const FoundFrame& frame = *step->frame;
      ++findings.frames;
      findings.watermark = std::max(findings.watermark, frame.header.durable_through);
      if (!frame.fault.empty()) {
        const bool torn = frame.body_crc != frame.header.body_crc;
        findings.impossible = findings.impossible || !torn;
        note_fault(findings, fault_at(view, frame.header.offset, frame.fault, frame.missing),
                   expected == EntryId{} ? frame.header.first : expected);
      }
      expected = frame.header.first + frame.header.count;
      lines.frame(frame);
    } else if (step->bad) {
      note_fault(findings, fault_at(view, step->bad->begin, step->bad->fault, step->bad->missing),
                 expected);
      lines.bad(*step->bad);
      if (step->bad->next) expected = step->bad->next->first;
    } else {
      break;
    }
  }
  return {};
}

// One file alone proves loss only by the watermarks in it.
ExitCode judge(Report& report, const SegmentFileView& view, const Findings& findings) {
  if (view.header_fault) return report.fail(*view.header_fault);
  if (!findings.error) return kIntact;
  const bool lost = findings.first_bad <= findings.watermark || findings.impossible;
  if (lost) return report.fail(*findings.error);
  if (view.live) {
    report.note("somebody writes this log: its end is in motion");
    return kIntact;
  }
  Error torn = *findings.error;
  torn.code = Errc::torn;
  return report.fail(torn);
}

ExitCode inspect_segment(Report& report, SegmentFileView view) {
  Output out;
  const auto size = view.file->size();
  if (!size) return report.finish(report.fail(size.error()));
  report["kind"] = "segment";
  report["bytes"] = *size;
  report["header"] = view.header ? fields_of(*view.header) : Json();
  if (report.is_json()) {
    out.write(report.opening("frames"));
  } else {
    out.write(escape(view.name) + ": segment\n");
    out.write(view.header ? lines_of(fields_of(*view.header)) : "  its header does not hold\n");
  }
  Findings findings;
  if (view.header) findings.watermark = view.header->durable_through;
  FrameLines lines(out, report);
  Status walked;
  if (view.frames_are_found) {
    lines.begin();
    walked = walk(view, findings, lines);
  }
  const ExitCode code = walked ? judge(report, view, findings) : report.fail(walked.error());
  if (report.is_json()) {
    Json found{{"frame_count", findings.frames},
               {"bad_places", findings.bad_places},
               {"watermark", findings.watermark.value},
               {"end", findings.end}};
    found.update(report.ending(code));
    out.write("]," + line_of(found).substr(1));
  } else {
    out.write(fmt::format("{} frames, {} bad places; {} of {} bytes used\n", findings.frames,
                          findings.bad_places, findings.end, *size));
  }
  const Status written = out.finish();
  return written ? code : fail(written.error());
}

ExitCode inspect_manifest(Report& report, const std::string& name, BytesView bytes) {
  report["kind"] = "manifest";
  Json& slots = report["slots"] = Json::array();
  std::string lines = escape(name) + ": manifest\n";
  std::optional<Error> fault;
  std::size_t good = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t begin = std::min(i * kManifestSlotBytes, bytes.size());
    const BytesView rest = bytes.subspan(begin);
    auto slot = decode_manifest_slot(rest.first(std::min(rest.size(), kManifestSlotBytes)));
    lines += fmt::format("slot {} at {}\n", i, i * kManifestSlotBytes);
    const bool misplaced = slot && slot->generation % 2 != i;
    if (slot && !misplaced) {
      ++good;
      slots.push_back(fields_of(*slot));
      lines += lines_of(slots.back());
      continue;
    }
    Error error = slot ? Error{.code = Errc::corrupt, .message = "the slot of the other place"}
                       : slot.error();
    error.file = name;
    error.offset = i * kManifestSlotBytes;
    slots.push_back({{"fault", error.message}});
    lines += "  " + error.message + "\n";
    if (!fault || error.code == Errc::incompatible) fault = error;
  }
  ExitCode code = kIntact;
  if (fault && (good == 0 || fault->code == Errc::incompatible)) {
    code = report.fail(*fault);
  } else if (fault) {
    report.warn(*fault);
  }
  return report.finish(code, lines);
}

ExitCode inspect_lock(Report& report, const std::string& name, BytesView bytes,
                      const std::string& writer) {
  report["kind"] = "lock";
  report["in_use_by"] = writer.empty() ? Json() : Json(writer);
  const auto record = decode_lock_record(bytes);
  Json& fields = report["record"] = record ? fields_of(*record) : Json();
  if (!record) report.note(name + ": " + record.error().message + "; it is no evidence, no error");
  return report.finish(kIntact, escape(name) + ": lock, " +
                                    (writer.empty() ? "free" : "held by " + writer) + "\n" +
                                    (record ? lines_of(fields) : ""));
}

}  // namespace

ExitCode inspect(const InspectOptions& options) {
  Report report("inspect", options.json ? Report::Form::json : Report::Form::lines);
  report["file"] = options.file;
  const std::filesystem::path path = options.file;
  const std::string name = path.filename();
  if (std::error_code unknown; std::filesystem::is_directory(path, unknown)) {
    return report.finish(
        report.fail({.code = Errc::invalid_argument,
                     .message = "found a directory, expected a segment, MANIFEST or LOCK",
                     .file = options.file,
                     .next_step = "`walkit ls` names the files of a log"}));
  }
  const auto folder = FsDirectory::open(path.has_parent_path() ? path.parent_path() : ".",
                                        {.access = FsAccess::read_only});
  if (!folder) return report.finish(report.fail(folder.error()));
  auto file = (*folder)->open(name, OpenMode::read);
  if (!file) return report.finish(report.fail(file.error()));
  Bytes bytes(kManifestBytes);
  const auto got = (*file)->read_at(0, bytes);
  if (!got) return report.finish(report.fail(got.error()));
  bytes.resize(*got);
  const auto writer = writer_of(**folder);
  if (!writer) return report.finish(report.fail(writer.error()));
  const FileKind kind = kind_of(bytes, name);
  if (options.offset && kind != FileKind::segment) {
    return report.finish(report.fail(
        {.code = Errc::invalid_argument, .message = "--offset is for segments", .file = name}));
  }
  switch (kind) {
    case FileKind::manifest:
      return inspect_manifest(report, name, bytes);
    case FileKind::lock:
      return inspect_lock(report, name, bytes, *writer);
    case FileKind::segment:
      break;
    case FileKind::unknown:
      return report.finish(report.fail({.code = Errc::not_found,
                                        .message = "neither a segment, MANIFEST nor LOCK",
                                        .file = name,
                                        .next_step = "`walkit ls` names the files of a log"}));
  }
  SegmentFileView view{.file = std::move(*file), .name = name, .live = !writer->empty()};
  take_header(view, bytes);
  if (options.offset) return inspect_frame(report, view, *options.offset);
  return inspect_segment(report, std::move(view));
}

}  // namespace walkit::cli
