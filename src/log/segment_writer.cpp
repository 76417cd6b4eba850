#include "log/segment_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "base/crc32c.hpp"
#include "base/mutation.hpp"

namespace walkit::log {
namespace {

constexpr std::array<std::byte, kBlockBytes> kZeros{};

std::string temporary_name(const std::string& name) { return name + std::string(kTemporarySuffix); }

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::prepare(Directory& directory,
                                                              SegmentName name,
                                                              std::uint64_t prefill_bytes,
                                                              Prefill prefill) {
  const std::string temporary = temporary_name(to_string(name));
  auto file = directory.open(temporary, OpenMode::create);
  if (!file && file.error().code == Errc::already_exists) {
    if (Status ok = directory.remove(temporary); !ok) return ok.error();
    file = directory.open(temporary, OpenMode::create);
  }
  if (!file) return file.error();
  std::unique_ptr<SegmentWriter> segment(new SegmentWriter(to_string(name), std::move(*file)));
  segment->prefill_ = prefill;
  segment->index_.reserve();
  if (prefill_bytes > 0) {
    if (Status ok = segment->prefill(prefill_bytes); !ok) {
      segment->discard(directory);
      return ok.error();
    }
  }
  return segment;
}

SegmentWriter::SegmentWriter(std::string name, std::unique_ptr<File> file)
    : name_(std::move(name)), temporary_(temporary_name(name_)), file_(std::move(file)) {}

void SegmentWriter::become(SegmentName name) { name_ = to_string(name); }

// A file goes on under the name that it was opened by.
Status SegmentWriter::named(Status done) const {
  if (done) return done;
  Error error = std::move(done).error();
  error.file = published_ ? name_ : temporary_;
  return error;
}

Status SegmentWriter::begin(SegmentHeader header) {
  header_ = std::move(header);
  const SegmentHeaderBytes bytes = encode(header_);
  const BytesView parts[] = {bytes};
  if (Status ok = named(file_->write_at(0, parts)); !ok) return ok;
  seed_ = frame_seed(header_.salt());
  chain_ = header_.crc;
  position_ = first_frame_offset(header_.layout);
  time_ns_ = header_.created_ns;
  end_ = {.number = header_.number, .last = header_.first - 1, .end = position_, .chain = chain_};
  return {};
}

#ifdef WALKIT_MUTATIONS
std::unique_ptr<SegmentWriter> SegmentWriter::adopt(std::string name, std::unique_ptr<File> file,
                                                    SegmentHeader header, std::uint64_t position,
                                                    std::uint32_t chain) {
  std::unique_ptr<SegmentWriter> segment(new SegmentWriter(std::move(name), std::move(file)));
  segment->header_ = std::move(header);
  segment->seed_ = frame_seed(segment->header_.salt());
  segment->chain_ = chain;
  segment->position_ = segment->prefilled_ = position;
  segment->frames_ = 1;
  segment->published_ = true;
  segment->end_ = {.number = segment->header_.number,
                   .last = segment->header_.first - 1,
                   .end = position,
                   .chain = chain};
  return segment;
}
#endif

Status SegmentWriter::publish(Directory& directory) {
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::rename_before_sync)) {
    Status early = directory.rename({.from = temporary_, .to = name_});
    if (early) early = directory.sync();
    return early ? named(file_->sync()) : early;
  }
#endif
  if (Status ok = named(file_->sync()); !ok) return ok;
  if (Status ok = directory.rename({.from = temporary_, .to = name_}); !ok) return ok;
  published_ = true;
  if (mutated(Mutation::no_directory_sync)) return {};
  return directory.sync();
}

void SegmentWriter::discard(Directory& directory) noexcept try {
  directory.remove(temporary_).ignore("a leftover is swept by the next open");
} catch (const std::bad_alloc&) {
  return;  // a leftover too
}

Status SegmentWriter::prefill(std::uint64_t to) {
  if (to <= prefilled_) return {};
  const bool writes = prefill_ == Prefill::written;
  if (Status ok = named(writes ? file_->fill_zeros(to) : file_->allocate(to)); !ok) return ok;
  prefilled_ = to;
  return {};
}

// Of a frame at next_position_; gives the padding behind its body.
BytesView SegmentWriter::put_header(FrameHeader header, BytesView body, std::byte* header_at,
                                    bool ends_group) {
  const std::uint64_t body_end = next_position_ + kFrameHeaderBytes + body.size();
  const bool to_block = ends_group && header_.layout == Layout::whole_blocks;
  const std::uint64_t end = to_block ? next_block_offset(body_end) : next_frame_offset(body_end);
  header.offset = next_position_;
  header.body_bytes = static_cast<std::uint32_t>(body.size());
  header.stored_bytes = static_cast<std::uint32_t>(end - next_position_ - kFrameHeaderBytes);
  header.chain = chain_;
  header.body_crc = crc32c(body, seed_);
  encode_frame_header(header, seed_, header_at);
  chain_ = header.crc;
  next_position_ = end;
  note_in_index(header);
  return BytesView(kZeros).first(end - body_end);
}

