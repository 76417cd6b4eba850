// What checkpoints cost who applies, and what they save who recovers; state.py makes a table of it.
//
//   walkit_state latency FOLDER MIB SECONDS   apply beside a checkpoint of a state of MIB
//   walkit_state flat FOLDER ENTRIES          memory over ENTRIES entries and 100 checkpoints
//   walkit_state recover FOLDER MIB           bytes read where a checkpoint covers 99 %

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "walkit/testing/passing_directory.hpp"
#include "walkit/walkit.hpp"

namespace walkit::bench {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", to_string(result.error()).c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

constexpr std::size_t kPartBytes = 64 << 10;

struct Touch {
  std::uint64_t part = 0, value = 0;
};

/// One piece of memory, copied whole.
struct PlainState {
  using Entry = Touch;
  std::vector<std::uint64_t> words{};
  void apply(const Touch& touch) {
    words[touch.part * (kPartBytes / 8) % words.size()] = touch.value;
  }
};

/// Parts that copies share until one of them changes.
struct SharedState {
  using Entry = Touch;
  using Part = std::array<std::uint64_t, kPartBytes / 8>;
  std::vector<std::shared_ptr<Part>> parts{};
  void apply(const Touch& touch) {
    std::shared_ptr<Part>& part = parts[touch.part % parts.size()];
    if (part.use_count() > 1) part = std::make_shared<Part>(*part);
    (*part)[0] = touch.value;
  }
};

/// Of states whose size is known beforehand.
struct StateCodec {
  static constexpr CodecId id{"bnch"};
  Status encode(const PlainState& state, ByteSink& out) const {
    out.write(std::as_bytes(std::span(state.words)));
    return {};
  }
  Status encode(const SharedState& state, ByteSink& out) const {
    for (const auto& part : state.parts) out.write(std::as_bytes(std::span(*part)));
    return {};
  }
  template <class State>
  Result<State> decode(BytesView) const {
    return Error{.code = Errc::decode, .message = "it is never read"};
  }
};

struct Latencies {
  std::vector<std::uint32_t> ns{};
  void print(const std::string& what) {
    std::sort(ns.begin(), ns.end());
    const auto at = [&](double part) {
      const auto rank = static_cast<std::size_t>(part * static_cast<double>(ns.size() - 1));
      return ns[rank] / 1000.0;
    };
    std::printf("| %s | %zu | %.0f | %.0f | %.0f | %.0f | %.0f |\n", what.c_str(), ns.size(),
                at(0.5), at(0.9), at(0.99), at(0.999), at(1));
  }
};

template <class Journal>
Latencies apply_for(Journal& journal, const std::function<bool()>& goes_on) {
  Latencies seen;
  for (std::uint64_t n = 0; goes_on(); ++n) {
    const auto began = Clock::now();
    must(journal.apply({n * 7919, n}));
    const auto took = std::chrono::nanoseconds(Clock::now() - began).count();
    seen.ns.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(took, ~0u)));
  }
  return seen;
}

template <class State>
void latency(const std::string& folder, const char* name, State state, double seconds) {
  using Journal = Journaled<State, PodCodec<Touch>, StateCodec>;
  auto journal = must(Journal::open(
      must(FsDirectory::open(folder + "/" + name)),
      {.checkpoint = {.max_bytes = std::uint64_t{1} << 40}, .checkpoint_every_bytes = 0},
      std::move(state)));
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  Latencies alone = apply_for(journal, [&] { return Clock::now() < until; });
  alone.print(std::string(name) + ", no checkpoint");
  std::atomic<bool> done = false;
  const auto began = Clock::now();
  std::thread checkpoint([&] {
    must(journal.checkpoint());
    done = true;
  });
  Latencies beside = apply_for(journal, [&] { return !done; });
  checkpoint.join();
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  char text[80];
  std::snprintf(text, sizeof text, "%s, beside one that took %.1f s", name, took);
  beside.print(text);
}

int latency(const std::string& folder, std::uint64_t mib, double seconds) {
  const std::uint64_t bytes = mib << 20;
  SharedState shared;
  for (std::uint64_t n = 0; n < bytes / kPartBytes; ++n) {
    shared.parts.push_back(std::make_shared<SharedState::Part>());
    shared.parts.back()->fill(n * 0x9e3779b97f4a7c15u);
  }
  latency(folder, "shared", std::move(shared), seconds);
  latency(folder, "plain", PlainState{std::vector<std::uint64_t>(bytes / 8, 1)}, seconds);
  return 0;
}

std::uint64_t resident_kib() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

struct Counter {
  using Entry = std::uint64_t;
  std::uint64_t total = 0;
  void apply(std::uint64_t by) { total += by; }
  template <class A>
  void serialize(A& a) {
    a(total);
  }
};

