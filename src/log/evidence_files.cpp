#include "log/evidence_files.hpp"

#include "base/mutation.hpp"
#include "log/segment_name.hpp"

namespace walkit::log {
namespace {

std::string temporary_manifest() {
  return std::string(kManifestName) + std::string(kTemporarySuffix);
}

Status write_slot(File& file, const ManifestSlot& slot) {
  const ManifestSlotBytes bytes = encode(slot);
  const BytesView parts[] = {bytes};
  return file.write_at(slot.generation % 2 * kManifestSlotBytes, parts);
}

}  // namespace

const ManifestSlot* ManifestView::newest() const {
  const ManifestSlot* newest = nullptr;
  for (const auto& slot : slots) {
    if (slot && (newest == nullptr || slot->generation > newest->generation)) newest = &*slot;
  }
  return newest;
}

Result<Bytes> read_start(Directory& directory, std::string_view name, std::size_t bytes) {
  auto file = directory.open(name, OpenMode::read);
  if (!file) return file.error();
  Bytes content(bytes);
  const auto got = (*file)->read_at(0, content);
  if (!got) return got.error();
  content.resize(*got);
  return content;
}

namespace {

Result<ManifestView> look_at_manifest(Directory& directory) {
  const auto bytes = read_start(directory, kManifestName, kManifestBytes);
  if (!bytes) return bytes.error();
  ManifestView view;
  for (std::size_t i = 0; i < view.slots.size(); ++i) {
    const std::size_t begin = std::min(i * kManifestSlotBytes, bytes->size());
    const BytesView rest = BytesView(*bytes).subspan(begin);
    auto slot = decode_manifest_slot(rest.first(std::min(rest.size(), kManifestSlotBytes)));
    if (slot && slot->generation % 2 == i) {
      view.slots[i] = *slot;
      continue;
    }
    Error fault =
        slot ? Error{.code = Errc::corrupt, .message = "a manifest slot in the other's place"}
             : slot.error();
    fault.file = kManifestName;
    fault.offset = i * kManifestSlotBytes;
    if (fault.code == Errc::incompatible) return fault;
    view.faults.push_back(std::move(fault));
  }
  return view;
}

}  // namespace

Result<ManifestView> read_manifest(Directory& directory) {
  auto view = look_at_manifest(directory);
  if (!view || view->faults.empty()) return view;
  return look_at_manifest(directory);
}

Result<ManifestWriter> ManifestWriter::create(Directory& directory, const LogIdentity& log) {
  const std::string temporary = temporary_manifest();
  auto file = directory.open(temporary, OpenMode::create);
  if (!file) return file.error();
  // Both slots, so that neither of a healthy manifest is ever bad.
  ManifestSlot slot{.log = log, .generation = 1};
  if (Status ok = write_slot(**file, slot); !ok) return ok.error();
  slot.generation = 2;
  if (Status ok = write_slot(**file, slot); !ok) return ok.error();
  if (!mutated(Mutation::birth_without_sync)) {
    if (Status ok = (*file)->sync(); !ok) return ok.error();
  }
  if (Status ok = directory.rename({.from = temporary, .to = kManifestName}); !ok)
    return ok.error();
  if (Status ok = directory.sync(); !ok) return ok.error();
  return ManifestWriter(std::move(*file), slot, 1);
}

Result<ManifestWriter> ManifestWriter::open(Directory& directory, const ManifestView& view) {
  auto file = directory.open(kManifestName, OpenMode::write);
  if (!file) return file.error();
  const bool over_newest = view.faults.empty() && !mutated(Mutation::manifest_over_older_slot);
  const std::uint64_t step = over_newest ? 2 : 1;
  return ManifestWriter(std::move(*file), *view.newest(), step);
}

void ManifestWriter::begin_at(std::uint64_t first_segment, std::uint64_t first_salt) {
  if (current_.last_segment != 0) return;
  current_.first_segment = first_segment;
  current_.first_salt = first_salt;
}

void ManifestWriter::end_at(const SegmentHeader& newest) {
  if (current_.last_segment >= newest.number) return;
  current_.set_last(newest);
  current_.clean = false;
}

Status ManifestWriter::write(ManifestSlot slot) {
  slot.generation = current_.generation + step_;
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::manifest_over_both_slots)) {
    if (Status ok = write_slot(*file_, slot); !ok) return ok;
    ++slot.generation;
  }
#endif
  if (Status ok = write_slot(*file_, slot); !ok) return ok;
  if (!mutated(Mutation::manifest_without_sync)) {
    if (Status ok = file_->sync(); !ok) return ok;
  }
  current_ = slot;
  step_ = 1;
  return {};
}

Status ManifestWriter::begin_later(const SegmentHeader& first) {
  ManifestSlot slot = current_;
  slot.first_segment = first.number;
  slot.first_salt = first.salt();
  slot.begins_after = first.first - 1;
  // One slot alone may be torn by the next write of it, and the other one names what is gone.
  if (Status ok = write(slot); !ok || mutated(Mutation::trim_in_one_slot)) return ok;
  return write(slot);
}

Result<std::optional<LockRecord>> read_lock_record(Directory& directory) {
  for (int look = 0; look < 2; ++look) {
    const auto bytes = read_start(directory, kLockFileName, kLockRecordBytes);
    if (!bytes) {
      if (bytes.error().code == Errc::not_found) return std::optional<LockRecord>{};
      return bytes.error();
    }
    if (const auto record = decode_lock_record(*bytes)) return std::optional(*record);
  }
  return std::optional<LockRecord>{};
}

Result<LockRecordWriter> LockRecordWriter::open(Directory& directory) {
  auto file = directory.open(kLockFileName, OpenMode::write);
  if (!file) return file.error();
  return LockRecordWriter(std::move(*file));
}

Status LockRecordWriter::write(const LockRecord& record) {
  const LockRecordBytes bytes = encode(record);
  const BytesView parts[] = {bytes};
  return file_->write_at(0, parts);
}

}  // namespace walkit::log
