#include "log/log_builder.hpp"

#include <new>

#include "base/mutation.hpp"

namespace walkit::log {
namespace {

constexpr std::size_t kCauseBytesMax = 1000;

std::string temporary(const std::string& name) { return name + std::string(kTemporarySuffix); }

std::string cause_of(const Error& gap) {
  std::string cause = gap.message + ", in " + gap.file + " at byte " + std::to_string(gap.offset);
  // What was recorded before keeps its words.
  constexpr std::string_view kRecorded = "a recorded loss: ";
  if (gap.message.starts_with(kRecorded)) cause = gap.message.substr(kRecorded.size());
  cause.resize(std::min(cause.size(), kCauseBytesMax));
  return cause;
}

// The entries of a frame up to one, not compressed, with the extras that they had.
Bytes cut_body(const FrameView& frame, EntryId through) {
  Bytes body(2 * kVarintBytesMax);
  std::size_t used = 0;
  if ((frame.header.flags & kFlagSchema) != 0) {
    used += store_varint(frame.extras.schema, body.data() + used);
  }
  if ((frame.header.flags & kFlagRehomed) != 0) {
    used += store_varint(frame.extras.original_epoch, body.data() + used);
  }
  body.resize(used);
  BytesView rest = frame.entries;
  for (EntryId id = frame.header.first; id <= through; id = id + 1) {
    const auto bytes = take_varint(rest);  // checked by who read the frame
    rest = rest.subspan(*bytes);
  }
  const BytesView kept = frame.entries.first(frame.entries.size() - rest.size());
  body.insert(body.end(), kept.begin(), kept.end());
  return body;
}

}  // namespace

Status LogBuilder::build(SalvageScanner& scanner) {
  while (expected_ <= end()) {
    const auto piece = scanner.next();
    if (!piece) return piece.error();
    if (Status ok = note_gaps(scanner); !ok) return ok;
    if (!*piece) break;
    if (Status ok = add(**piece); !ok) return ok;
  }
  if (!place_.parent && scanner.expected() > expected_) {
    Status ok = add_loss({expected_, scanner.expected() - 1}, "not readable");
    if (!ok) return ok;
  }
  if (place_.parent && expected_ <= end()) {
    return Error{.code = Errc::not_found,
                 .message = "the log ends at entry " + to_string(expected_ - 1) + ", before " +
                            to_string(end()),
                 .next_step = "fork behind an entry that is durable"};
  }
  return finish();
}

Status LogBuilder::note_gaps(const SalvageScanner& scanner) {
  for (; told_ < scanner.gaps().size(); ++told_) {
    const Error& gap = scanner.gaps()[told_];
    if (gap.lost.first > end()) continue;
    if (place_.parent && !scanner.is_recorded(told_)) return gap;
    const EntryIdRange lost{gap.lost.first, std::min(gap.lost.last, end())};
    if (Status ok = add_loss(lost, cause_of(gap)); !ok) return ok;
  }
  return {};
}

Status LogBuilder::add(const SalvageScanner::Piece& piece) {
  const FrameHeader& header = piece.frame.header;
  if (place_.parent && header.first > expected_) {
    return Error{.code = Errc::gap,
                 .message = "trimmed while it was copied",
                 .lost = {expected_, header.first - 1},
                 .next_step = "fork behind an entry that is left, or pin it first"};
  }
  if (header.first > expected_) {
    if (Status ok = add_loss({expected_, header.first - 1}, "not readable"); !ok) return ok;
  }
  if (segment_ && source_number_ != piece.segment->number) {
    if (Status ok = end_segment(SegmentWriter::Ending::rotation); !ok) return ok;
  }
  if (!segment_) {
    if (Status ok = begin_segment(*piece.segment); !ok) return ok;
  }
  source_number_ = piece.segment->number;
  if (header.last() <= end()) return put(header, piece.frame.body, *piece.segment);
  FrameHeader cut = header;
  cut.count = static_cast<std::uint32_t>(end() + 1 - header.first);
  cut.flags &= static_cast<std::uint16_t>(~kFlagCompressed);
  return put(cut, cut_body(piece.frame, end()), *piece.segment);
}

Status LogBuilder::put(FrameHeader header, BytesView body, const SegmentHeader& from) {
  Status ok = segment_->rehome(header, body, from.epoch, segment_->header().durable_through);
  if (!ok) return ok;
  time_ns_ = std::max(time_ns_, header.time_ns);
  if (entry_count_ == 0) entries_.first = header.first;
  entries_.last = header.last();
  entry_count_ += header.count;
  expected_ = header.last() + 1;
  return {};
}

Status LogBuilder::add_loss(EntryIdRange lost, std::string cause) {
  if (lost.empty() || lost.last < expected_) return {};
  const LossBody loss{{expected_, lost.last}, std::move(cause)};
  if (segment_) return write_loss(loss);
  waiting_.push_back(loss);
  expected_ = lost.last + 1;
  return {};
}

Status LogBuilder::write_loss(const LossBody& loss) {
  const Bytes body = encode_loss(loss);
  Status ok = segment_->rehome({.first = loss.entries.first,
                                .time_ns = time_ns_,
                                .kind = static_cast<std::uint8_t>(FrameKind::loss)},
                               body, 0, segment_->header().durable_through);
  expected_ = loss.entries.last + 1;
  return ok;
}

Status LogBuilder::begin_segment(const SegmentHeader& like) {
  const EntryId first = waiting_.empty() ? expected_ : waiting_.front().entries.first;
  SegmentHeader header = like;  // codec, type and limits
  header.log = place_.log;
  header.number = place_.first_number + names_.size();
  header.first = first;
  header.epoch = place_.epoch;
  header.durable_through = first - 1;  // what the segments before it hold is synced
  const auto moved = place_.rehomed_through.find(like.number);
  header.rehomed_through = moved == place_.rehomed_through.end() ? EntryId{} : moved->second;
  header.created_ns = static_cast<std::uint64_t>(directory_.now().count());
  header.prev_number = previous_.number;
  header.prev_last = previous_.number == 0 ? first - 1 : previous_.last;
  header.prev_end = previous_.end;
  header.prev_seal_end = previous_.seal_end;
  header.prev_chain = previous_.chain;
  header.layout = Layout::packed;  // nothing in it is ever in flight
  auto segment = SegmentWriter::prepare(directory_, {header.number, first}, 0);
  if (!segment) return segment.error();
  segment_ = std::move(*segment);
  names_.push_back({header.number, first});
  if (Status ok = segment_->begin(header); !ok) return ok;
  if (slot_.first_segment == 0) {
    slot_.first_segment = header.number;
    slot_.first_salt = segment_->header().salt();
  }
  slot_.set_last(segment_->header());
  if (names_.size() == 1 && place_.parent) {
    Status ok = segment_->write_marker(MarkerBody(*place_.parent).bytes(), first, time_ns_);
    if (!ok) return ok;
  }
  const std::vector<LossBody> waiting = std::exchange(waiting_, {});
  for (const LossBody& loss : waiting) {
    if (Status ok = write_loss(loss); !ok) return ok;
  }
  return {};
}

Status LogBuilder::end_segment(SegmentWriter::Ending ending) {
  if (Status ok = segment_->seal(ending, expected_ - 1, time_ns_); !ok) return ok;
  previous_ = segment_->end();
  segment_.reset();
  return {};
}

Status LogBuilder::finish() {
  if (!segment_ && !waiting_.empty()) {
    if (Status ok = begin_segment(like_); !ok) return ok;
  }
  if (segment_) {
    if (Status ok = end_segment(SegmentWriter::Ending::close); !ok) return ok;
  }
  slot_.log = place_.log;
  slot_.epoch = place_.epoch;
  slot_.begins_after = place_.begin - 1;
  slot_.durable_through = expected_ - 1;
  slot_.clean = true;
  return write_temporary_manifest(directory_, slot_);
}

Status LogBuilder::publish_segments() {
  for (std::size_t n = names_.size(); n-- > 0;) {
    const std::size_t i = mutated(Mutation::repair_names_in_order) ? names_.size() - 1 - n : n;
    const std::string name = to_string(names_[i]);
    if (Status ok = directory_.rename({.from = temporary(name), .to = name}); !ok) return ok;
    // Durable before the one in front of it: so what has its name is always the log's end, whole,
    // and where the first one stands, all of them do.
    if (Status ok = directory_.sync(); !ok) return ok;
  }
  return {};
}

Status LogBuilder::publish_manifest() { return publish_temporary_manifest(directory_); }

void LogBuilder::discard() noexcept try {
  segment_.reset();
  constexpr std::string_view kWhy = "a leftover is removed by the next repair or open";
  for (const SegmentName& name : names_) directory_.remove(temporary(to_string(name))).ignore(kWhy);
  directory_.remove(temporary(std::string(kManifestName))).ignore(kWhy);
} catch (const std::bad_alloc&) {
  return;  // a leftover too
}

Status write_temporary_manifest(Directory& directory, ManifestSlot slot) {
  const std::string name = temporary(std::string(kManifestName));
  auto file = directory.open(name, OpenMode::create);
  if (!file && file.error().code == Errc::already_exists) {
    if (Status ok = directory.remove(name); !ok) return ok;
    file = directory.open(name, OpenMode::create);
  }
  if (!file) return file.error();
  slot.generation += 2 - slot.generation % 2;  // even: the first place
  const ManifestSlotBytes first = encode(slot);
  ++slot.generation;
  const ManifestSlotBytes second = encode(slot);
  const BytesView parts[] = {first, second};
  if (Status ok = (*file)->write_at(0, parts); !ok) return ok;
  return (*file)->sync();
}

Status publish_temporary_manifest(Directory& directory) {
  const std::string from = temporary(std::string(kManifestName));
  if (Status ok = directory.rename({.from = from, .to = kManifestName}); !ok) return ok;
  return directory.sync();
}

}  // namespace walkit::log
