#include <fmt/format.h>

#include "cli/output.hpp"
#include "cli/place.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::cli {
namespace {

// What was read, whether the end was reached or not.
struct Findings {
  EntryIdRange entries{};
  std::uint64_t count = 0, payload_bytes = 0, segments = 0;
  std::string file{};  // of the last entry
};

Result<Step> note(Findings& findings, const EntryView& entry) {
  if (findings.count == 0) findings.entries.first = entry.entry_id;
  findings.entries.last = entry.entry_id;
  ++findings.count;
  findings.payload_bytes += entry.payload.size();
  if (entry.file != findings.file) {
    findings.file = entry.file;
    ++findings.segments;
  }
  return Step::next;
}

std::string_view verdict_words(ExitCode code) {
  switch (code) {
    case kIntact:
      return "intact";
    case kTorn:
      return "torn";
    case kDamage:
      return "damaged";
    case kIncompatible:
      return "incompatible";
    default:
      return "not finished";
  }
}

void tell_how_it_stopped(const Place& place, const LogReader& reader) {
  const auto home = place.home();
  if (!home) return;
  const auto writer = writer_of(**home);
  if (writer && !writer->empty()) {
    return say("in use by " + *writer + ": read up to what is durable");
  }
  const auto segments = reader.segments();
  const bool closed =
      !segments || segments->empty() || segments->back().state == SegmentInfo::State::sealed;
  if (!closed) say("the last writer did not close the log");
}

}  // namespace

ExitCode verify(const std::string& directory) {
  const auto place = find_log(directory, FsAccess::read_only);
  if (!place) return fail(place.error());
  const auto reader =
      LogReader::open(place->parent, {.subdirectory = place->subdirectory}, std::nullopt);
  if (!reader) return fail(reader.error());
  Findings findings;
  const auto summary = reader->replay(
      ReplayMode::strict, {}, [&](const EntryView& entry) { return note(findings, entry); });
  ExitCode code = kIntact;
  if (summary) {
    tell_how_it_stopped(*place, *reader);
    code = judge(*place, *summary);
  } else {
    code = fail(summary.error());
  }
  Output out;
  out.write(
      fmt::format("verdict: {}\nentries: {}\ncount: {}\npayload bytes: {}\n"
                  "segments with entries: {}\n",
                  verdict_words(code), to_string(findings.entries), findings.count,
                  findings.payload_bytes, findings.segments));
  if (summary) out.write(fmt::format("proven through: {}\n", summary->proven_through.value));
  if (Status ok = out.finish(); !ok) return fail(ok.error());
  return code;
}

}  // namespace walkit::cli
