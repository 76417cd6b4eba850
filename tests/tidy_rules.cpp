#include "tidy_rules.hpp"

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

namespace walkit::tidy {
namespace {

using Words = std::initializer_list<std::string_view>;

bool contains(Words words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool under(std::string_view path, Words folders) {
  return std::any_of(folders.begin(), folders.end(),
                     [&](std::string_view folder) { return path.starts_with(folder); });
}

bool is_cpp(std::string_view path) { return path.ends_with(".cpp"); }
bool is_header(std::string_view path) { return path.ends_with(".hpp"); }
bool is_code(std::string_view path) { return is_cpp(path) || is_header(path); }
bool is_cmake(std::string_view path) {
  return path.ends_with("CMakeLists.txt") || path.ends_with(".cmake");
}

template <class OnLine>
void for_each_line(std::string_view text, OnLine&& on_line) {
  std::size_t number = 0;
  for (const std::string& line : lines_of(text)) on_line(++number, line);
}

const SourceFile* find(const Tree& tree, std::string_view path) {
  const auto file =
      std::find_if(tree.begin(), tree.end(), [&](const SourceFile& f) { return f.path == path; });
  return file == tree.end() ? nullptr : &*file;
}

// ---- Includes ---------------------------------------------------------------------------------

template <class OnInclude>
void for_each_include(const Tree& tree, OnInclude&& on_include) {
  static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  for (const SourceFile& file : tree) {
    if (!is_code(file.path)) continue;
    for_each_line(file.text, [&](std::size_t number, const std::string& line) {
      std::smatch match;
      if (std::regex_search(line, match, include)) on_include(file, number, match[1].str());
    });
  }
}

/// Where the included file lies in the project; "" for a file of somebody else.
std::string resolve(std::string_view include) {
  if (include.starts_with("walkit/")) return "include/" + std::string(include);
  if (under(include, {"base/", "io/", "log/", "checkpoint/", "app/", "testing/", "cli/"})) {
    return "src/" + std::string(include);
  }
  return "";
}

std::string_view layer_of(std::string_view path) {
  if (path == "include/walkit/version.hpp") return "base";
  // Suites over the user's own types stand on the typed layer.
  if (under(path, {"include/walkit/testing/codec_suite", "include/walkit/testing/golden.hpp",
                   "include/walkit/testing/fuzz", "include/walkit/testing/matchers",
                   "include/walkit/testing/suites"})) {
    return "typed testing";
  }
  if (path == "include/walkit/checkpoint/checkpoint_store.hpp") return "walkit";
  if (contains({"include/walkit/app/raft_types.hpp", "include/walkit/app/kv_types.hpp"}, path)) {
    return "base";  // values, which suites share
  }
  for (const std::string_view root : {"include/walkit/", "src/"}) {
    if (!path.starts_with(root)) continue;
    path.remove_prefix(root.size());
    for (const std::string_view layer : {"base", "io", "log", "checkpoint", "testing", "app"}) {
      if (path.starts_with(std::string(layer) + "/")) return layer;
    }
    return path.starts_with("cli/") ? "leaf" : "walkit";
  }
  return "leaf";
}

bool may_use(std::string_view from, std::string_view to) {
  if (from == to || from == "leaf") return true;
  if (from == "base") return false;
  if (from == "io") return to == "base";
  if (from == "log" || from == "checkpoint" || from == "testing")
    return contains({"base", "io"}, to);
  if (from == "walkit") return contains({"base", "io", "log", "checkpoint"}, to);
  if (from == "app") return contains({"base", "io", "log", "checkpoint", "walkit"}, to);
  return to != "leaf" && to != "app";  // typed testing
}

bool stays_below(std::string_view path, std::string_view target) {
  if (!may_use(layer_of(path), layer_of(target))) return false;
  // A public header, and an application, use what users can use.
  if (under(path, {"include/"})) return !target.starts_with("src/");
  return !path.starts_with("src/app/") || under(target, {"include/", "src/app/"});
}

/// Why `path` may not include the header of somebody else; "" if it may.
std::string_view why_not(std::string_view path, std::string_view include) {
  const bool leaf = layer_of(path) == "leaf";
  if (under(include, {"gtest/", "gmock/"})) {
    const bool fine = under(path, {"tests/", "include/walkit/testing/matchers.hpp"});
    return fine ? "" : "googletest belongs into tests/ and walkit/testing/matchers.hpp";
  }
  if (leaf) return "";
  if (include.starts_with("cereal/")) {
    const bool fine = under(path, {"include/walkit/cereal_", "include/walkit/app/", "src/app/"});
    return fine ? "" : "cereal belongs into walkit/cereal_*.hpp and app";
  }
  if (contains({"thread", "condition_variable", "future", "latch", "barrier", "semaphore"},
               include)) {
    const bool fine = under(path, {"src/log/", "src/checkpoint/", "src/testing/", "src/app/"});
    return fine ? "" : "threads belong into src/log, src/checkpoint, src/testing and src/app";
  }
  const bool system = under(include, {"sys/", "linux/", "asm/"}) ||
                      contains({"unistd.h", "fcntl.h", "dirent.h", "poll.h", "signal.h", "fstream",
                                "sched.h", "pthread.h"},
                               include) ||
                      (include == "filesystem" &&
                       !under(path, {"include/walkit/io/", "include/walkit/cereal_std.hpp"}));
  return system && !path.starts_with("src/io/") ? "system calls belong into src/io" : "";
}

// ---- Lists ------------------------------------------------------------------------------------

std::set<std::string> words_of_cmake(const SourceFile* file) {
  std::set<std::string> words;
  if (file == nullptr) return words;
  static const std::regex comment("#[^\n]*"), separator("[\\s()\"]+");
  const std::string text = std::regex_replace(file->text, comment, "");
  std::copy(std::sregex_token_iterator(text.begin(), text.end(), separator, -1), {},
            std::inserter(words, words.end()));
  return words;
}

/// A list in the folder of `path` or above it names it by its path from there.
bool is_listed(const Tree& tree, std::string_view path) {
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash != 0;
       slash = path.rfind('/', slash - 1)) {
    const std::string list = std::string(path.substr(0, slash)) + "/CMakeLists.txt";
    if (words_of_cmake(find(tree, list)).contains(std::string(path.substr(slash + 1)))) return true;
  }
  return false;
}

// ---- Examples ---------------------------------------------------------------------------------

std::string without_indent(const std::vector<std::string>& lines) {
  std::size_t indent = std::string::npos;
  for (const std::string& line : lines) {
    if (const auto begin = line.find_first_not_of(' '); begin != std::string::npos) {
      indent = std::min(indent, begin);
    }
  }
  std::string text;
  for (const std::string& line : lines) {
    text += (line.size() > indent ? line.substr(indent) : "") + "\n";
  }
  return text;
}

/// What stands between `// [readme]` and `// [/readme]`, or all of it.
std::string shown_part(const SourceFile& file) {
  const std::vector<std::string> lines = lines_of(file.text);
  const auto marker = [&](std::string_view text) {
    return std::find_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find_first_not_of(' ') != std::string::npos &&
             std::string_view(line).substr(line.find_first_not_of(' ')) == text;
    });
  };
  const auto begin = marker("// [readme]"), end = marker("// [/readme]");
  if (begin == lines.end() || end < begin) return without_indent(lines);
  return without_indent({begin + 1, end});
}

}  // namespace

