#include "walkit/log/reports.hpp"

namespace walkit {
namespace {

std::string_view origin_text(RecoveryReport::Origin origin) {
  switch (origin) {
    case RecoveryReport::Origin::created:
      return "created";
    case RecoveryReport::Origin::clean_close:
      return "closed cleanly";
    case RecoveryReport::Origin::crash:
      return "recovered after a crash";
  }
  return "";
}

void add_files(std::string& text, std::string_view what, const std::vector<std::string>& files) {
  if (files.empty()) return;
  text += "; " + std::string(what) + ":";
  for (const std::string& file : files) text += " " + file;
}

}  // namespace

std::string to_string(const RecoveryReport& report) {
  std::string text =
      "log " + std::string(origin_text(report.origin)) + ": entries " + to_string(report.entries);
  if (!report.rewritten.empty()) {
    text += "; " + to_string(report.rewritten) + " were not proven durable and were written again";
  }
  if (report.torn_bytes > 0) {
    text += "; " + std::to_string(report.torn_bytes) + " bytes of an unfinished write cut";
  }
  if (report.suspect_bytes > 0) {
    text += "; " + std::to_string(report.suspect_bytes) +
            " suspect bytes cut, never known to be acknowledged";
  }
  add_files(text, "left alone, not of this log", report.foreign_files);
  add_files(text, "swept", report.swept_files);
  add_files(text, "moved to quarantine/", report.quarantined_files);
  for (const Error& warning : report.warnings) text += "; " + to_string(warning);
  return text;
}

std::string to_string(const Verdict& verdict) {
  std::string text = "durable through " + to_string(verdict.durable_through);
  if (!verdict.in_doubt.empty()) text += "; in doubt: " + to_string(verdict.in_doubt);
  text += verdict.failure ? "; refuses work: " + to_string(*verdict.failure) : "; healthy";
  return text;
}

}  // namespace walkit
