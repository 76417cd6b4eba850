#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "cli_harness.hpp"

// docs/tool.md names all that the tool has.

namespace walkit::cli_test {
namespace {

using nlohmann::json;

std::string page() { return read_file(fs::path(WALKIT_SOURCE_DIR) / "docs/tool.md"); }

std::string section(const std::string& name) {
  const std::string text = page();
  const std::size_t begin = text.find("\n## " + name + "\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

std::set<std::string> found_in(const std::string& text, const std::regex& what) {
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at) {
    found.insert((*at)[1].str());
  }
  return found;
}

std::set<std::string> commands() {
  const std::string help = run_tool({"--help"}).out;
  const std::size_t begin = help.find("Subcommands:");
  return found_in(help.substr(begin, help.find("\n\n", begin) - begin),
                  std::regex("\n  ([a-z]+) "));
}

TEST(CliDocs, EveryCommandAndFlagHasItsPlace) {
  const std::set<std::string> all = commands();
  EXPECT_GE(all.size(), 6u);
  const std::regex flag("(--[a-z]+)");
  for (const std::string& command : all) {
    const std::string described = section(command);
    ASSERT_NE(described, "") << command;
    for (const std::string& name : found_in(run_tool({command, "--help"}).out, flag)) {
      const bool shared = name == "--help" || name == "--progress";
      const std::string& where = shared ? page() : described;
      EXPECT_NE(where.find("`" + name), std::string::npos) << command << " " << name;
    }
  }
}

TEST(CliDocs, NothingIsDescribedThatIsNotThere) {
  std::string help = run_tool({"--help"}).out;
  for (const std::string& command : commands()) help += run_tool({command, "--help"}).out;
  for (const std::string& name : found_in(page(), std::regex("`(--[a-z]+)"))) {
    EXPECT_NE(help.find(name), std::string::npos) << name;
  }
}

TEST(CliDocs, ExitCodesAreThoseOfTheHelp) {
  const std::string help = run_tool({"--help"}).out;
  for (const std::string& code :
       found_in(section("Exit codes"), std::regex("\n\\| ([0-9]+) \\|"))) {
    EXPECT_TRUE(std::regex_search(help, std::regex("\\b" + code + " "))) << code;
  }
}

class CliDocsTest : public CliTest {
 protected:
  static void expect_named(const json& value, const std::string& where) {
    if (value.is_array() && !value.empty()) return expect_named(value.front(), where);
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.items()) {
      EXPECT_NE(where.find("`" + name + "`"), std::string::npos) << name;
      if (name != "header" && name != "slots" && name != "record" && name != "histogram") {
        expect_named(member, where);  // those are the fields of docs/format.md, and a table
      }
    }
  }
};

TEST_F(CliDocsTest, EveryMemberOfADocumentIsNamed) {
  const std::string where = section("JSON");
  expect_named(json::parse(append("a\nb\n", {"--json"}).out), where);
  expect_named(json::parse(cat({"--json", "--limit", "1"}).out), where);
  const std::string segment = newest_segment();
  for (const Arguments& call : {Arguments{"ls", log()},
                                {"stat", log()},
                                {"verify", log()},
                                {"inspect", segment},
                                {"inspect", segment, "--offset", "512"},
                                {"inspect", file("LOCK")},
                                {"inspect", file("MANIFEST")},
                                {"ls", path("nothing")}}) {
    Arguments with_json = call;
    with_json.push_back("--json");
    const Outcome run = run_tool(with_json);
    const json found = json::parse(run.out);
    EXPECT_NE(where.find("`" + found["schema"].get<std::string>() + "`"), std::string::npos);
    expect_named(found, where);
  }
}

}  // namespace
}  // namespace walkit::cli_test
