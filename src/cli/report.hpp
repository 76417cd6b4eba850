#pragma once

#include <string>
#include <string_view>

#include "cli/cli.hpp"
#include "cli/json.hpp"

namespace walkit::cli {

/// "intact", "torn", "damaged" and so on.
[[nodiscard]] std::string_view verdict_words(ExitCode code);

/// How a command answers: words on stderr as they come; on stdout, at the end, lines or one JSON
/// document that holds the words too. One thread.
class Report {
 public:
  enum class Form { lines, json };

  /// `name` is the schema's: "verify" makes "walkit.verify/1".
  Report(std::string_view name, Form form);
  [[nodiscard]] bool is_json() const { return form_ == Form::json; }
  /// A member of the document.
  Json& operator[](const char* member) { return document_[member]; }

  void note(std::string_view words);
  void warn(const Error& warning);
  /// The exit code for it. The first error is the document's.
  ExitCode fail(const Error& error);
  /// Puts an error that ends no command, such as a torn end, and says it in these words, if any.
  void tell(const Error& error, std::string_view words);

  /// Writes the document or `lines`; the exit code, which is another only where stdout fails.
  ExitCode finish(ExitCode code, std::string_view lines = {});
  /// For who writes a document in parts: all up to the "[" of the member `array`, and the members
  /// at its end.
  [[nodiscard]] std::string opening(const char* array) const;
  [[nodiscard]] Json ending(ExitCode code) const;

 private:
  Form form_;
  Json document_, warnings_ = Json::array(), notes_ = Json::array(), error_{};
};

}  // namespace walkit::cli
