#include "cli/report.hpp"

#include "cli/output.hpp"

namespace walkit::cli {

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

Report::Report(std::string_view name, Form form)
    : form_(form), document_{{"schema", "walkit." + std::string(name) + "/1"}} {}

void Report::note(std::string_view words) {
  say(words);
  notes_.push_back(words);
}

void Report::warn(const Error& warning) {
  say(to_string(warning));
  warnings_.push_back(json_of(warning));
}

ExitCode Report::fail(const Error& error) {
  tell(error, to_string(error));
  return exit_code(error.code);
}

void Report::tell(const Error& error, std::string_view words) {
  if (!words.empty()) say(words);
  if (error_.is_null()) error_ = json_of(error);
}

std::string Report::opening(const char* array) const {
  const std::string whole = line_of(document_);
  return whole.substr(0, whole.rfind('}')) + ",\"" + array + "\":[";
}

Json Report::ending(ExitCode code) const {
  return {{"verdict", verdict_words(code)},
          {"exit_code", static_cast<int>(code)},
          {"error", error_},
          {"warnings", warnings_},
          {"notes", notes_}};
}

ExitCode Report::finish(ExitCode code, std::string_view lines) {
  Output out;
  if (is_json()) {
    document_.update(ending(code));
    out.write(line_of(document_));
  } else {
    out.write(lines);
  }
  const Status written = out.finish();
  return written ? code : cli::fail(written.error());
}

}  // namespace walkit::cli
