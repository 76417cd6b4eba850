#include "testing/directory_trial.hpp"

namespace walkit::testing {
namespace {

/// Short enough for a message.
std::string shown(std::string_view bytes) {
  constexpr std::size_t kShownMax = 40;
  std::string text = std::to_string(bytes.size()) + " bytes '";
  for (const char c : bytes.substr(0, kShownMax)) text += c == '\0' ? '0' : c;
  return text + (bytes.size() > kShownMax ? "...'" : "'");
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += "[" + name + "]";
  return text.empty() ? "nothing" : text;
}

}  // namespace

std::string TrialFile::at(std::string_view call) const {
  return std::string{call} + " on " + name_;
}

void TrialFile::write(std::uint64_t offset, const std::vector<BytesView>& parts) {
  if (file_) trial_->succeeds(at("write_at"), file_->write_at(offset, parts));
}

void TrialFile::fill_zeros(std::uint64_t to) {
  if (file_) trial_->succeeds(at("fill_zeros"), file_->fill_zeros(to));
}

void TrialFile::allocate(std::uint64_t to) {
  if (file_) trial_->succeeds(at("allocate"), file_->allocate(to));
}

void TrialFile::truncate(std::uint64_t bytes) {
  if (file_) trial_->succeeds(at("truncate"), file_->truncate(bytes));
}

void TrialFile::sync() {
  if (file_) trial_->succeeds(at("sync"), file_->sync());
}

void TrialFile::sync_answers(Errc expected) {
  if (file_) trial_->answers(at("sync"), file_->sync(), expected);
}

void TrialFile::holds(std::string_view expected) {
  if (!file_) return;
  const Result<std::uint64_t> size = file_->size();
  if (!size) return trial_->refuses(at("size"), size);
  trial_->require(at("size"), *size == expected.size(), std::to_string(*size),
                  std::to_string(expected.size()));
  reads(0, expected.size() + 1, expected);
}

void TrialFile::reads(std::uint64_t offset, std::size_t bytes, std::string_view expected) {
  if (!file_) return;
  Bytes into(bytes, std::byte{'?'});
  const Result<std::size_t> got = file_->read_at(offset, into);
  const std::string step = at("read_at " + std::to_string(offset));
  if (!got) return trial_->fail(step, to_string(got.error()), shown(expected));
  if (*got > bytes)
    return trial_->fail(step, std::to_string(*got) + " bytes", "no more than asked");
  const std::string_view found = as_text(into).substr(0, *got);
  trial_->require(step, found == expected, shown(found), shown(expected));
}

void TrialFile::refuses_changes() {
  if (!file_) return;
  const BytesView part = as_bytes("new");
  trial_->refuses(at("write_at"), file_->write_at(0, {&part, 1}));
  trial_->refuses(at("fill_zeros"), file_->fill_zeros(100));
  trial_->refuses(at("allocate"), file_->allocate(100));
  trial_->refuses(at("truncate"), file_->truncate(1));
}

TrialFile Trial::open(std::string_view name, OpenMode mode) {
  Result<std::unique_ptr<File>> file = directory_->open(name, mode);
  const std::string step = "open " + std::string{name};
  if (!file) fail(step, to_string(file.error()), "success");
  return TrialFile{*this, std::string{name}, file ? std::move(*file) : nullptr};
}

TrialFile Trial::create(std::string_view name, std::string_view text) {
  TrialFile file = open(name, OpenMode::create);
  file.write(0, text);
  return file;
}

Trial Trial::subdirectory(std::string_view name, OpenMode mode) {
  Result<std::shared_ptr<Directory>> found = directory_->subdirectory(name, mode);
  if (found) return Trial{std::move(*found)};
  fail("subdirectory " + std::string{name}, to_string(found.error()), "success");
  return Trial{directory_};  // some directory: this trial has failed, whatever is seen there
}

void Trial::merge(const Trial& other) {
  if (failure_.empty()) failure_ = other.failure_;
}

void Trial::rename(std::string_view from, std::string_view to) {
  succeeds("rename", directory_->rename({.from = from, .to = to}));
}

void Trial::remove(std::string_view name) { succeeds("remove", directory_->remove(name)); }

std::unique_ptr<DirectoryLock> Trial::lock() {
  Result<std::unique_ptr<DirectoryLock>> lock = directory_->lock();
  if (lock) return std::move(*lock);
  fail("lock", to_string(lock.error()), "success");
  return nullptr;
}

void Trial::lists(const std::vector<std::string>& expected) {
  const Result<std::vector<std::string>> names = directory_->list();
  if (!names) return fail("list", to_string(names.error()), joined(expected));
  require("list", *names == expected, joined(*names), joined(expected));
}

void Trial::is_locked(bool expected) {
  const Result<bool> locked = directory_->is_locked();
  const std::string_view wanted = expected ? "true" : "false";
  if (!locked) return fail("is_locked", to_string(locked.error()), wanted);
  require("is_locked", *locked == expected, *locked ? "true" : "false", wanted);
}

void Trial::succeeds(std::string_view step, const Status& status) {
  require(step, status.has_value(), outcome(status), "success");
}

void Trial::require(std::string_view step, bool good, std::string_view found,
                    std::string_view expected) {
  if (!good) fail(step, found, expected);
}

void Trial::fail(std::string_view step, std::string_view found, std::string_view expected) {
  if (!failure_.empty()) return;
  failure_ =
      std::string{step} + ": found " + std::string{found} + ", expected " + std::string{expected};
}

}  // namespace walkit::testing
