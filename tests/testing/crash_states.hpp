#pragma once

// Which states a power cut can leave, enumerated, and the small language to say after what.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::testing {

inline constexpr std::uint32_t kSectorBytes = 16;

using Files = std::map<std::string, std::string>;

inline Files files_of(const CrashDirectory& directory) {
  Files files;
  for (const std::string& path : directory.list_files()) {
    files[path] = std::string(as_text(directory.read_file(path).value()));
  }
  return files;
}

/// All states that a power cut after `work` can leave.
class CrashStates : public ::testing::Test {
 protected:
  using Work = std::function<void(Directory&)>;

  static std::set<Files> states_after(const Work& work, std::size_t tear_cuts = 0,
                                      const CrashModel& model = {}) {
    Odometer odometer;
    std::set<Files> states;
    do {
      const auto directory =
          CrashDirectory::create({.model = model,
                                  .sector_bytes = kSectorBytes,
                                  .pick = [&](std::size_t n) { return odometer.pick(n); },
                                  .tear_cuts = tear_cuts});
      work(*directory);
      states.insert(files_of(*directory->crash()));
    } while (odometer.next());
    return states;
  }

  static std::set<std::string> contents_after(const Work& work, std::size_t tear_cuts = 0,
                                              const CrashModel& model = {}) {
    std::set<std::string> contents;
    for (const Files& files : states_after(work, tear_cuts, model)) {
      contents.insert(files.at("a"));
    }
    return contents;
  }

  static void write(File& file, std::uint64_t offset, std::string_view text) {
    const BytesView part = as_bytes(text);
    ASSERT_THAT(file.write_at(offset, {&part, 1}), IsOk());
  }

  /// A file that is durable, name and all.
  static std::unique_ptr<File> make_durable(Directory& directory, std::string_view name,
                                            std::string_view text) {
    auto file = directory.open(name, OpenMode::create).value();
    write(*file, 0, text);
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_THAT(directory.sync(), IsOk());
    return file;
  }

  static std::string sectors(std::string_view letters) {
    std::string text;
    for (const char letter : letters) text += std::string(kSectorBytes, letter);
    return text;
  }
};

}  // namespace walkit::testing