int flat(const std::string& folder, std::uint64_t entries) {
  auto directory = must(FsDirectory::open(folder + "/flat"));
  auto journal =
      must(Journaled<Counter>::open(directory, {.wal = {.flush = FlushPolicy::every_bytes(1 << 20),
                                                        .durability = Durability::flushed,
                                                        .segment_bytes = 4 << 20},
                                                .checkpoint_every_bytes = 0}));
  std::uint64_t first = 0;
  for (std::uint64_t n = 1; n <= entries; ++n) {
    must(journal.apply(n));
    if (n % (entries / 100) != 0) continue;
    must(journal.checkpoint());
    const std::uint64_t resident = resident_kib();
    if (n == entries / 100) first = resident;
    if (n % (entries / 10) == 0) {
      std::printf("| %" PRIu64 " | %" PRIu64 " | %" PRIu64 " |\n", n,
                  journal.stats().checkpoints.taken, resident);
    }
  }
  const std::uint64_t last = resident_kib();
  std::uint64_t bytes = 0, files = 0;
  for (const SegmentInfo& segment : must(journal.maintenance().segment_ranges())) {
    bytes += segment.bytes;
    ++files;
  }
  std::printf("\nFrom the first checkpoint on it grew by %" PRId64
              " KiB. The log holds %.1f MiB in %" PRIu64 " segments.\n",
              static_cast<std::int64_t>(last - first), static_cast<double>(bytes) / (1 << 20),
              files);
  return 0;
}

/// Counts what is read below it.
class Counting final : public testing::PassingDirectory {
 public:
  Counting(std::shared_ptr<Directory> below, std::shared_ptr<std::atomic<std::uint64_t>> bytes)
      : PassingDirectory(std::move(below)), bytes_(std::move(bytes)) {}

 protected:
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    return std::make_unique<CountingFile>(std::move(file), bytes_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view,
                                               std::shared_ptr<Directory> below) override {
    return std::make_shared<Counting>(std::move(below), bytes_);
  }

 private:
  class CountingFile final : public testing::PassingFile {
   public:
    CountingFile(std::unique_ptr<File> below, std::shared_ptr<std::atomic<std::uint64_t>> bytes)
        : PassingFile(std::move(below)), bytes_(std::move(bytes)) {}
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
      auto got = PassingFile::read_at(offset, into);
      if (got) *bytes_ += *got;
      return got;
    }

   private:
    std::shared_ptr<std::atomic<std::uint64_t>> bytes_;
  };

  std::shared_ptr<std::atomic<std::uint64_t>> bytes_;
};

int recover_part(const std::string& folder, std::uint64_t mib) {
  using Wal = WalWriter<std::string, BytesCodec>;
  auto directory = must(FsDirectory::open(folder + "/recover"));
  const std::uint64_t entries = mib << 10;
  const std::string entry(1024, 'e');
  Counter state;
  {
    auto wal = must(Wal::open(directory, {.flush = FlushPolicy::every_bytes(1 << 20),
                                          .durability = Durability::flushed}));
    auto store = must(CheckpointStore<Counter>::open(directory));
    for (std::uint64_t n = 1; n <= entries; ++n) {
      must(wal.append(entry));
      ++state.total;
      if (n != entries / 100 * 99) continue;
      must(wal.sync());
      must(store.save(EntryId{n}, state, wal.durable_entry_id()));
    }
    must(wal.close());
  }
  const auto apply = [](Counter& counter, const std::string&) { ++counter.total; };
  for (const bool with_checkpoint : {true, false}) {
    const auto bytes = std::make_shared<std::atomic<std::uint64_t>>(0);
    RecoverOptions options;
    if (!with_checkpoint) options.checkpoint.subdirectory = "none";
    const auto began = Clock::now();
    const auto found = must(recover<Counter, std::string, BytesCodec>(
        std::make_shared<Counting>(directory, bytes), options, apply));
    const double took = std::chrono::duration<double>(Clock::now() - began).count();
    std::printf("| %s | %" PRIu64 " | %.1f | %.3f |\n",
                with_checkpoint ? "from the checkpoint" : "from the beginning",
                found.replay.entry_count, static_cast<double>(bytes->load()) / (1 << 20), took);
    if (found.state.total != entries) return 1;
  }
  return 0;
}

}  // namespace

int run(int argc, char** argv) {
  const std::string what = argc > 3 ? argv[1] : "";
  const std::uint64_t size = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0;
  if (what == "latency" && argc > 4) return latency(argv[2], size, std::strtod(argv[4], nullptr));
  if (what == "flat") return flat(argv[2], size);
  if (what == "recover") return recover_part(argv[2], size);
  std::fprintf(
      stderr,
      "usage: walkit_state latency FOLDER MIB SECONDS | flat FOLDER ENTRIES | recover FOLDER "
      "MIB\n");
  return 2;
}

}  // namespace walkit::bench

int main(int argc, char** argv) { return walkit::bench::run(argc, argv); }