std::string at(const SourceFile& file, std::size_t line, std::string_view what) {
  return file.path + ":" + std::to_string(line) + ": " + std::string(what);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Tree read_tree(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  Tree tree;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    const std::string path = entry->path().lexically_relative(root).generic_string();
    if (path == ".git") {  // a folder, or the file of a second work tree
      entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_directory()) {
      const bool hidden = path.starts_with('.') && path != ".ci";
      const bool data = contains({"build", "tests/golden", "fuzz/corpus"}, path);
      if (hidden || data) entry.disable_recursion_pending();
      continue;
    }
    std::ifstream in(entry->path(), std::ios::binary);
    tree.push_back({path, {std::istreambuf_iterator<char>(in), {}}});
  }
  std::sort(tree.begin(), tree.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return tree;
}

Findings wrong_arrows(const Tree& tree) {
  Findings found;
  for_each_include(tree, [&](const SourceFile& file, std::size_t line, const std::string& include) {
    const std::string target = resolve(include);
    if (target.empty() || stays_below(file.path, target)) return;
    found.push_back(at(file, line, "must not include " + include));
  });
  return found;
}

Findings misplaced_headers(const Tree& tree) {
  Findings found;
  for_each_include(tree, [&](const SourceFile& file, std::size_t line, const std::string& include) {
    const std::string_view why = why_not(file.path, include);
    if (!why.empty()) found.push_back(at(file, line, include + ": " + std::string(why)));
  });
  return found;
}

Findings over_budget(const Tree& tree) {
  Findings found;
  for (const SourceFile& file : tree) {
    if (!is_code(file.path)) continue;
    const std::size_t budget = is_header(file.path)              ? 200
                               : file.path.starts_with("tests/") ? 350
                                                                 : 400;
    const std::size_t lines = lines_of(file.text).size();
    if (lines <= budget + budget / 3) continue;
    found.push_back(at(file, lines,
                       "a file of " + std::to_string(lines) + " lines, the budget is " +
                           std::to_string(budget) + ": split it"));
  }
  return found;
}

Findings unlisted_files(const Tree& tree) {
  Findings found;
  const std::string kPublic = "include/walkit/";
  for (const SourceFile& file : tree) {
    bool listed = true;
    if (file.path.ends_with("_test.cpp") && file.path.starts_with("tests/")) {
      listed = is_listed(tree, file.path);
    } else if (is_cpp(file.path) && under(file.path, {"src/"})) {
      listed = is_listed(tree, file.path);
    } else if (is_header(file.path) && file.path.starts_with(kPublic)) {
      listed = is_listed(tree, "src/" + file.path.substr(kPublic.size()));
    } else if (is_cpp(file.path) && file.path.starts_with("examples/")) {
      listed = is_listed(tree, file.path.substr(0, file.path.size() - 4));
    }
    if (!listed) found.push_back(at(file, 1, "stands in no CMakeLists.txt"));
  }
  return found;
}

Findings forbidden_words(const Tree& tree) {
  static const std::regex todo(R"(TODO\(now\))");
  static const std::regex place(R"((^|[\s"'`(=:])/(home|root|work|Users)/)");
  static const std::regex sleeping(R"(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\()");
  static const std::regex skipped(R"(GTEST_SKIP|DISABLED_)");
  Findings found;
  const auto search = [&](const SourceFile& file, const std::string& text, const std::regex& word,
                          std::string_view what) {
    for_each_line(text, [&](std::size_t number, const std::string& line) {
      if (std::regex_search(line, word)) found.push_back(at(file, number, what));
    });
  };
  for (const SourceFile& file : tree) {
    search(file, file.text, todo, "to be done before this goes anywhere");
    search(file, file.text, place, "a path of one machine");
    if (!file.path.starts_with("tests/") || !is_code(file.path)) continue;
    const std::string code = code_of(file.text);
    search(file, code, sleeping, "a test that sleeps");
    search(file, code, skipped, "a test that does not run");
  }
  return found;
}

Findings long_lines(const Tree& tree) {
  constexpr std::ptrdiff_t kColumns = 100;
  Findings found;
  for (const SourceFile& file : tree) {
    if (!is_code(file.path) && !is_cmake(file.path)) continue;
    std::string before;
    for_each_line(file.text, [&](std::size_t number, const std::string& line) {
      const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;  // not inside a UTF-8 sequence
      });
      const bool whole = before.starts_with("#error") || under(line, {"#error", "// expect: "});
      if (columns > kColumns && !whole) {
        found.push_back(at(file, number, std::to_string(columns) + " columns"));
      }
      before = line;
    });
  }
  return found;
}

