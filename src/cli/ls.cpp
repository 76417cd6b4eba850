#include <fmt/format.h>

#include <vector>

#include "cli/output.hpp"
#include "cli/place.hpp"
#include "cli/text.hpp"
#include "log/segment_name.hpp"
#include "log/snapshot.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::cli {
namespace {

struct Row {
  std::string file{}, entries{}, bytes{}, state{};
};

std::string manifest_words(ManifestState state) {
  switch (state) {
    case ManifestState::whole:
      return "whole";
    case ManifestState::one_bad_slot:
      return "one bad slot";
    case ManifestState::bad:
      return "bad";
    case ManifestState::missing:
      return "missing";
  }
  return {};
}

Result<std::string> size_of(Directory& home, std::string_view file) {
  const auto opened = home.open(file, OpenMode::read);
  if (!opened && opened.error().code == Errc::not_found) return std::string("-");
  if (!opened) return opened.error();
  const auto size = (*opened)->size();
  if (!size) return size.error();
  return std::to_string(*size);
}

Result<std::vector<Row>> other_rows(Directory& home, const std::string& writer) {
  const auto manifest = manifest_state(home);
  if (!manifest) return manifest.error();
  const auto manifest_size = size_of(home, log::kManifestName);
  if (!manifest_size) return manifest_size.error();
  const auto lock_size = size_of(home, kLockFileName);
  if (!lock_size) return lock_size.error();
  const std::string free = *lock_size == "-" ? "missing" : "free";
  return std::vector<Row>{
      {std::string(log::kManifestName), "-", *manifest_size, manifest_words(*manifest)},
      {std::string(kLockFileName), "-", *lock_size, writer.empty() ? free : "held by " + writer}};
}

void print(Output& out, const std::vector<Row>& rows) {
  std::size_t file = 0, entries = 0, bytes = 0;
  for (const Row& row : rows) {
    file = std::max(file, row.file.size());
    entries = std::max(entries, row.entries.size());
    bytes = std::max(bytes, row.bytes.size());
  }
  for (const Row& row : rows) {
    out.write(fmt::format("{:<{}}  {:<{}}  {:>{}}  {}\n", row.file, file, row.entries, entries,
                          row.bytes, bytes, row.state));
  }
}

// The newest segment was read to its end; what is before it is for verify.
ExitCode judge_tail(const log::Snapshot& snapshot) {
  for (const Error& warning : snapshot.listing.warnings) say(to_string(warning));
  if (snapshot.listing.manifest_slot() == nullptr) return kDamage;
  if (snapshot.live) return kIntact;
  if (Status ok = log::tail_error(snapshot.survey); !ok) return fail(ok.error());
  const log::TailVerdict verdict = snapshot.survey.decision.verdict;
  const bool torn = verdict == log::TailVerdict::torn;
  if (!torn && verdict != log::TailVerdict::suspect) return kIntact;
  say(fmt::format("{} ends in {} {} bytes at byte {}", snapshot.survey.newest_file,
                  snapshot.survey.tail.dirty_bytes, torn ? "torn" : "suspect",
                  snapshot.survey.tail.offset));
  return kTorn;
}

}  // namespace

ExitCode ls(const std::string& directory) {
  const auto place = find_log(directory, FsAccess::read_only);
  if (!place) return fail(place.error());
  const ReadOptions options{.subdirectory = place->subdirectory};
  const auto reader = LogReader::open(place->parent, options, std::nullopt);
  if (!reader) return fail(reader.error());
  const auto home = place->home();
  if (!home) return fail(home.error());
  const auto writer = writer_of(**home);
  if (!writer) return fail(writer.error());
  const auto segments = reader->segments();
  if (!segments) return fail(segments.error());
  const auto others = other_rows(**home, *writer);
  if (!others) return fail(others.error());
  const auto snapshot = log::take_snapshot(**home, {}, options.frame_bytes_max);
  if (!snapshot) return fail(snapshot.error());

  std::vector<Row> rows{{"FILE", "ENTRIES", "BYTES", "STATE"}};
  for (const SegmentInfo& segment : *segments) {
    const bool active = segment.state == SegmentInfo::State::active;
    rows.push_back({segment.file, to_string(segment.entries), std::to_string(segment.bytes),
                    active ? "active" : "sealed"});
  }
  rows.insert(rows.end(), others->begin(), others->end());
  Output out;
  print(out, rows);
  if (Status ok = out.finish(); !ok) return fail(ok.error());
  if (!writer->empty()) say("in use by " + *writer);
  return judge_tail(*snapshot);
}

}  // namespace walkit::cli