void SegmentWriter::note_in_index(const FrameHeader& header) noexcept {
  ++frames_;
  if (!header.is(FrameKind::entries)) return;
  end_.end = header.end();
  end_.chain = header.crc;
  end_.last = header.last();
  index_.note(header);
}

Status SegmentWriter::write(Group& group, Compressor& compressor, EntryId durable_through,
                            std::uint64_t time_ns) {
  time_ns_ = std::max(time_ns_, time_ns);
  next_position_ = position_;
  std::vector<BytesView>& parts = group.parts();
  for (const Group::Frame& frame : group.frames()) {
    FrameHeader header{.first = frame.first,
                       .durable_through = durable_through,
                       .time_ns = time_ns_,
                       .count = frame.count};
    std::span<std::byte> bytes = group.bytes_of(frame);
    std::span<std::byte> body = bytes.subspan(kFrameHeaderBytes);
    if (const std::size_t compressed = compressor.compress(body); compressed > 0) {
      body = body.first(compressed);
      if (!mutated(Mutation::compression_not_flagged)) header.flags |= kFlagCompressed;
    }
    const bool ends_group = &frame == &group.frames().back();
    const BytesView padding = put_header(header, body, bytes.data(), ends_group);
    parts.push_back(bytes.first(kFrameHeaderBytes + body.size()));
    parts.push_back(padding);
  }
  Status wrote = named(file_->write_at(position_, parts));
  if (!wrote && !mutated(Mutation::failed_write_counts_whole)) return wrote;
  position_ = next_position_;
  return {};
}

Status SegmentWriter::rehome(const FrameHeader& from, BytesView body, std::uint64_t original_epoch,
                             EntryId durable_through) {
  FrameHeader header = from;
  header.durable_through = durable_through;
  Bytes moved;
  BytesView whole = body;
  if (from.is(FrameKind::entries) && (from.flags & kFlagRehomed) == 0) {
    // The epoch goes behind the schema number, if there is one.
    BytesView rest = body;
    if ((from.flags & kFlagSchema) != 0 && !take_varint(rest)) {
      return Error{.code = Errc::decode, .message = "frame body without its schema number"};
    }
    const std::size_t schema_bytes = body.size() - rest.size();
    moved.resize(body.size() + kVarintBytesMax);
    std::copy_n(body.begin(), schema_bytes, moved.begin());
    const std::size_t added = store_varint(original_epoch, moved.data() + schema_bytes);
    std::copy(rest.begin(), rest.end(),
              moved.begin() + static_cast<std::ptrdiff_t>(schema_bytes + added));
    moved.resize(body.size() + added);
    whole = moved;
    header.flags |= kFlagRehomed;
  }
  time_ns_ = std::max(time_ns_, header.time_ns);
  next_position_ = position_;
  FrameHeaderBytes header_bytes;
  const BytesView padding = put_header(header, whole, header_bytes.data(), /*ends_group=*/true);
  const BytesView parts[] = {header_bytes, whole, padding};
  if (Status ok = named(file_->write_at(position_, parts)); !ok) return ok;
  position_ = next_position_;
  prefilled_ = std::max(prefilled_, position_);
  return {};
}

Status SegmentWriter::sync() { return named(file_->sync()); }

// All entries before it are durable.
Status SegmentWriter::write_control(FrameKind kind, BytesView body, EntryId expected,
                                    bool ends_group) {
  next_position_ = position_;
  FrameHeaderBytes header_bytes;
  const BytesView padding = put_header({.first = expected,
                                        .durable_through = expected - 1,
                                        .time_ns = time_ns_,
                                        .kind = static_cast<std::uint8_t>(kind)},
                                       body, header_bytes.data(), ends_group);
  const BytesView parts[] = {header_bytes, body, padding};
  if (Status ok = named(file_->write_at(position_, parts)); !ok) return ok;
  position_ = next_position_;
  return {};
}

// What is written behind it shares no block with it, where the layout says so.
Status SegmentWriter::write_marker(BytesView body, EntryId expected, std::uint64_t time_ns) {
  time_ns_ = std::max(time_ns_, time_ns);
  return write_control(FrameKind::marker, body, expected, /*ends_group=*/true);
}

Status SegmentWriter::seal(Ending ending, EntryId last, std::uint64_t time_ns) {
  time_ns_ = std::max(time_ns_, time_ns);
  if (ending == Ending::close) {
    if (Status ok = write_control(FrameKind::close, {}, last + 1, /*ends_group=*/false); !ok)
      return ok;
  }
  end_.end = position_;
  end_.chain = chain_;
  end_.last = last;
  Bytes body(seal_body_bytes(index_.lines().size()));
  encode_seal(index_.lines(), body.data());
  if (Status ok = write_control(FrameKind::seal, body, last + 1, /*ends_group=*/false); !ok)
    return ok;
  end_.seal_end = position_;
  if (Status ok = named(file_->truncate(position_)); !ok) return ok;
  if (mutated(Mutation::seal_without_sync)) return {};
  return named(file_->sync());
}

std::uint64_t SegmentWriter::ending_room(std::size_t index_entries) noexcept {
  const std::uint64_t frame = kFrameHeaderBytes + kFramePaddingMax;
  return frame + frame + seal_body_bytes(index_entries);
}

}  // namespace walkit::log
