#include "log/quarantine.hpp"

#include <algorithm>

#include "log/segment_name.hpp"

namespace walkit::log {
namespace {

// Nothing that was set aside before is replaced.
Result<std::string> free_name(Directory& directory, const std::string& file) {
  const auto names = directory.list();
  if (!names) return names.error();
  std::string name = file;
  for (int n = 2; std::find(names->begin(), names->end(), name) != names->end(); ++n) {
    name = file + "." + std::to_string(n);
  }
  return name;
}

}  // namespace

Result<Quarantine> Quarantine::open(Directory& home) {
  auto folder = home.subdirectory(kQuarantineName, OpenMode::create);
  if (!folder) return folder.error();
  return Quarantine(home, std::move(*folder));
}

Status Quarantine::take(const std::string& file) {
  const auto name = free_name(*folder_, file);
  if (!name) return name.error();
  return home_->rename({file, *name, folder_.get()});
}

Status Quarantine::keep_copy(const std::string& file, BytesView bytes) {
  const auto name = free_name(*folder_, file);
  if (!name) return name.error();
  const auto copy = folder_->open(*name, OpenMode::create);
  if (!copy) return copy.error();
  const BytesView parts[] = {bytes};
  if (Status ok = (*copy)->write_at(0, parts); !ok) return ok;
  if (Status ok = (*copy)->sync(); !ok) return ok;
  return folder_->sync();
}

Status Quarantine::sync() {
  if (Status ok = folder_->sync(); !ok) return ok;
  return home_->sync();
}

Status set_aside(Directory& home, const std::vector<std::string>& files) {
  if (files.empty()) return {};
  auto quarantine = Quarantine::open(home);
  if (!quarantine) return quarantine.error();
  for (const std::string& file : files) {
    if (Status ok = quarantine->take(file); !ok) return ok;
  }
  return quarantine->sync();
}

}  // namespace walkit::log
