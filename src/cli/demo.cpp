#include <fmt/format.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <random>

#include "cli/demo_child.hpp"
#include "cli/demo_proof.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/log/log_reader.hpp"

// `./dev demo`: journals a file while its process is killed again and again, and proves that
// nothing that was acknowledged is lost.

namespace walkit::demo {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

volatile std::sig_atomic_t g_stop_signal = 0;
void stop(int signal) { g_stop_signal = signal; }

Error interrupted() { return {.code = Errc::closed, .message = "stopped by a signal"}; }

// Gone with all that is in it, however the demonstration ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "walkit-demo-XXXXXX").native();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_{};
};

struct Options {
  std::string file{};
  std::uint64_t seconds = 40;
  std::uint64_t seed = std::random_device{}();
};

struct Figures {
  std::uint64_t kills = 0, kills_while_opening = 0, recoveries = 0;
  std::uint64_t rewritten = 0, cut_bytes = 0, entries = 0, syncs = 0;
  std::chrono::nanoseconds slowest_open{};
};

class Demo {
 public:
  Demo(const Options& options, const Input& input, const std::string& folder)
      : options_(options), folder_(folder), input_(input), proof_(input), random_(options.seed) {}

  Status run();

 private:
  // The kill comes at whichever is first.
  struct Fate {
    std::uint64_t acknowledgements = 0;
    std::chrono::microseconds time{};
  };

  Fate draw_fate();
  Status live_and_die();
  Status finish();
  Status note(const Message& message);
  Status drain(Child& child);
  [[nodiscard]] bool is_over() const;
  JournalPlan plan(milliseconds until_close);
  void print_progress() const;
  Status print_story() const;

  const Options& options_;
  const std::string& folder_;
  const Input& input_;
  Proof proof_;
  std::mt19937_64 random_;
  std::shared_ptr<Directory> directory_{};
  Figures figures_{};
  Message counted_{};  // the last of the process that runs
  bool opened_ = false;
  const Clock::time_point start_ = Clock::now();
};

JournalPlan Demo::plan(milliseconds until_close) {
  return {.folder = folder_,
          .file = input_.path(),
          .seed = random_(),
          .milliseconds = static_cast<std::uint64_t>(until_close.count())};
}

