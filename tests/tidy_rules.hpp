#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// What a machine can check of docs/style.md. Each rule takes files as values, so that the tests can
// plant a violation, and answers "path:line: what is wrong".

namespace walkit::tidy {

struct SourceFile {
  std::string path;  // from the root of the project, with '/'
  std::string text;
};
using Tree = std::vector<SourceFile>;
using Findings = std::vector<std::string>;

/// The files under `root` that people write; build trees, golden files and fuzz corpora are not.
[[nodiscard]] Tree read_tree(const std::filesystem::path& root);

/// The text with comments and the insides of literals blanked; lines stay where they are.
[[nodiscard]] std::string code_of(std::string_view text);

[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);
[[nodiscard]] std::string at(const SourceFile& file, std::size_t line, std::string_view what);

/// An include that points up.
[[nodiscard]] Findings wrong_arrows(const Tree& tree);
/// System calls, threads, cereal and googletest outside their folders.
[[nodiscard]] Findings misplaced_headers(const Tree& tree);
[[nodiscard]] Findings over_budget(const Tree& tree);
/// In .cpp files.
[[nodiscard]] Findings long_functions(const Tree& tree);
/// Files that no CMake list names.
[[nodiscard]] Findings unlisted_files(const Tree& tree);
/// What is to be done now, paths of one machine, tests that sleep or do not run.
[[nodiscard]] Findings forbidden_words(const Tree& tree);
/// Of code and CMake. The text of an #error, and what a test expects of it, cannot be split.
[[nodiscard]] Findings long_lines(const Tree& tree);
/// Blocks in Markdown that differ from the example they name.
[[nodiscard]] Findings stale_examples(const Tree& tree);
/// A code of Errc that has no heading in docs/errors.md, or a heading that is no code.
[[nodiscard]] Findings uncatalogued_errors(const Tree& tree);
/// Tests that docs/durability.md and docs/faults.md name, as `Suite.Name` or `Suite.*`, and that
/// are not there.
[[nodiscard]] Findings promises_without_test(const Tree& tree);
/// Lines of docs/faults.md that are missing, or name neither a test nor a reason.
[[nodiscard]] Findings faults_without_test(const Tree& tree);

}  // namespace walkit::tidy
