#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "run.hpp"

namespace walkit::bench {

/// The keys that one thread of w6 writes, by chance and again and again, and which those were.
/// Each thread has its own, so that all that is there can be counted.
class Keys {
 public:
  explicit Keys(unsigned thread)
      : random_(thread + 1), prefix_(std::to_string(1000 + thread) + "/"), written_(kKeys) {}

  /// 16 bytes.
  std::string next() {
    const std::uint32_t number = random_() / 7 % kKeys;
    count_ += written_[number] ? 0 : 1;
    written_[number] = true;
    const std::string digits = std::to_string(10'000'000'000 + number);
    return prefix_ + digits;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr std::uint32_t kKeys = 1 << 16;
  std::minstd_rand random_;
  std::string prefix_;
  std::vector<bool> written_;
  std::uint64_t count_ = 0;
};

/// Calls put(thread, key) from each thread until the time is over; gives how many keys there are.
template <class Put>
Outcome put_for(const Job& job, std::uint64_t& keys, Put&& put) {
  std::vector<Keys> all;
  for (unsigned thread = 0; thread != job.threads; ++thread) all.emplace_back(thread);
  Outcome outcome = append_for(job, [&](unsigned thread) { put(thread, all[thread].next()); });
  keys = 0;
  for (const Keys& mine : all) keys += mine.count();
  return outcome;
}

}  // namespace walkit::bench
