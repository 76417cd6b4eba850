#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "walkit/codec.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

/// Entries that read and do not decode, where one salvages.
class Undecoded {
 public:
  /// no_memory: it is not among them.
  Status add(Error error, EntryId id) {
    return call_codec<Status>(Errc::decode, [&]() -> Status {
      if (errors_.size() == kToldMax) {
        errors_.back().message = "this and some that follow do not decode";
        errors_.back().lost.last = id;
      } else {
        error.lost = {id, id};
        errors_.push_back(std::move(error));
      }
      ++count_;
      return {};
    });
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// They are holes, in their places among the others, and were not given. no_memory: `summary` is
  /// of no use.
  Status add_to(ReplaySummary& summary) const {
    return call_codec<Status>(Errc::decode, [&]() -> Status {
      summary.entry_count -= count_;
      summary.gaps.insert(summary.gaps.end(), errors_.begin(), errors_.end());
      std::stable_sort(summary.gaps.begin(), summary.gaps.end(), by_first);
      return {};
    });
  }
  /// The same into a copy of `log`, which goes on: what is new since the last call, or at the end
  /// all of it anew. no_memory: call it again.
  Status merge(const ReplaySummary& log, bool at_end, ReplaySummary& into) {
    if (empty()) return {};
    return call_codec<Status>(Errc::decode, [&]() -> Status {
      if (at_end) {
        ReplaySummary whole = log;
        if (Status ok = add_to(whole); !ok) return ok;
        into = std::move(whole);
        return {};
      }
      into.entries = log.entries;
      into.entry_count = log.entry_count - count_;
      into.proven_through = log.proven_through;
      for (; gaps_merged_ < log.gaps.size(); ++gaps_merged_) {
        insert(into.gaps, log.gaps[gaps_merged_]);
      }
      for (; errors_merged_ < errors_.size(); ++errors_merged_) {
        insert(into.gaps, errors_[errors_merged_]);
      }
      return {};
    });
  }

 private:
  static constexpr std::size_t kToldMax = 10'000;
  static bool by_first(const Error& a, const Error& b) { return a.lost.first < b.lost.first; }
  static void insert(std::vector<Error>& gaps, const Error& gap) {
    gaps.insert(std::upper_bound(gaps.begin(), gaps.end(), gap, by_first), gap);
  }

  std::vector<Error> errors_{};
  std::uint64_t count_ = 0;
  std::size_t gaps_merged_ = 0, errors_merged_ = 0;
};

}  // namespace walkit
