// Documents that say which tests prove what they say.

#include <regex>
#include <set>

#include "tidy_rules.hpp"

namespace walkit::tidy {
namespace {

constexpr std::size_t kFaults = 58;

/// "Suite.Name" of all tests, and "Suite.*" of all suites.
std::set<std::string> names_of_tests(const Tree& tree) {
  static const std::regex test(R"(TEST(_F|_P)?\((\w+),\s*(\w+)\))");
  std::set<std::string> names;
  for (const SourceFile& file : tree) {
    const bool is_code = file.path.ends_with(".cpp") || file.path.ends_with(".hpp");
    if (!file.path.starts_with("tests/") || !is_code) continue;
    for (std::sregex_iterator t(file.text.begin(), file.text.end(), test), end; t != end; ++t) {
      names.insert((*t)[2].str() + "." + (*t)[3].str());
      names.insert((*t)[2].str() + ".*");
    }
  }
  return names;
}

std::vector<std::string> named_in(const std::string& text) {
  static const std::regex named(R"(`([A-Z]\w+\.([A-Z]\w+|\*))`)");
  std::vector<std::string> names;
  for (std::sregex_iterator n(text.begin(), text.end(), named), end; n != end; ++n) {
    names.push_back((*n)[1].str());
  }
  return names;
}

}  // namespace

Findings promises_without_test(const Tree& tree) {
  const std::set<std::string> tests = names_of_tests(tree);
  Findings found;
  for (const SourceFile& file : tree) {
    static const std::set<std::string> kNaming{"docs/durability.md", "docs/faults.md",
                                               "docs/kv.md"};
    if (!kNaming.contains(file.path)) continue;
    std::size_t number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      for (const std::string& name : named_in(line)) {
        if (!tests.contains(name)) found.push_back(at(file, number, "there is no test " + name));
      }
    }
  }
  return found;
}

Findings faults_without_test(const Tree& tree) {
  static const std::regex row(R"(^\| (\d+) \|.*\| ([^|]*) \|$)");
  Findings found;
  for (const SourceFile& file : tree) {
    if (file.path != "docs/faults.md") continue;
    std::size_t number = 0, fault = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      std::smatch match;
      if (!std::regex_match(line, match, row)) continue;
      ++fault;
      if (match[1] != std::to_string(fault)) {
        found.push_back(at(file, number, "fault " + std::to_string(fault) + " should be here"));
      }
      const std::string tests = match[2];
      const bool reason = tests.starts_with("layer: ") || tests.starts_with("not there yet: ");
      if (named_in(tests).empty() && !reason) found.push_back(at(file, number, "names no test"));
    }
    if (fault != kFaults) {
      found.push_back(at(file, number, "has " + std::to_string(fault) + " faults"));
    }
  }
  return found;
}

}  // namespace walkit::tidy
