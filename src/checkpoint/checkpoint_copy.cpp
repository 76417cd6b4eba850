// CheckpointFiles::copy_to().

#include <new>

#include "io/copy_file.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"

namespace walkit {
namespace {

// Each is behind a prune that removed what was to be copied next.
constexpr int kLooksMax = 100;

// not_found: it was pruned meanwhile.
Status copy_checkpoint(Directory& from, const std::string& name, Directory& to) {
  Status linked = from.link(name, to, name);
  if (linked || linked.error().code == Errc::already_exists) return {};
  if (linked.error().code != Errc::not_supported) return linked;
  const auto source = from.open(name, OpenMode::read);
  if (!source) return source.error();
  const auto copy = to.open(name, OpenMode::create);
  if (!copy && copy.error().code == Errc::already_exists) return {};
  if (!copy) return copy.error();
  if (const auto copied = io::copy_bytes(**source, copy->get()); !copied) return copied.error();
  return (*copy)->sync();
}

}  // namespace

Result<std::vector<CheckpointInfo>> CheckpointFiles::copy_to(
    const std::shared_ptr<Directory>& empty_target) const try {
  auto infos = list();
  if (!infos || infos->empty()) return infos;
  const auto from = folder();
  if (!from) return from.error();
  const auto to = io::open_empty(*empty_target, options_.subdirectory, "checkpoints");
  if (!to) return to.error();
  const auto lock = (*to)->lock();
  if (!lock) return lock.error();
  Status copied;
  for (int looks = 0; looks < kLooksMax; ++looks) {
    copied = {};
    for (auto info = infos->begin(); copied && info != infos->end(); ++info) {
      copied = copy_checkpoint(**from, info->file, **to);
    }
    if (copied || copied.error().code != Errc::not_found) break;
    infos = list();
    if (!infos) return infos;
  }
  if (!copied) return copied.error();
  if (Status ok = (*to)->sync(); !ok) return ok.error();
  return infos;
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

}  // namespace walkit
