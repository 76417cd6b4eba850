#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "walkit/app/raft_log.hpp"
#include "walkit/testing/matchers.hpp"

// Raft logs of small segments, and what stands in them.

namespace walkit::raft {

using Log = RaftLog<std::string>;
using Entry = LogEntry<std::string>;

inline RaftOptions small() {
  return {.wal = {.segment_bytes = 4096, .max_frame_bytes = 1u << 16, .max_entry_bytes = 1u << 15}};
}

inline std::vector<Entry> entries(std::uint64_t first, std::uint64_t last, std::uint64_t term,
                                  std::size_t bytes = 8) {
  std::vector<Entry> made;
  for (std::uint64_t index = first; index <= last; ++index) {
    std::string command = std::to_string(index);
    command.resize(bytes, '.');
    made.push_back({.index = index, .term = term, .command = command});
  }
  return made;
}

inline void append_one_by_one(Log& log, std::uint64_t last) {
  for (std::uint64_t index = 1; index <= last; ++index) {
    ASSERT_THAT(log.save({.entries = entries(index, index, 1, 500)}), testing::IsOk());
  }
}

inline SnapshotInfo at(std::uint64_t index, std::uint64_t term) {
  return {.index = index, .term = term, .membership = {.voters = {1, 3, 7}, .learners = {9}}};
}

inline std::string state_of(std::uint64_t index) { return "the state at " + std::to_string(index); }

}  // namespace walkit::raft