Demo::Fate Demo::draw_fate() {
  const auto pick = [&](std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random_);
  };
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  // One in four dies before or while it opens the log.
  if (pick(0, 3) == 0) return {kNever, std::chrono::microseconds(pick(0, 12'000))};
  return {pick(1, 3'000), std::chrono::microseconds(pick(30'000, 700'000))};
}

Status Demo::note(const Message& message) {
  switch (message.kind) {
    case Message::Kind::opened: {
      const std::chrono::nanoseconds time(message.open_ns);
      opened_ = true;
      figures_.recoveries += message.recovered;
      figures_.rewritten += message.rewritten;
      figures_.cut_bytes += message.cut_bytes;
      figures_.slowest_open = std::max(figures_.slowest_open, time);
      return {};
    }
    case Message::Kind::counted:
      counted_ = message;
      return {};
    case Message::Kind::acknowledged:
      return proof_.acknowledge(EntryId{message.entry_id}, {message.thread, message.index});
  }
  return {};
}

// What it still told before it ended.
Status Demo::drain(Child& child) {
  while (!child.end_of_messages()) {
    const auto message = child.next(milliseconds(100));
    if (!message) return message.error();
    if (*message) {
      if (Status ok = note(**message); !ok) return ok;
    }
    if (g_stop_signal != 0) return interrupted();
  }
  figures_.entries += counted_.entries;
  figures_.syncs += counted_.syncs;
  counted_ = {};
  return child.wait();
}

Status Demo::live_and_die() {
  const Fate fate = draw_fate();
  const std::uint64_t before = proof_.acknowledged();
  opened_ = false;
  auto child = Child::start(plan(milliseconds(0)));
  if (!child) return child.error();
  const auto born = Clock::now();
  while (!child->end_of_messages() && proof_.acknowledged() - before < fate.acknowledgements) {
    const auto left = fate.time - (Clock::now() - born);
    if (left <= left.zero()) break;
    const auto message = child->next(std::chrono::ceil<milliseconds>(left));
    if (!message) return message.error();
    if (*message) {
      if (Status ok = note(**message); !ok) return ok;
    }
    if (g_stop_signal != 0) return interrupted();
  }
  child->kill();
  ++figures_.kills;
  if (Status ok = drain(*child); !ok) return ok;
  if (!opened_) ++figures_.kills_while_opening;
  const auto checked = proof_.check(directory_, ReplayMode::best_effort);
  if (!checked) return checked.error();
  return {};
}

bool Demo::is_over() const {
  constexpr std::uint64_t kKillsEnough = 100;
  const bool late = Clock::now() - start_ > std::chrono::seconds(options_.seconds);
  return late || (figures_.kills >= kKillsEnough && proof_.lines_done() == input_.lines());
}

// One more life, which is not cut short; then all of the log, read strictly.
Status Demo::finish() {
  constexpr milliseconds kLastLife(5'000);
  auto child = Child::start(plan(kLastLife));
  if (!child) return child.error();
  if (Status ok = drain(*child); !ok) return ok;
  const auto checked = proof_.check(directory_, ReplayMode::strict);
  if (!checked) return checked.error();
  return {};
}

void Demo::print_progress() const {
  fmt::print("  {:>3} kills, {:>3} recoveries, {:>7} acknowledged entries: every one is there\n",
             figures_.kills, figures_.recoveries, proof_.acknowledged());
  std::fflush(stdout);
}

Status Demo::print_story() const {
  const auto reader = LogReader::open(directory_, {}, std::nullopt);
  if (!reader) return reader.error();
  const auto segments = reader->segments();
  if (!segments) return segments.error();
  std::uint64_t bytes = 0;
  for (const SegmentInfo& segment : *segments) bytes += segment.bytes;
  const double per_sync = figures_.syncs == 0 ? 0.0
                                              : static_cast<double>(figures_.entries) /
                                                    static_cast<double>(figures_.syncs);
  fmt::print("\nkills                 {}, {} of them before the log was open\n", figures_.kills,
             figures_.kills_while_opening);
  fmt::print("recoveries            {}, the slowest in {:.1f} ms\n", figures_.recoveries,
             std::chrono::duration<double, std::milli>(figures_.slowest_open).count());
  fmt::print("entries in the log    {}, in {} segments of {:.1f} MiB together\n",
             proof_.last().value, segments->size(), static_cast<double>(bytes) / (1 << 20));
  fmt::print("lines of the file     {} of {} journaled{}\n", proof_.lines_done(), input_.lines(),
             proof_.lines_done() == input_.lines() ? ", then more rounds" : "");
  fmt::print("made durable later    {} entries that recovery found unproven\n", figures_.rewritten);
  fmt::print("cut                   {} bytes of writes that a kill tore\n", figures_.cut_bytes);
  fmt::print("syncs                 about {}, {:.1f} entries each\n", figures_.syncs, per_sync);
  fmt::print("acknowledgement lost  {} entries, to a kill in between: as whole as the others\n",
             proof_.last().value - proof_.acknowledged());
  fmt::print("the end               closed cleanly, read strictly, equal to the file, took {} s\n",
             std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start_).count());
  fmt::print("\nevery one of {} acknowledged entries is there exactly once\n",
             proof_.acknowledged());
  return {};
}

Status Demo::run() {
  fmt::print(
      "Journaling {} ({} lines, {} bytes) from {} threads; the process is killed with "
      "SIGKILL at random moments for {} s at most (--seed {})\n\n",
      input_.path(), input_.lines(), input_.bytes(), kThreads, options_.seconds, options_.seed);
  auto directory = FsDirectory::open(folder_, {.access = FsAccess::read_only});
  if (!directory) return directory.error();
  directory_ = std::move(*directory);
  while (!is_over()) {
    if (Status ok = live_and_die(); !ok) return ok;
    if (figures_.kills % 10 == 0) print_progress();
  }
  if (Status ok = finish(); !ok) return ok;
  return print_story();
}

std::string default_file() {
  for (const char* file : {"/var/lib/dpkg/status", "/etc/services", "/etc/passwd"}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error)) return file;
  }
  return "/proc/self/exe";
}

int demonstrate(const Options& options) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, stop);
  const auto input = Input::read(options.file);
  const TemporaryFolder folder;
  const auto answer = [&]() -> Status {
    if (!input) return input.error();
    if (folder.path().empty()) return Error{.message = "cannot make a temporary folder"};
    return Demo(options, *input, folder.path()).run();
  };
  const Status done = answer();
  if (done) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "walkit-demo: {} (--seed {})\n", to_string(done.error()), options.seed);
  return g_stop_signal != 0 ? 128 + g_stop_signal : 1;
}

int main_of_parent(int argc, char** argv) {
  CLI::App app(
      "Journals a file from several threads, is killed at random moments, and proves that every "
      "acknowledged entry is there exactly once.",
      "walkit-demo");
  Options options;
  app.add_option("FILE", options.file, "What to journal; default: the machine's package database");
  app.add_option("--seconds", options.seconds, "How long to go on killing")->capture_default_str();
  app.add_option("--seed", options.seed, "Repeats the moments of an earlier run, nearly");
  CLI11_PARSE(app, argc, argv);
  if (options.file.empty()) options.file = default_file();
  return demonstrate(options);
}

}  // namespace
}  // namespace walkit::demo

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const bool is_child = argc == 7 && std::string_view(argv[1]) == "--journal";
  if (!is_child) return walkit::demo::main_of_parent(argc, argv);
  return walkit::demo::journal({.folder = argv[2],
                                .file = argv[3],
                                .pipe = std::atoi(argv[4]),
                                .seed = std::stoull(argv[5]),
                                .milliseconds = std::stoull(argv[6])});
}
