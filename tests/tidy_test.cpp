#include "tidy_rules.hpp"

#include <gtest/gtest.h>

namespace walkit::tidy {
namespace {

const Tree& project() {
  static const Tree tree = read_tree(WALKIT_SOURCE_DIR);
  return tree;
}

std::string joined(const Findings& findings) {
  std::string text;
  for (const std::string& finding : findings) text += finding + "\n";
  return text;
}

std::string repeated(std::size_t times, std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += std::string(line) + "\n";
  return text;
}

/// What a rule says about one planted file.
std::string planted(Findings (*rule)(const Tree&), std::string path, std::string text) {
  return joined(rule({{std::move(path), std::move(text)}}));
}

void expect_clean(Findings (*rule)(const Tree&)) {
  const Findings findings = rule(project());
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

// ---- The project keeps the rules --------------------------------------------------------------

TEST(Tidy, TheProjectIsRead) {
  std::size_t code = 0;
  for (const SourceFile& file : project()) code += file.path.ends_with(".cpp") ? 1 : 0;
  EXPECT_GT(code, 5u);
}

TEST(Tidy, IncludesPointDown) { expect_clean(wrong_arrows); }
TEST(Tidy, HeadersOfOthersStayInTheirPlace) { expect_clean(misplaced_headers); }
TEST(Tidy, FilesKeepTheirBudget) { expect_clean(over_budget); }
TEST(Tidy, FunctionsAreShort) { expect_clean(long_functions); }
TEST(Tidy, EveryFileIsBuilt) { expect_clean(unlisted_files); }
TEST(Tidy, NoForbiddenWords) { expect_clean(forbidden_words); }
TEST(Tidy, LinesAreShort) { expect_clean(long_lines); }
TEST(Tidy, DocumentsShowTheExamplesThatAreRun) { expect_clean(stale_examples); }
TEST(Tidy, EveryErrorIsInTheCatalogue) { expect_clean(uncatalogued_errors); }
TEST(Tidy, PromisesAndFaultsNameTestsThatExist) { expect_clean(promises_without_test); }
TEST(Tidy, EveryFaultHasATestOrAReason) { expect_clean(faults_without_test); }

// ---- The rules see a violation ----------------------------------------------------------------

TEST(TidyArrows, EachLayerRefusesWhatIsAbove) {
  const struct {
    const char *path, *include;
  } cases[] = {
      {"src/base/a.cpp", "walkit/io/directory.hpp"},
      {"include/walkit/io/a.hpp", "walkit/log/options.hpp"},
      {"src/io/a.cpp", "log/frame.hpp"},
      {"src/log/a.cpp", "walkit/checkpoint/checkpoint_store.hpp"},
      {"src/checkpoint/a.cpp", "log/frame.hpp"},
      {"src/log/a.cpp", "walkit/wal_writer.hpp"},
      {"src/testing/a.cpp", "walkit/log/options.hpp"},
      {"src/log/a.cpp", "walkit/testing/crash_directory.hpp"},
      {"include/walkit/codec.hpp", "walkit/app/raft_log.hpp"},
      {"include/walkit/wal_writer.hpp", "log/frame.hpp"},
      {"src/app/raft.cpp", "log/frame.hpp"},
      {"src/log/a.cpp", "cli/options.hpp"},
  };
  for (const auto& c : cases) {
    const std::string line = "#include \"" + std::string(c.include) + "\"";
    EXPECT_EQ(planted(wrong_arrows, c.path, "\n" + line),
              std::string(c.path) + ":2: must not include " + c.include + "\n");
  }
}

TEST(TidyArrows, DownAndSidewaysAreFine) {
  for (const char* path : {"src/log/a.cpp", "include/walkit/log/a.hpp", "src/cli/a.cpp",
                           "tests/log/a_test.cpp", "include/walkit/wal_writer.hpp"}) {
    EXPECT_EQ(planted(wrong_arrows, path, "#include \"walkit/io/directory.hpp\""), "") << path;
  }
  EXPECT_EQ(planted(wrong_arrows, "src/log/a.cpp", "#include \"log/frame.hpp\""), "");
}

TEST(TidyHeaders, EachKindHasItsPlace) {
  const struct {
    const char *include, *wrong, *right;
  } cases[] = {
      {"unistd.h", "src/log/a.cpp", "src/io/a.cpp"},
      {"sys/stat.h", "src/base/a.cpp", "src/cli/a.cpp"},
      {"fcntl.h", "src/testing/a.cpp", "tests/io/a_test.cpp"},
      {"filesystem", "src/log/a.cpp", "include/walkit/io/fs_directory.hpp"},
      {"thread", "src/io/a.cpp", "src/log/a.cpp"},
      {"condition_variable", "include/walkit/log/a.hpp", "src/testing/a.cpp"},
      {"cereal/cereal.hpp", "include/walkit/codec.hpp", "include/walkit/cereal_codec.hpp"},
      {"gtest/gtest.h", "src/testing/a.cpp", "tests/a_test.cpp"},
      {"gmock/gmock.h", "examples/a.cpp", "include/walkit/testing/matchers.hpp"},
  };
  for (const auto& c : cases) {
    const std::string line = "#include <" + std::string(c.include) + ">";
    EXPECT_NE(planted(misplaced_headers, c.wrong, line), "") << c.include;
    EXPECT_EQ(planted(misplaced_headers, c.right, line), "") << c.include;
  }
}

TEST(TidyBudget, AThirdOverIsTooMuch) {
  const struct {
    const char* path;
    std::size_t lines_max;
  } cases[] = {{"include/walkit/a.hpp", 266}, {"src/a.cpp", 533}, {"tests/a_test.cpp", 466}};
  for (const auto& c : cases) {
    EXPECT_EQ(planted(over_budget, c.path, repeated(c.lines_max, "")), "") << c.path;
    EXPECT_NE(planted(over_budget, c.path, repeated(c.lines_max + 1, "")), "") << c.path;
  }
}

/// A function of `lines` lines in all.
std::string function(std::string_view head, std::size_t lines) {
  return std::string(head) + " {\n" + repeated(lines - 2, "  if (x) { y(); }") + "}\n";
}

TEST(TidyFunctions, LengthIsFromTheNameToTheLastBrace) {
  for (const char* head : {"int f(int x)", "TEST(A, B)", "A::A(int x) : x_{x}, y_{1}",
                           "template <class T> void f(T t)", "auto f(std::span<int> x) -> int"}) {
    EXPECT_EQ(planted(long_functions, "src/a.cpp", function(head, 93)), "") << head;
    EXPECT_EQ(planted(long_functions, "src/a.cpp", "\n" + function(head, 94)),
              "src/a.cpp:2: a function of 94 lines\n")
        << head;
  }
}

TEST(TidyFunctions, AreSeenInNamespacesAndClasses) {
  const std::string inner = "namespace {\nclass A : B {\n" + function("void f()", 94) + "};\n}\n";
  EXPECT_EQ(planted(long_functions, "src/a.cpp", "#define X {\n" + inner + "int after;\n"),
            "src/a.cpp:4: a function of 94 lines\n");
}

TEST(TidyFunctions, TablesAndCommentsAreNot) {
  const std::string table = "const int kTable[] = {\n" + repeated(200, "  {1, 2},") + "};\n";
  const std::string comment = "// f() {\n/* g() { */\nconst char* s = \"h() {\";\n";
  EXPECT_EQ(planted(long_functions, "src/a.cpp", comment + table + comment), "");
}

TEST(TidyLists, AFileThatIsNotBuiltIsNamed) {
  const SourceFile list{"tests/CMakeLists.txt", "walkit_test(x base/a_test.cpp) # base/b_test.cpp"};
  EXPECT_EQ(joined(unlisted_files({list, {"tests/base/a_test.cpp", ""}})), "");
  EXPECT_NE(joined(unlisted_files({list, {"tests/base/b_test.cpp", ""}})), "");
  EXPECT_NE(joined(unlisted_files({list, {"tests/a_test.cpp", ""}})), "");

  const SourceFile src{"src/CMakeLists.txt", "set(core_sources\n  log/a.cpp\n  log/a.hpp\n)"};
  EXPECT_EQ(joined(unlisted_files({src, {"src/log/a.cpp", ""}})), "");
  EXPECT_NE(joined(unlisted_files({src, {"src/log/b.cpp", ""}})), "");
  EXPECT_EQ(joined(unlisted_files({src, {"include/walkit/log/a.hpp", ""}})), "");
  EXPECT_NE(joined(unlisted_files({src, {"include/walkit/log/b.hpp", ""}})), "");

  const SourceFile examples{"examples/CMakeLists.txt", "walkit_example(orders)"};
  EXPECT_EQ(joined(unlisted_files({examples, {"examples/orders.cpp", ""}})), "");
  EXPECT_NE(joined(unlisted_files({examples, {"examples/other.cpp", ""}})), "");
}

TEST(TidyWords, ForbiddenOnesAreFound) {
  EXPECT_EQ(planted(forbidden_words, "docs/a.md",
                    "\n// TODO("
                    "now): this"),
            "docs/a.md:2: to be done before this goes anywhere\n");
  EXPECT_EQ(planted(forbidden_words, "src/a.cpp", "// TODO(soon): this"), "");
  EXPECT_NE(planted(forbidden_words, "dev",
                    "cd /"
                    "home/me"),
            "");
  EXPECT_EQ(planted(forbidden_words, "dev", "cd frame/home/me"), "");
}

TEST(TidyWords, TestsNeitherSleepNorSkip) {
  const std::string sleeps = "std::this_thread::sleep_for(1ms);", skips = "GTEST_SKIP();";
  EXPECT_NE(planted(forbidden_words, "tests/a_test.cpp", sleeps), "");
  EXPECT_NE(planted(forbidden_words, "tests/a_test.cpp", skips), "");
  EXPECT_NE(planted(forbidden_words, "tests/a_test.cpp", "TEST(A, DISABLED_B) {}"), "");
  EXPECT_EQ(planted(forbidden_words, "src/a.cpp", sleeps), "");
  EXPECT_EQ(planted(forbidden_words, "tests/a_test.cpp", "// " + sleeps), "");
}

TEST(TidyLines, AHundredColumnsAreEnough) {
  EXPECT_EQ(planted(long_lines, "src/a.cpp", std::string(100, 'x')), "");
  EXPECT_EQ(planted(long_lines, "src/a.cpp", "\n" + std::string(101, 'x')),
            "src/a.cpp:2: 101 columns\n");
  EXPECT_EQ(planted(long_lines, "docs/a.md", std::string(101, 'x')), "");
  EXPECT_EQ(planted(long_lines, "src/a.hpp", "#error \"" + std::string(101, 'x') + "\""), "");
}

TEST(TidyExamples, ABlockEqualsTheMarkedPartOfItsFile) {
  const std::string head = "<!-- example: examples/a.cpp -->\n```cpp\n";
  const SourceFile file{"examples/a.cpp",
                        "int x;\n  // [readme]\n  f();\n\n  g();\n  // [/readme]\n"};
  EXPECT_EQ(joined(stale_examples({file, {"README.md", head + "f();\n\ng();\n```\n"}})), "");
  EXPECT_EQ(joined(stale_examples({file, {"README.md", "\n" + head + "f();\n```\n"}})),
            "README.md:2: differs from examples/a.cpp\n");
  const SourceFile whole{"examples/a.cpp", "int x;\n"};
  EXPECT_EQ(joined(stale_examples({whole, {"README.md", head + "int x;\n```\n"}})), "");
  EXPECT_NE(joined(stale_examples({whole, {"README.md", head + "int y;\n```\n"}})), "");
}

TEST(TidyExamples, AMissingFileOrBlockIsNamed) {
  const std::string marker = "<!-- example: examples/a.cpp -->\n";
  EXPECT_NE(planted(stale_examples, "README.md", marker + "```cpp\n```\n"), "");
  EXPECT_NE(joined(stale_examples({{"examples/a.cpp", ""}, {"README.md", marker + "text\n"}})), "");
  EXPECT_EQ(planted(stale_examples, "README.md", "```cpp\nint free;\n```\n"), "");
}

TEST(TidyPromises, ATestThatIsNotThereIsNamed) {
  const SourceFile test{"tests/a_test.cpp",
                        "TEST("
                        "Suite, Name) {}\nTEST_P("
                        "Other,\n  Two) {}"};
  EXPECT_EQ(joined(promises_without_test(
                {test, {"docs/durability.md", "`Suite.Name` `Other.Two` `no.test`"}})),
            "");
  EXPECT_EQ(joined(promises_without_test({test, {"docs/durability.md", "`Suite.Gone`"}})),
            "docs/durability.md:1: there is no test Suite.Gone\n");
  EXPECT_EQ(joined(promises_without_test({test, {"docs/faults.md", "`Suite.*` `Suit.*`"}})),
            "docs/faults.md:1: there is no test Suit.*\n");
}

TEST(TidyFaults, AMissingLineOrTestIsNamed) {
  const auto table = [](const std::string& tests, std::size_t lines = 58) {
    std::string text;
    for (std::size_t n = 1; n <= lines; ++n) {
      text += "| " + std::to_string(n) + " | a fault | an answer | " + tests + " |\n";
    }
    return planted(faults_without_test, "docs/faults.md", text);
  };
  EXPECT_EQ(table("`Suite.Name` `Other.*`"), "");
  EXPECT_EQ(table("layer: a real device"), "");
  EXPECT_EQ(table("not there yet: checkpoints"), "");
  EXPECT_NE(table("`Suite`"), "");
  EXPECT_NE(table(""), "");
  EXPECT_NE(table("`Suite.*`", 57), "");
  EXPECT_NE(planted(faults_without_test, "docs/faults.md", "| 2 | a | b | `Suite.*` |\n"), "");
}

TEST(TidyErrors, CodesAndHeadingsAreTheSame) {
  const SourceFile header{"include/walkit/base/result.hpp",
                          "enum class Errc : int { torn = 1,  // corrupt\n gap };"};
  const auto said = [&](std::string catalogue) {
    return joined(uncatalogued_errors({header, {"docs/errors.md", std::move(catalogue)}}));
  };
  EXPECT_EQ(said("# Errors\n## torn\n### more\n## gap\n"), "");
  EXPECT_EQ(said("## torn\n"), "docs/errors.md:1: has no heading gap\n");
  EXPECT_EQ(said("## torn\n## gap\n## corrupt\n"), "docs/errors.md:3: is no Errc\n");
  EXPECT_NE(joined(uncatalogued_errors({header})), "");
}

TEST(TidyCode, LiteralsAndCommentsAreBlank) {
  EXPECT_EQ(code_of("a(\"x\\\"{\"); // y\nb('{');"), "a(\"    \");     \nb(' ');");
  EXPECT_EQ(code_of("R\"(a{\")\" + 1'000'000 /* { */;"), "R\"     \" + 1'000'000        ;");
}

}  // namespace
}  // namespace walkit::tidy
