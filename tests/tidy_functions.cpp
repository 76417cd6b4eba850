#include <algorithm>
#include <cctype>
#include <regex>

#include "tidy_rules.hpp"

namespace walkit::tidy {
namespace {

/// Follows the braces of one file and measures what looks like a function: a block with a
/// parenthesis before it, in nothing but namespaces and classes.
class FunctionScan {
 public:
  FunctionScan(const SourceFile& file, std::size_t lines_max, Findings& out)
      : file_(file), lines_max_(lines_max), out_(out) {}

  void run() {
    const std::string code = without_directives(code_of(file_.text));
    for (std::size_t i = 0; i < code.size(); ++i) {
      if (code[i] == '\n') ++line_;
      if (code[i] == '{') {
        open();
      } else if (code[i] == '}') {
        close(code.substr(std::min(code.find_first_not_of(" \n", i + 1), code.size()), 1));
      } else if (inner_ == 0) {
        head(code[i]);
      }
    }
  }

 private:
  static std::string without_directives(const std::string& code) {
    static const std::regex directive(R"((^|\n)[ \t]*#(\\\n|[^\n])*)");
    std::string blanked = code;
    for (std::sregex_iterator hit(code.begin(), code.end(), directive), end; hit != end; ++hit) {
      const auto from = blanked.begin() + hit->position();
      std::replace_if(
          from, from + hit->length(), [](char c) { return c != '\n'; }, ' ');
    }
    return blanked;
  }

  void head(char c) {
    if (c == ';') return head_.clear();
    if (head_.empty() && std::string_view(" \n\t").find(c) != std::string_view::npos) return;
    if (head_.empty()) head_line_ = line_;
    head_ += c;
  }

  void open() {
    static const std::regex scope(R"(\b(namespace|class|struct|union|enum|extern)\b)");
    const bool function = head_.find('(') != std::string::npos;
    if (inner_ == 0 && !function && std::regex_search(head_, scope)) {
      head_.clear();  // a namespace or a class: look inside
    } else {
      ++inner_;
    }
  }

  void close(std::string_view next) {
    if (inner_ == 0) return head_.clear();
    if (--inner_ > 0) return;
    const bool goes_on = next == "," || next == "{";  // was an initialiser of a constructor
    if (goes_on) return;
    const std::size_t lines = line_ - head_line_ + 1;
    if (head_.find('(') != std::string::npos && lines > lines_max_) {
      out_.push_back(at(file_, head_line_, "a function of " + std::to_string(lines) + " lines"));
    }
    head_.clear();
  }

  const SourceFile& file_;
  std::size_t lines_max_;
  Findings& out_;
  std::string head_;  // since the last ';' or block
  std::size_t head_line_ = 1, line_ = 1;
  std::size_t inner_ = 0;  // blocks that are open and neither namespace nor class
};

}  // namespace

std::string code_of(std::string_view text) {
  std::string code(text);
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < std::min(to, code.size()); ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
  };
  const auto after = [&](std::string_view what, std::size_t from) {
    const std::size_t found = text.find(what, from);
    return found == std::string_view::npos ? text.size() : found + what.size();
  };
  const auto is_word = [&](std::size_t i) { return i < text.size() && std::isalnum(text[i]) != 0; };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (text.substr(i, 2) == "//") {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (text.substr(i, 2) == "/*") {
      end = after("*/", i + 2);
      blank(i, end);
    } else if (text.substr(i, 2) == "R\"") {
      const std::string_view tag = text.substr(i + 2, text.find('(', i) - i - 2);
      end = after(")" + std::string(tag) + "\"", i);
      blank(i + 2, end - 1);
    } else if (text[i] == '"' ||
               (text[i] == '\'' && !(i > 0 && is_word(i - 1) && is_word(i + 1)))) {
      while (end < text.size() && text[end] != text[i]) end += text[end] == '\\' ? 2 : 1;
      blank(i + 1, end++);
    }
    i = end;
  }
  return code;
}

Findings long_functions(const Tree& tree) {
  constexpr std::size_t kBudget = 70;
  Findings found;
  for (const SourceFile& file : tree) {
    if (file.path.ends_with(".cpp")) FunctionScan(file, kBudget + kBudget / 3, found).run();
  }
  return found;
}

}  // namespace walkit::tidy
