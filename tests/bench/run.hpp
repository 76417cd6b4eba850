#pragma once

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace walkit::bench {

/// What a run is asked for.
struct Job {
  std::string folder{};  // w1 to w3, w6: empty and its own; else what `make` left there
  std::size_t entry_bytes = 100;
  unsigned threads = 1;
  double seconds = 0.2;                       // of appending, in w1, w2 and w6
  std::uint64_t total_bytes = 384ull << 20;   // of payload, where the time is not given
  std::uint64_t segment_bytes = 64ull << 20;  // of files that rotate
};

/// What was seen. A contender returns one only after it found all that it wrote, or read all that
/// was there.
struct Outcome {
  double seconds = 0, cpu_seconds = 0;
  std::uint64_t entries = 0;
  std::uint64_t groups = 0;      // syncs; 0: the contender does not tell
  std::uint64_t segments = 0;    // files written or read; 0: it does not tell
  std::uint64_t disk_bytes = 0;  // of all files, after closing
  double decode_seconds = 0;     // what decoding alone takes, of typed entries
  std::vector<float> waits{};    // seconds of each call that blocked
};

struct Contender {
  std::string_view workload, name;
  std::string_view level;  // buffered, flushed, durable; of readers: what they look at
  std::string_view sync;   // the system call behind it
  Outcome (*run)(const Job&);
};

/// All that are built in. Each file of contenders adds its own: who is missing is only not there.
std::vector<Contender>& contenders();

struct Registration {
  explicit Registration(std::initializer_list<Contender> list) {
    contenders().insert(contenders().end(), list.begin(), list.end());
  }
};

/// Ends the program with what is wrong: a figure of a contender that lost entries is none.
[[noreturn, gnu::cold]] void fail(const std::string& what);
[[noreturn, gnu::cold]] void fail_call(const std::string& call);  // with what errno says
inline void check(bool fine, const char* what) {
  if (!fine) fail(what);
}
inline void check_call(bool fine, const char* call) {
  if (!fine) fail_call(call);
}

inline double now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

/// Of the part that counts: its time, and that of all processors.
class Stopwatch {
 public:
  void stop(Outcome& outcome) const {
    outcome.seconds = now() - begin_;
    outcome.cpu_seconds = static_cast<double>(std::clock() - cpu_begin_) / CLOCKS_PER_SEC;
  }

 private:
  std::clock_t cpu_begin_ = std::clock();
  double begin_ = now();
};

/// The same bytes for everybody; nothing compresses them.
std::string payload_of(std::size_t bytes);

/// Of all files below the folder, by their sizes.
std::uint64_t bytes_in(const std::string& folder);

/// Calls append(thread) from each thread again and again until the time is over.
template <class Append>
Outcome append_for(const Job& job, Append&& append) {
  std::vector<std::vector<float>> waits(job.threads);
  Stopwatch watch;
  double begin = 0;
  std::barrier start(job.threads, [&]() noexcept {
    watch = Stopwatch();
    begin = now();
  });
  const auto work = [&](unsigned thread) {
    std::vector<float>& mine = waits[thread];
    mine.reserve(1 << 16);
    start.arrive_and_wait();
    const double end = begin + job.seconds;
    for (double before = begin; before < end;) {
      append(thread);
      const double after = now();
      mine.push_back(static_cast<float>(after - before));
      before = after;
    }
  };
  std::vector<std::thread> others;
  for (unsigned thread = 1; thread < job.threads; ++thread) others.emplace_back(work, thread);
  work(0);
  for (std::thread& other : others) other.join();
  Outcome outcome;
  watch.stop(outcome);
  for (const auto& mine : waits) {
    outcome.waits.insert(outcome.waits.end(), mine.begin(), mine.end());
  }
  outcome.entries = outcome.waits.size();
  return outcome;
}

/// Calls append() from one thread until the time is over, without a look at each call, and then
/// finish(), which belongs to the time: what counts is durable behind it.
template <class Append, class Finish>
Outcome produce_for(const Job& job, Append&& append, Finish&& finish) {
  constexpr std::uint64_t kCallsPerLook = 64;
  Outcome outcome;
  const Stopwatch watch;
  do {
    for (std::uint64_t call = 0; call != kCallsPerLook; ++call) append();
    outcome.entries += kCallsPerLook;
    watch.stop(outcome);
  } while (outcome.seconds < job.seconds);
  finish();
  watch.stop(outcome);
  return outcome;
}

}  // namespace walkit::bench
