#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

// The built tool as a process: what a user gives and what he gets.

namespace walkit::cli_test {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

/// Starts the tool with these three; they stay open here.
inline pid_t start_tool(Arguments arguments, std::array<int, 3> files) {
  arguments.insert(arguments.begin(), "walkit");
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const pid_t process = ::fork();
  if (process != 0) return process;
  for (int i = 0; i < 3; ++i) ::dup2(files[static_cast<std::size_t>(i)], i);
  ::execv(WALKIT_TOOL, words.data());
  ::_exit(127);
}

/// The exit code; 1000 + the signal that ended it.
inline int wait_for(pid_t process) {
  int status = 0;
  ::waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// A file without a name.
class Scratch {
 public:
  explicit Scratch(const std::string& text = "") : file_(std::tmpfile()) {
    std::fwrite(text.data(), 1, text.size(), file_);
    std::rewind(file_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::fclose(file_); }

  [[nodiscard]] int fd() const { return ::fileno(file_); }
  [[nodiscard]] std::string text() const {
    std::string all;
    std::array<char, 4096> part{};
    std::rewind(file_);
    while (const std::size_t got = std::fread(part.data(), 1, part.size(), file_)) {
      all.append(part.data(), got);
    }
    return all;
  }

 private:
  std::FILE* file_;
};

struct Outcome {
  int code = -1;
  std::string out{}, err{};
};

inline Outcome run_tool(Arguments arguments, const std::string& input = "") {
  const Scratch in(input), out, err;
  const int code = wait_for(start_tool(std::move(arguments), {in.fd(), out.fd(), err.fd()}));
  return {code, out.text(), err.text()};
}

/// An `append --acks` whose input stays open until finish() or kill().
class LiveAppend {
 public:
  LiveAppend(const std::string& directory, const std::string& sync) {
    std::array<int, 2> in{}, out{};
    EXPECT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    process_ =
        start_tool({"append", directory, "--acks", "--sync", sync}, {in[0], out[1], words_.fd()});
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    output_ = ::fdopen(out[0], "r");
  }
  LiveAppend(const LiveAppend&) = delete;
  LiveAppend& operator=(const LiveAppend&) = delete;
  ~LiveAppend() {
    if (process_ > 0) kill();
    std::fclose(output_);
  }

  /// Gives a line and waits until it is acknowledged; the ids.
  std::string append(const std::string& line) {
    const std::string text = line + "\n";
    EXPECT_EQ(::write(input_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    std::array<char, 64> answer{};
    if (std::fgets(answer.data(), answer.size(), output_) == nullptr) return "";
    return std::string(answer.data());
  }
  int finish() {
    ::close(input_);
    return wait_for(std::exchange(process_, -1));
  }
  void kill() {
    ::kill(process_, SIGKILL);
    EXPECT_EQ(finish(), 1000 + SIGKILL);
  }
  [[nodiscard]] pid_t process() const { return process_; }

 private:
  Scratch words_{};
  pid_t process_ = -1;
  int input_ = -1;
  std::FILE* output_ = nullptr;
};

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A folder for each test, with a log `log()` in it once somebody appends.
class CliTest : public testing::Test {
 protected:
  CliTest() {
    std::string name = (fs::temp_directory_path() / "walkit-cli-XXXXXX").native();
    folder_ = ::mkdtemp(name.data());
  }
  ~CliTest() override {
    std::error_code error;
    fs::remove_all(folder_, error);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string log() const { return path("log"); }
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / "log/wal" / name; }
  [[nodiscard]] fs::path newest_segment() const {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(folder_ / "log/wal")) {
      if (entry.path().extension() == ".wal" && entry.path() > newest) newest = entry.path();
    }
    return newest;
  }

  Outcome append(const std::string& lines, Arguments more = {}) const {
    more.insert(more.begin(), {"append", log()});
    return run_tool(more, lines);
  }
  Outcome cat(Arguments more = {}) const {
    more.insert(more.begin(), {"cat", log()});
    return run_tool(more);
  }
  Outcome ls() const { return run_tool({"ls", log()}); }
  Outcome verify() const { return run_tool({"verify", log()}); }

  static void flip(const fs::path& path, std::size_t offset) {
    std::string bytes = read_file(path);
    bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 1);
    write_file(path, bytes);
  }

 private:
  fs::path folder_;
};

}  // namespace walkit::cli_test
