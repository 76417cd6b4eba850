#include "cli/place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "log/evidence_files.hpp"
#include "log/segment_name.hpp"

namespace walkit::cli {
namespace {

namespace fs = std::filesystem;

Error no_log(const std::string& path, std::string message) {
  return {.code = Errc::not_found,
          .message = path + ": " + std::move(message),
          .next_step = "check the path; `walkit append` creates a log"};
}

bool holds_a_log(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / log::kManifestName, error)) return true;
  fs::directory_iterator at(folder, error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    if (log::parse_segment_name(at->path().filename().native())) return true;
  }
  return false;
}

}  // namespace

Result<Place> find_log(const std::string& path, FsAccess access) {
  Place place;
  fs::path parent = path;
  std::error_code error;
  const fs::file_status status = fs::status(parent, error);
  if (status.type() == fs::file_type::not_found && access != FsAccess::create_if_missing) {
    return no_log(path, "no such directory");
  }
  const bool unknown =
      status.type() == fs::file_type::not_found || status.type() == fs::file_type::none;
  if (!unknown && status.type() != fs::file_type::directory) {
    return no_log(path, "not a directory");
  }
  if (!unknown && !fs::exists(parent / place.subdirectory, error) && holds_a_log(parent)) {
    const fs::path folder = fs::canonical(parent, error);
    if (!error && folder.has_filename()) {
      place.subdirectory = folder.filename();
      parent = folder.parent_path();
    }
  }
  auto directory = FsDirectory::open(parent, {.access = access});
  if (!directory) {
    Error cause = directory.error();
    if (status.type() == fs::file_type::not_found && error == std::errc::not_a_directory) {
      return no_log(path, "something on the way is not a directory");
    }
    return cause;
  }
  place.parent = std::move(*directory);
  return place;
}

Status check_new_target(const std::string& directory, const std::string& target) {
  const auto refuse = [&](std::string message) {
    return Error{.code = Errc::invalid_argument,
                 .message = target + ": " + std::move(message),
                 .next_step = "name a directory that is not there yet"};
  };
  std::error_code error;
  const fs::path from = fs::weakly_canonical(directory, error);
  const fs::path into = fs::weakly_canonical(target, error);
  if (std::mismatch(from.begin(), from.end(), into.begin(), into.end()).first == from.end()) {
    return refuse("lies in the log that is to be copied");
  }
  const fs::file_status status = fs::status(target, error);
  if (!fs::exists(status)) return {};
  if (!fs::is_directory(status)) return refuse("is no directory");
  if (!fs::is_empty(target, error) || error) return refuse("is not empty");
  return {};
}

Result<std::string> writer_of(Directory& home) {
  const auto locked = home.is_locked();
  if (!locked) return locked.error();
  if (!*locked) return std::string();
  const auto record = log::read_lock_record(home);
  if (!record) return record.error();
  return *record ? fmt::format("process {}", (*record)->process) : std::string("another process");
}

Result<ManifestState> manifest_state(Directory& home) {
  const auto view = log::read_manifest(home);
  if (!view && view.error().code == Errc::not_found) return ManifestState::missing;
  if (!view) return view.error();
  if (view->newest() == nullptr) return ManifestState::bad;
  return view->faults.empty() ? ManifestState::whole : ManifestState::one_bad_slot;
}

std::string_view to_string(ManifestState state) {
  switch (state) {
    case ManifestState::whole:
      return "whole";
    case ManifestState::one_bad_slot:
      return "one bad slot";
    case ManifestState::bad:
      return "bad";
    case ManifestState::missing:
      return "missing";
  }
  return {};
}

}  // namespace walkit::cli
