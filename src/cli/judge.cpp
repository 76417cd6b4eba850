#include "cli/judge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "log/snapshot.hpp"

namespace walkit::cli {
namespace {

constexpr std::string_view kSettle = "open it for writing, which cuts them";

// What best-effort replay has as numbers, as the error that strict replay makes of it.
ExitCode torn(Report& report, Error error, std::string_view words) {
  error.code = Errc::torn;
  error.next_step = kSettle;
  report.tell(error, words);
  return kTorn;
}

}  // namespace

ExitCode judge(Report& report, const OpenLog& log, const ReplaySummary& summary) {
  for (const Error& warning : summary.warnings) report.warn(warning);
  for (const Error& gap : summary.gaps) report.tell(gap, to_string(gap));
  report["proven_through"] = json_of(summary.proven_through);
  report["torn_bytes"] = summary.torn_bytes;
  report["suspect_bytes"] = summary.suspect_bytes;
  Json& gaps = report["gaps"] = Json::array();
  for (const Error& gap : summary.gaps) gaps.push_back(json_of(gap));
  const EntryIdRange unproven{std::max(summary.entries.first, summary.proven_through + 1),
                              summary.entries.last};
  if (!unproven.empty()) {
    report.note("entries " + to_string(unproven) +
                " are whole, but no finished sync is known to cover them: the writer was stopped; "
                "opening the log for writing makes them durable");
  }
  const auto manifest = manifest_state(*log.home);
  if (!manifest) return report.fail(manifest.error());
  const bool unproven_end = *manifest == ManifestState::missing || *manifest == ManifestState::bad;
  if (unproven_end && !summary.warnings.empty()) report.tell(summary.warnings.front(), "");
  if (!summary.gaps.empty() || unproven_end) return kDamage;
  if (summary.end != ReplaySummary::End::torn_tail) return kIntact;
  const bool suspect = summary.suspect_bytes != 0;
  const std::string bytes =
      fmt::format("{} bytes {}", suspect ? summary.suspect_bytes : summary.torn_bytes,
                  suspect ? "that look suspect" : "of a write that did not finish");
  const std::string after = to_string(summary.entries.last);
  Error end{.message = bytes};
  if (const auto snapshot = log::take_snapshot(*log.home, {}, ReadOptions{}.frame_bytes_max)) {
    end.file = snapshot->survey.newest_file;
    end.offset = snapshot->survey.tail.offset;
  }
  return torn(report, end,
              fmt::format("{} at byte {}: the log ends in {}, after entry {}; nothing known to be "
                          "acknowledged is lost. Next: {}",
                          end.file, end.offset, bytes, after, kSettle));
}

ExitCode judge_end(Report& report, Directory& home) {
  const auto snapshot = log::take_snapshot(home, {}, ReadOptions{}.frame_bytes_max);
  if (!snapshot) return report.fail(snapshot.error());
  for (const Error& warning : snapshot->listing.warnings) report.warn(warning);
  if (snapshot->listing.manifest_slot() == nullptr) {
    if (!snapshot->listing.warnings.empty()) report.tell(snapshot->listing.warnings.front(), "");
    return kDamage;
  }
  if (snapshot->live) return kIntact;
  const log::Survey& survey = snapshot->survey;
  if (Status ok = log::tail_error(survey); !ok) return report.fail(ok.error());
  const bool is_torn = survey.decision.verdict == log::TailVerdict::torn;
  if (!is_torn && survey.decision.verdict != log::TailVerdict::suspect) return kIntact;
  const std::string bytes =
      fmt::format("{} {} bytes", survey.tail.dirty_bytes, is_torn ? "torn" : "suspect");
  return torn(report, {.message = bytes, .file = survey.newest_file, .offset = survey.tail.offset},
              fmt::format("{} ends in {} at byte {}. Next: {}", survey.newest_file, bytes,
                          survey.tail.offset, kSettle));
}

void tell_writer(Report& report, const std::string& writer, std::string_view words) {
  report["in_use_by"] = writer.empty() ? Json() : Json(writer);
  if (!writer.empty()) report.note("in use by " + writer + std::string(words));
}

Status tell_writer(Report& report, const Place& place, std::string_view words) {
  const auto home = place.home();
  if (!home) return home.error();
  const auto writer = writer_of(**home);
  if (!writer) return writer.error();
  tell_writer(report, *writer, words);
  return {};
}

}  // namespace walkit::cli