Findings stale_examples(const Tree& tree) {
  static const std::regex marker(R"(^<!-- example: (\S+) -->$)");
  Findings found;
  for (const SourceFile& file : tree) {
    if (!file.path.ends_with(".md")) continue;
    const std::vector<std::string> lines = lines_of(file.text);
    for (auto line = lines.begin(); line != lines.end(); ++line) {
      std::smatch match;
      if (!std::regex_match(*line, match, marker)) continue;
      const auto number = static_cast<std::size_t>(line - lines.begin()) + 1;
      const SourceFile* example = find(tree, match[1].str());
      const auto fence = line + 1;
      if (example == nullptr) {
        found.push_back(at(file, number, match[1].str() + " is not there"));
      } else if (fence == lines.end() || *fence != "```cpp") {
        found.push_back(at(file, number, "no ```cpp block on the next line"));
      } else if (without_indent({fence + 1, std::find(fence, lines.end(), "```")}) !=
                 shown_part(*example)) {
        found.push_back(at(file, number, "differs from " + match[1].str()));
      }
    }
  }
  return found;
}

Findings uncatalogued_errors(const Tree& tree) {
  static const std::regex declaration(R"(enum class Errc[^{]*\{([^}]*)\})"), word(R"([a-z_]+)");
  const SourceFile* header = find(tree, "include/walkit/base/result.hpp");
  const SourceFile* catalogue = find(tree, "docs/errors.md");
  if (header == nullptr || catalogue == nullptr)
    return {
        "include/walkit/base/result.hpp or "
        "docs/errors.md is not there"};
  Findings found;
  std::set<std::string> codes, headings;
  std::smatch match;
  if (const std::string code = code_of(header->text); std::regex_search(code, match, declaration)) {
    const std::string body = match[1].str();
    for (std::sregex_iterator w(body.begin(), body.end(), word), end; w != end; ++w) {
      codes.insert(w->str());
    }
  }
  for_each_line(catalogue->text, [&](std::size_t number, const std::string& line) {
    if (!line.starts_with("## ")) return;
    headings.insert(line.substr(3));
    if (!codes.contains(line.substr(3))) found.push_back(at(*catalogue, number, "is no Errc"));
  });
  for (const std::string& code : codes) {
    if (!headings.contains(code)) found.push_back(at(*catalogue, 1, "has no heading " + code));
  }
  return found;
}

}  // namespace walkit::tidy
