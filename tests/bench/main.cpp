// One run of one contender, or what contenders there are:
//
//   walkit_bench list
//   walkit_bench WORKLOAD CONTENDER FOLDER [bytes=N] [threads=N] [seconds=X] [mib=N]
//   [segment_kib=N] [cache=warm|cold]
//
// w1: durable appends by one thread. w2: by several that wait. async: by one that does not wait.
// w3: appends without a sync. w6: durable puts into a map. make: data for w4 (reading all of it),
// w5 (opening it) and w7 (opening a map), of which the folder stays; before those its files are
// read once, or dropped from the page cache.
//
// Prints one JSON line. Exit code 1: entries are missing, or something failed; no figure is
// printed.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "raw_file.hpp"
#include "run.hpp"

namespace walkit::bench {
namespace {

namespace fs = std::filesystem;
using Words = std::map<std::string, std::string>;

class Line {
 public:
  void text(const char* name, std::string_view value) {
    add(name, "\"" + std::string(value) + "\"");  // none has a quote in it
  }
  void number(const char* name, double value) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.9g", value);
    add(name, digits);
  }
  void count(const char* name, std::uint64_t value) { add(name, std::to_string(value)); }
  [[nodiscard]] std::string json() const { return "{" + text_ + "}"; }

 private:
  void add(const char* name, const std::string& value) {
    text_ += (text_.empty() ? "\"" : ", \"") + std::string(name) + "\": " + value;
  }
  std::string text_;
};

void add_waits(Line& line, std::vector<float>& waits) {
  if (waits.empty()) return;
  std::sort(waits.begin(), waits.end());
  const auto microseconds = [&](double part) {
    const auto at = static_cast<std::size_t>(part * static_cast<double>(waits.size()));
    return static_cast<double>(waits[std::min(at, waits.size() - 1)]) * 1e6;
  };
  line.number("p10_us", microseconds(0.1));
  line.number("p50_us", microseconds(0.5));
  line.number("p99_us", microseconds(0.99));
  line.number("p999_us", microseconds(0.999));
  line.number("max_us", static_cast<double>(waits.back()) * 1e6);
}

std::string line_of(const Contender& contender, const Job& job, const std::string& cache,
                    Outcome outcome) {
  Line line;
  line.text("workload", contender.workload);
  line.text("contender", contender.name);
  line.text("level", contender.level);
  line.text("sync", contender.sync);
  line.count("bytes", job.entry_bytes);
  line.count("threads", job.threads);
  line.count("mib", job.total_bytes / kMiB);
  line.count("segment_kib", job.segment_bytes / 1024);
  if (!cache.empty()) line.text("cache", cache);
  line.number("seconds", outcome.seconds);
  line.count("entries", outcome.entries);
  if (outcome.seconds > 0) {
    line.number("per_second", static_cast<double>(outcome.entries) / outcome.seconds);
  }
  line.count("groups", outcome.groups);
  line.count("segments", outcome.segments);
  line.count("disk_bytes", outcome.disk_bytes);
  line.number("cpu_seconds", outcome.cpu_seconds);
  if (outcome.decode_seconds > 0) line.number("decode_seconds", outcome.decode_seconds);
  add_waits(line, outcome.waits);
  return line.json();
}

Words words_of(int argc, char** argv) {
  Words words;
  for (int i = 4; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) fail("not NAME=VALUE: " + word);
    words[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return words;
}

Job job_of(const std::string& folder, const Words& words) {
  Job job{.folder = folder};
  for (const auto& [name, value] : words) {
    const double number = std::strtod(value.c_str(), nullptr);
    const auto count = static_cast<std::uint64_t>(number);
    if (name == "cache") continue;
    check(number > 0, "a number has to be above 0");
    if (name == "bytes") {
      job.entry_bytes = count;
    } else if (name == "threads") {
      job.threads = static_cast<unsigned>(count);
    } else if (name == "seconds") {
      job.seconds = number;
    } else if (name == "mib") {
      job.total_bytes = count * kMiB;
    } else if (name == "segment_kib") {
      job.segment_bytes = count * 1024;
    } else {
      fail("there is no " + name);
    }
  }
  return job;
}

int run(const Contender& contender, const Job& job, const std::string& cache) {
  const bool reads =
      contender.workload == "w4" || contender.workload == "w5" || contender.workload == "w7";
  if (!reads) {
    if (fs::exists(job.folder)) fail(job.folder + " is there already; it would be removed");
    fs::create_directories(job.folder);
  }
  if (contender.workload == "w3") {
    // A virtual machine may have to ask its host for the pages of new files, at several times the
    // cost of writing them: a run before the one that counts has asked for them.
    contender.run(job);
    fs::remove_all(job.folder);
    fs::create_directories(job.folder);
  }
  if (cache == "warm") warm_up(job.folder);
  if (cache == "cold") cool_down(job.folder);
  std::printf("%s\n", line_of(contender, job, cache, contender.run(job)).c_str());
  std::fflush(stdout);
  if (!reads && contender.workload != "make") fs::remove_all(job.folder);
  std::_Exit(0);  // what a crashed contender left open is to stay as it is
}

int list() {
  for (const Contender& contender : contenders()) {
    std::printf("%.*s %.*s\n", static_cast<int>(contender.workload.size()),
                contender.workload.data(), static_cast<int>(contender.name.size()),
                contender.name.data());
  }
  return 0;
}

}  // namespace
}  // namespace walkit::bench

int main(int argc, char** argv) {
  using namespace walkit::bench;
  if (argc == 2 && std::string_view(argv[1]) == "list") return list();
  if (argc < 4) {
    std::fprintf(stderr,
                 "walkit_bench list | WORKLOAD CONTENDER FOLDER [bytes=N] [threads=N] [seconds=X] "
                 "[mib=N] [segment_kib=N] [cache=warm|cold]\n");
    return 2;
  }
  const Words words = words_of(argc, argv);
  const auto cache = words.find("cache");
  for (const Contender& contender : contenders()) {
    if (contender.workload != argv[1] || contender.name != argv[2]) continue;
    return run(contender, job_of(argv[3], words), cache == words.end() ? "" : cache->second);
  }
  std::fprintf(stderr, "there is no %s for %s; ask: walkit_bench list\n", argv[2], argv[1]);
  return 2;
}
