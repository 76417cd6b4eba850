#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/judge.hpp"
#include "cli/text.hpp"
#include "log/segment_name.hpp"
#include "log/snapshot.hpp"

namespace walkit::cli {
namespace {

struct Row {
  std::string file{};
  std::optional<EntryIdRange> entries{};  // none: not known, or no segment
  std::optional<std::uint64_t> bytes{};   // none: the file is not there
  std::string state{};
};

Result<std::optional<std::uint64_t>> size_of(Directory& home, std::string_view file) {
  const auto opened = home.open(file, OpenMode::read);
  if (!opened && opened.error().code == Errc::not_found) return std::nullopt;
  if (!opened) return opened.error();
  const auto size = (*opened)->size();
  if (!size) return size.error();
  return std::optional(*size);
}

// What is there and what is not, for a log that the library refuses to list.
class Inventory {
 public:
  explicit Inventory(Directory& home) : home_(home) {}

  Result<std::vector<Row>> rows();

 private:
  void mark_hole(std::uint64_t first, std::uint64_t last);
  Status add(const log::SegmentFile& segment, const log::SegmentFile* next);
  [[nodiscard]] std::optional<EntryId> last_of(const log::SegmentFile& segment) const;

  Directory& home_;
  std::vector<Row> rows_{};
};

// A number may be anything that a name can hold, so a hole is one row.
void Inventory::mark_hole(std::uint64_t first, std::uint64_t last) {
  rows_.push_back({.file = first == last ? fmt::format("(segment {})", first)
                                         : fmt::format("(segments {} to {})", first, last),
                   .state = "MISSING"});
}

std::optional<EntryId> Inventory::last_of(const log::SegmentFile& segment) const {
  const auto opened = log::open_segment(home_, segment);
  if (!opened) return std::nullopt;
  const auto tail =
      log::read_tail(*opened->file, opened->header, ReadOptions{}.frame_bytes_max, EntryId{});
  if (!tail) return std::nullopt;
  return tail->last();
}

Status Inventory::add(const log::SegmentFile& segment, const log::SegmentFile* next) {
  Row row{.file = segment.file};
  const auto bytes = size_of(home_, segment.file);
  if (!bytes) return bytes.error();
  row.bytes = *bytes;
  const auto opened = log::open_segment(home_, segment);
  if (!opened && opened.error().code == Errc::io) return opened.error();
  const bool followed = next != nullptr && next->name.number == segment.name.number + 1;
  row.state = !opened ? "bad header" : followed ? "sealed" : "last before a hole";
  if (opened && next == nullptr) row.state = "newest";
  const auto last = followed ? std::optional(next->name.first - 1) : last_of(segment);
  if (last) row.entries = EntryIdRange{segment.name.first, *last};
  rows_.push_back(std::move(row));
  return {};
}

Result<std::vector<Row>> Inventory::rows() {
  log::Listing listing;
  if (Status ok = log::classify_names(home_, listing); !ok) return ok.error();
  const auto& segments = listing.segments;
  const auto manifest = log::read_manifest(home_);
  const log::ManifestSlot* slot = manifest ? manifest->newest() : nullptr;
  std::uint64_t expected = slot != nullptr ? std::max<std::uint64_t>(slot->first_segment, 1) : 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::uint64_t number = segments[i].name.number;
    if (expected != 0 && number > expected) mark_hole(expected, number - 1);
    const auto* next = i + 1 < segments.size() ? &segments[i + 1] : nullptr;
    if (Status ok = add(segments[i], next); !ok) return ok.error();
    expected = number + 1;
  }
  if (slot != nullptr && slot->last_segment >= expected && slot->last_segment != 0) {
    mark_hole(expected, slot->last_segment);
  }
  return std::move(rows_);
}

Result<std::vector<Row>> segment_rows(const OpenLog& log) {
  const auto segments = log.reader.segments();
  if (!segments && segments.error().code == Errc::corrupt) return Inventory(*log.home).rows();
  if (!segments) return segments.error();
  std::vector<Row> rows;
  for (const SegmentInfo& segment : *segments) {
    const bool active = segment.state == SegmentInfo::State::active;
    rows.push_back({segment.file, segment.entries, segment.bytes, active ? "active" : "sealed"});
  }
  return rows;
}

Result<std::vector<Row>> other_rows(Directory& home, const std::string& writer) {
  const auto manifest = manifest_state(home);
  if (!manifest) return manifest.error();
  const auto manifest_size = size_of(home, log::kManifestName);
  if (!manifest_size) return manifest_size.error();
  const auto lock_size = size_of(home, kLockFileName);
  if (!lock_size) return lock_size.error();
  const std::string free = *lock_size ? "free" : "missing";
  return std::vector<Row>{
      {std::string(log::kManifestName), {}, *manifest_size, std::string(to_string(*manifest))},
      {std::string(kLockFileName), {}, *lock_size, writer.empty() ? free : "held by " + writer}};
}

std::string lines_of(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> cells{{"FILE", "ENTRIES", "BYTES", "STATE"}};
  for (const Row& row : rows) {
    cells.push_back({escape(row.file), row.entries ? to_string(*row.entries) : "-",
                     row.bytes ? std::to_string(*row.bytes) : "-", row.state});
  }
  return table(cells, "<<>");
}

Json files_of(const std::vector<Row>& rows) {
  Json files = Json::array();
  for (const Row& row : rows) {
    Json file{{"file", row.file}, {"entries", {}}, {"bytes", {}}, {"state", row.state}};
    if (row.entries) file["entries"] = json_of(*row.entries);
    if (row.bytes) file["bytes"] = *row.bytes;
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

ExitCode ls(const LookOptions& options, const Entries& entries) {
  Report report("ls", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  const auto log = open_log(options.directory, entries);
  if (!log) return report.finish(report.fail(log.error()));
  const auto writer = writer_of(*log->home);
  if (!writer) return report.finish(report.fail(writer.error()));
  auto rows = segment_rows(*log);
  if (!rows) return report.finish(report.fail(rows.error()));
  const auto others = other_rows(*log->home, *writer);
  if (!others) return report.finish(report.fail(others.error()));
  rows->insert(rows->end(), others->begin(), others->end());
  report["files"] = files_of(*rows);
  tell_writer(report, *writer, "");
  const ExitCode code = judge_end(report, *log->home);
  return report.finish(code, lines_of(*rows));
}

}  // namespace walkit::cli
