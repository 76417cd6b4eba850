#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit {

using Wal = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;
using testing::Crash;
using testing::CrashDirectory;
using testing::HasErrc;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::Operation;
using testing::OperationKind;

/// Entry number n of every workload here: sizes differ, some are empty, no two of a length agree.
inline std::string entry_text(std::uint64_t n, std::uint64_t bytes_max = 900) {
  std::minstd_rand random(static_cast<std::uint32_t>(n + 1));
  const std::uint64_t bytes = n % 7 == 0 ? 0 : random() % bytes_max;
  std::string text = bytes == 0 ? "" : std::to_string(n) + ":";
  while (text.size() < bytes) text += static_cast<char>(random());
  return text;
}

inline std::vector<std::string> entry_texts(std::uint64_t count) {
  std::vector<std::string> texts;
  for (std::uint64_t n = 1; n <= count; ++n) texts.push_back(entry_text(n));
  return texts;
}

/// What stands in the log. Fails the test if an id is not the one before plus 1.
inline Result<std::vector<std::string>> read_all(const std::shared_ptr<Directory>& directory,
                                                 ReplayMode mode = ReplayMode::strict) {
  auto reader = Reader::open(directory);
  if (!reader) return reader.error();
  auto records = reader->replay(mode);
  if (!records) return records.error();
  std::vector<std::string> texts;
  for (auto& record : *records) {
    texts.push_back(std::move(record.payload));
    EXPECT_EQ(record.entry_id, EntryId{texts.size()});
  }
  return texts;
}

/// The names of a log's segments, oldest first.
inline std::vector<std::string> segment_files(const std::shared_ptr<Directory>& directory) {
  std::vector<std::string> files;
  const auto wal = directory->subdirectory("wal", OpenMode::read);
  for (const std::string& name : wal.value()->list().value()) {
    if (name.ends_with(".wal")) files.push_back(name);
  }
  return files;
}

/// A log may lose what was never promised, from its end on, and nothing else.
inline void expect_prefix(const Result<std::vector<std::string>>& found,
                          const std::vector<std::string>& submitted, std::uint64_t at_least) {
  ASSERT_THAT(found, IsOk());
  EXPECT_GE(found->size(), at_least);
  ASSERT_LE(found->size(), submitted.size());
  EXPECT_TRUE(std::equal(found->begin(), found->end(), submitted.begin()));
}

/// Opens what a crash left, writes one entry more, closes, and reads strictly.
inline void expect_recovers(const std::shared_ptr<Directory>& left,
                            std::vector<std::string> submitted, std::uint64_t at_least) {
  auto wal = Wal::open(left);
  ASSERT_THAT(wal, IsOk());
  const EntryId last = wal->next_entry_id() - 1;
  ASSERT_LE(last.value, submitted.size());
  submitted.resize(last.value);
  submitted.emplace_back("one more");
  EXPECT_THAT(wal->append(submitted.back()), IsOkAndHolds(last + 1));
  ASSERT_THAT(wal->close(), IsOk());
  expect_prefix(read_all(left), submitted, at_least + 1);
}

inline std::uint64_t count_of(const std::vector<Operation>& operations, OperationKind kind,
                              std::string_view name_contains = "") {
  std::uint64_t count = 0;
  for (const Operation& operation : operations) {
    count += operation.kind == kind && operation.name.find(name_contains) != std::string::npos;
  }
  return count;
}

}  // namespace walkit
