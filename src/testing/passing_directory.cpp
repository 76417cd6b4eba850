#include "walkit/testing/passing_directory.hpp"

namespace walkit::testing {

Result<std::size_t> PassingFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  return below_->read_at(offset, into);
}
Status PassingFile::write_at(std::uint64_t offset, std::span<const BytesView> parts) {
  return below_->write_at(offset, parts);
}
Status PassingFile::fill_zeros(std::uint64_t to) { return below_->fill_zeros(to); }
Status PassingFile::truncate(std::uint64_t bytes) { return below_->truncate(bytes); }
Status PassingFile::sync() { return below_->sync(); }
Result<std::uint64_t> PassingFile::size() { return below_->size(); }

Result<std::shared_ptr<Directory>> PassingDirectory::subdirectory(std::string_view name,
                                                                  OpenMode mode) {
  auto below = below_->subdirectory(name, mode);
  if (!below) return below;
  return wrap_subdirectory(name, std::move(*below));
}

Result<std::unique_ptr<File>> PassingDirectory::open(std::string_view name, OpenMode mode) {
  auto below = below_->open(name, mode);
  if (!below) return below;
  return wrap_file(name, std::move(*below));
}

Result<std::vector<std::string>> PassingDirectory::list() { return below_->list(); }

Status PassingDirectory::rename(Rename names) {
  if (auto* passing = dynamic_cast<PassingDirectory*>(names.into)) {
    names.into = passing->below_.get();
  }
  return below_->rename(names);
}

Status PassingDirectory::link(std::string_view name, Directory& into, std::string_view to) {
  auto* passing = dynamic_cast<PassingDirectory*>(&into);
  return below_->link(name, passing != nullptr ? *passing->below_ : into, to);
}

Status PassingDirectory::remove(std::string_view name) { return below_->remove(name); }
Status PassingDirectory::sync() { return below_->sync(); }
Result<std::unique_ptr<DirectoryLock>> PassingDirectory::lock() { return below_->lock(); }
Result<bool> PassingDirectory::is_locked() { return below_->is_locked(); }
void PassingDirectory::random_bytes(std::span<std::byte> into) { below_->random_bytes(into); }
std::chrono::nanoseconds PassingDirectory::now() { return below_->now(); }

std::unique_ptr<File> PassingDirectory::wrap_file(std::string_view /*name*/,
                                                  std::unique_ptr<File> file) {
  return file;
}

std::shared_ptr<Directory> PassingDirectory::wrap_subdirectory(
    std::string_view /*name*/, std::shared_ptr<Directory> directory) {
  return directory;
}

}  // namespace walkit::testing
