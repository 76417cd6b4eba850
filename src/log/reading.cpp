#include "log/reading.hpp"

namespace walkit::log {

Result<OpenSegment> open_checked(Directory& directory, const SegmentFile& segment,
                                 const std::optional<StoredType>& type, const ManifestSlot* slot) {
  auto opened = open_segment(directory, segment);
  if (!opened) return opened;
  if (type) {
    if (Status ok = check_type(opened->header, *type, segment.file); !ok) return ok.error();
  }
  if (slot != nullptr && opened->header.log != slot->log) {
    return damage(segment.file, "belongs to another log");
  }
  return opened;
}

Error trimmed(EntryId wanted, EntryId oldest) {
  return {.code = Errc::gap,
          .message =
              "entry " + to_string(wanted) + " was asked for; the oldest is " + to_string(oldest),
          .lost = {wanted, oldest - 1},
          .next_step = "begin at the oldest entry, or from a checkpoint"};
}

Error beyond_the_end(EntryId wanted, EntryId last) {
  return {
      .code = Errc::not_found,
      .message = "entry " + to_string(wanted) + " was asked for; the last is " + to_string(last)};
}

Error recorded_loss(std::string_view file, const LossBody& loss, std::uint64_t offset) {
  Error gap = damage(file, "a recorded loss: " + loss.cause, loss.entries, offset);
  gap.next_step = "read with RecordedLoss::accept to go on behind it";
  return gap;
}

Error fault_error(const FrameScanner& scanner, std::string_view file, EntryId through) {
  if (scanner.over_readers_cap()) {
    Error too_large = scanner.cap_error();
    too_large.file = file;
    return too_large;
  }
  if (scanner.fault() == FrameFault::unknown) {
    return newer_frame(file, scanner.position());
  }
  EntryIdRange gone{scanner.expected(), through};
  // The header holds, so that it is known which entries the damaged body held.
  const auto& header = scanner.fault_header();
  if (header && scanner.fault() == FrameFault::body && header->count > 0) {
    gone.last = header->last();
  }
  return damage(file, "no valid frame where acknowledged entries were", gone, scanner.position());
}

Error misfit(const FrameEntries& entries) {
  const EntryId id = entries.next_id();
  return damage(entries.entry().file, "entries do not fit their frame", {id, id},
                entries.entry().offset);
}

Status check_seal(FrameScanner& scanner, File& file, std::string_view name, const SegmentEnd& end) {
  if (end.seal_end == 0) return {};
  const auto seal = scanner.next();
  if (!seal) return seal.error();
  const auto size = file.size();
  if (!size) return size.error();
  const bool sealed = *seal && (*seal)->header.is(FrameKind::seal) &&
                      decode_seal((*seal)->body).has_value() &&
                      scanner.position() == end.seal_end && *size == end.seal_end;
  if (sealed) return {};
  return damage(name, "its seal is damaged or its length changed; no entry is lost", {}, end.end);
}

FrameEntries entries_of(const FrameView& frame, const SegmentHeader& segment,
                        std::string_view file) {
  const FrameHeader& header = frame.header;
  return {frame.entries,
          {.entry_id = header.first,
           .schema = frame.extras.schema != 0 ? frame.extras.schema : segment.schema,
           .file = file,
           .offset = header.offset,
           .time_ns = header.time_ns},
          header.last()};
}

}  // namespace walkit::log
