#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/io/directory.hpp"

namespace walkit::testing {

class Trial;

/// A file of a trial. When opening it failed the trial has failed, and all calls do nothing.
class TrialFile {
 public:
  TrialFile(Trial& trial, std::string name, std::unique_ptr<File> file)
      : trial_(&trial), name_(std::move(name)), file_(std::move(file)) {}

  void write(std::uint64_t offset, std::string_view text) { write(offset, {{as_bytes(text)}}); }
  void write(std::uint64_t offset, const std::vector<BytesView>& parts);
  void fill_zeros(std::uint64_t to);
  void allocate(std::uint64_t to);
  void truncate(std::uint64_t bytes);
  void sync();

  /// The file holds this and nothing else, and says so in size().
  void holds(std::string_view expected);
  /// What `bytes` of room get at `offset`.
  void reads(std::uint64_t offset, std::size_t bytes, std::string_view expected);
  void sync_answers(Errc expected);
  void refuses_changes();

 private:
  [[nodiscard]] std::string at(std::string_view call) const;

  Trial* trial_;
  std::string name_;
  std::unique_ptr<File> file_;
};

/// The steps of one check on one directory; keeps the first that went wrong. One thread.
class Trial {
 public:
  explicit Trial(std::shared_ptr<Directory> directory) : directory_(std::move(directory)) {}

  /// "" while nothing went wrong.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] Directory& directory() { return *directory_; }

  TrialFile open(std::string_view name, OpenMode mode);
  TrialFile create(std::string_view name, std::string_view text = "");
  /// A trial in the subdirectory; what goes wrong there is given to merge().
  Trial subdirectory(std::string_view name, OpenMode mode);
  void merge(const Trial& other);
  void rename(std::string_view from, std::string_view to);
  void remove(std::string_view name);
  std::unique_ptr<DirectoryLock> lock();

  void lists(const std::vector<std::string>& expected);
  void is_locked(bool expected);
  void succeeds(std::string_view step, const Status& status);
  void require(std::string_view step, bool good, std::string_view found, std::string_view expected);
  void fail(std::string_view step, std::string_view found, std::string_view expected);

  template <class T>
  void answers(std::string_view step, const Result<T>& result, Errc expected) {
    require(step, !result && result.error().code == expected, outcome(result), to_string(expected));
  }
  template <class T>
  void refuses(std::string_view step, const Result<T>& result) {
    require(step, !result, outcome(result), "an error");
  }

 private:
  template <class T>
  static std::string outcome(const Result<T>& result) {
    return result ? std::string{"success"} : to_string(result.error());
  }

  std::shared_ptr<Directory> directory_;
  std::string failure_;
};

}  // namespace walkit::testing
