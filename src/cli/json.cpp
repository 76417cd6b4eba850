#include "cli/json.hpp"

#include "cli/text.hpp"

namespace walkit::cli {
namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

std::string_view origin_words(RecoveryReport::Origin origin) {
  switch (origin) {
    case RecoveryReport::Origin::created:
      return "created";
    case RecoveryReport::Origin::clean_close:
      return "clean_close";
    case RecoveryReport::Origin::crash:
      return "crash";
  }
  return "";
}

}  // namespace

Json json_of(EntryIdRange range) {
  if (range.empty()) return {};
  return {{"first", range.first.value}, {"last", range.last.value}};
}

Json json_of(const Error& error) {
  return {{"code", to_string(error.code)},
          {"message", error.message},
          {"file", text_or_null(error.file)},
          {"offset", error.file.empty() ? Json() : Json(error.offset)},
          {"lost", json_of(error.lost)},
          {"os_error", error.os_error == 0 ? Json() : Json(error.os_error)},
          {"next_step", text_or_null(error.next_step)}};
}

Json json_of(const RecoveryReport& report) {
  return {
      {"origin", origin_words(report.origin)},  {"entries", json_of(report.entries)},
      {"rewritten", json_of(report.rewritten)}, {"torn_bytes", report.torn_bytes},
      {"suspect_bytes", report.suspect_bytes},  {"foreign_files", report.foreign_files},
      {"swept_files", report.swept_files},      {"quarantined_files", report.quarantined_files}};
}

Json json_of(EntryId id) { return id == EntryId{} ? Json() : Json(id.value); }

Json json_of_time(std::uint64_t time_ns) {
  return time_ns == 0 ? Json() : Json(time_words(time_ns));
}

void put_payload(Json& line, std::string_view payload) {
  if (is_text(payload)) {
    line["text"] = payload;
  } else {
    line["hex"] = hex(payload);
  }
}

std::string line_of(const Json& json) {
  constexpr bool kAsciiOnly = true;
  return json.dump(-1, ' ', kAsciiOnly, Json::error_handler_t::replace) + "\n";
}

}  // namespace walkit::cli
