#include "log/segment_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "base/crc32c.hpp"
#include "log/mutation.hpp"

namespace walkit::log {
namespace {

// Ordinary frames end here, so that a flipped bit and a random read stay cheap.
constexpr std::size_t kFrameBodyBytes = 256 << 10;

constexpr std::array<std::byte, kBlockBytes> kZeros{};
constexpr std::uint64_t kPaddingRoom = kFrameHeaderBytes + kFrameAlignment;

// std::vector::reserve grows to exactly what is asked; appending one by one needs it to double.
template <class Vector>
void reserve_more(Vector& vector, std::size_t more) {
  const std::size_t need = vector.size() + more;
  if (need > vector.capacity()) vector.reserve(std::max(need, 2 * vector.capacity()));
}

std::string temporary_name(const std::string& name) { return name + std::string(kTemporarySuffix); }

}  // namespace

std::uint64_t body_bytes(std::span<const BytesView> payloads) noexcept {
  std::uint64_t bytes = 0;
  for (const BytesView payload : payloads) bytes += varint_bytes(payload.size()) + payload.size();
  return bytes;
}

std::uint64_t room_for(std::uint64_t body_bytes, Layout layout) noexcept {
  // A line of the seal's index too.
  const std::uint64_t frame = kFrameHeaderBytes + body_bytes + kPaddingRoom + kIndexEntryBytes;
  return layout == Layout::whole_blocks ? next_block_offset(frame) + kBlockBytes : frame;
}

void Group::add(EntryId first, std::span<const BytesView> payloads) {
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::batch_over_frames) && payloads.size() > 1) {
    add(first, payloads.first(1));
    return add(first + 1, payloads.subspan(1));
  }
#endif
  const std::size_t begin = bodies_.size();
  reserve_more(calls_, 1);
  reserve_more(headers_, kFrameHeaderBytes);
  reserve_more(parts_, kPartsPerFrame);
  const std::size_t bytes = body_bytes(payloads);
  reserve_more(bodies_, bytes);
  // Nothing below allocates.
  bodies_.resize(begin + bytes);
  std::byte* at = bodies_.data() + begin;
  for (const BytesView payload : payloads) {
    at += store_varint(payload.size(), at);
    if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
    at += payload.size();
    payload_bytes_ += payload.size();
  }
  headers_.resize(headers_.size() + kFrameHeaderBytes);
  parts_.resize(parts_.size() + kPartsPerFrame);
  calls_.push_back({first, static_cast<std::uint32_t>(payloads.size()), bodies_.size()});
  entries_ += payloads.size();
}

void Group::clear() noexcept {
  bodies_.clear();
  calls_.clear();
  headers_.clear();
  parts_.clear();
  entries_ = payload_bytes_ = 0;
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::prepare(Directory& directory,
                                                              SegmentName name,
                                                              std::uint64_t prefill_bytes) {
  const std::string file_name = to_string(name);
  const std::string temporary = temporary_name(file_name);
  auto file = directory.open(temporary, OpenMode::create);
  if (!file && file.error().code == Errc::already_exists) {
    if (Status ok = directory.remove(temporary); !ok) return ok.error();
    file = directory.open(temporary, OpenMode::create);
  }
  if (!file) return file.error();
  std::unique_ptr<SegmentWriter> segment(new SegmentWriter(file_name, std::move(*file)));
  segment->index_.reserve();
  if (prefill_bytes > 0) {
    if (Status ok = segment->prefill(prefill_bytes); !ok) {
      segment->discard(directory);
      return ok.error();
    }
  }
  return segment;
}

Status SegmentWriter::begin(SegmentHeader header) {
  header_ = std::move(header);
  const SegmentHeaderBytes bytes = encode(header_);
  const BytesView parts[] = {bytes};
  if (Status ok = file_->write_at(0, parts); !ok) return ok;
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
    Status early = directory.rename({.from = temporary_name(name_), .to = name_});
    if (early) early = directory.sync();
    return early ? file_->sync() : early;
  }
#endif
  if (Status ok = file_->sync(); !ok) return ok;
  if (Status ok = directory.rename({.from = temporary_name(name_), .to = name_}); !ok) return ok;
  if (mutated(Mutation::no_directory_sync)) return {};
  return directory.sync();
}

void SegmentWriter::discard(Directory& directory) noexcept try {
  directory.remove(temporary_name(name_)).ignore("a leftover is swept by the next open");
} catch (const std::bad_alloc&) {
  return;  // a leftover too
}

Status SegmentWriter::prefill(std::uint64_t to) {
  if (to <= prefilled_) return {};
  if (Status ok = file_->fill_zeros(to); !ok) return ok;
  prefilled_ = to;
  return {};
}

// Lays a frame at next_position_ and its pieces behind `parts`.
void SegmentWriter::put_frame(FrameHeader header, BytesView body, std::byte* header_at,
                              std::vector<BytesView>& parts, bool ends_group) {
  const std::uint64_t body_end = next_position_ + kFrameHeaderBytes + body.size();
  const bool to_block = ends_group && header_.layout == Layout::whole_blocks;
  const std::uint64_t end = to_block ? next_block_offset(body_end) : next_frame_offset(body_end);
  header.offset = next_position_;
  header.body_bytes = static_cast<std::uint32_t>(body.size());
  header.stored_bytes = static_cast<std::uint32_t>(end - next_position_ - kFrameHeaderBytes);
  header.chain = chain_;
  header.body_crc = crc32c(body, seed_);
  encode_frame_header(header, seed_, header_at);
  parts.push_back({header_at, kFrameHeaderBytes});
  parts.push_back(body);
  parts.push_back(BytesView(kZeros).first(end - body_end));
  chain_ = header.crc;
  next_position_ = end;
  note_in_index(header);
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
  group.parts_.clear();  // keeps its room
  std::size_t begin = 0, frame = 0;
  for (std::size_t i = 0; i < group.calls_.size();) {
    FrameHeader header{
        .first = group.calls_[i].first, .durable_through = durable_through, .time_ns = time_ns_};
    std::size_t end = begin;
    do {
      header.count += group.calls_[i].count;
      end = group.calls_[i].end;
      ++i;
    } while (
        i < group.calls_.size() && !mutated(Mutation::batch_over_frames) &&
        group.calls_[i].end - begin <=
            std::min<std::size_t>(kFrameBodyBytes, header_.max_frame_bytes - kFrameHeaderBytes));
    std::span<std::byte> body = std::span(group.bodies_).subspan(begin, end - begin);
    if (const std::size_t compressed = compressor.compress(body); compressed > 0) {
      body = body.first(compressed);
      if (!mutated(Mutation::compression_not_flagged)) header.flags |= kFlagCompressed;
    }
    put_frame(header, body, group.headers_.data() + frame * kFrameHeaderBytes, group.parts_,
              i == group.calls_.size());
    begin = end;
    ++frame;
  }
  Status wrote = file_->write_at(position_, group.parts_);
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
  std::vector<BytesView> parts;
  put_frame(header, whole, header_bytes.data(), parts, /*ends_group=*/true);
  if (Status ok = file_->write_at(position_, parts); !ok) return ok;
  position_ = next_position_;
  prefilled_ = std::max(prefilled_, position_);
  return {};
}

Status SegmentWriter::sync() { return file_->sync(); }

Status SegmentWriter::write_control(FrameKind kind, BytesView body, EntryId expected,
                                    EntryId durable_through) {
  next_position_ = position_;
  FrameHeaderBytes header_bytes;
  std::vector<BytesView> parts;
  put_frame({.first = expected,
             .durable_through = durable_through,
             .time_ns = time_ns_,
             .kind = static_cast<std::uint8_t>(kind)},
            body, header_bytes.data(), parts, /*ends_group=*/false);
  if (Status ok = file_->write_at(position_, parts); !ok) return ok;
  position_ = next_position_;
  return {};
}

Status SegmentWriter::seal(Ending ending, EntryId last, std::uint64_t time_ns) {
  time_ns_ = std::max(time_ns_, time_ns);
  if (ending == Ending::close) {
    if (Status ok = write_control(FrameKind::close, {}, last + 1, last); !ok) return ok;
  }
  end_.end = position_;
  end_.chain = chain_;
  end_.last = last;
  Bytes body(seal_body_bytes(index_.lines().size()));
  encode_seal(index_.lines(), body.data());
  if (Status ok = write_control(FrameKind::seal, body, last + 1, last); !ok) return ok;
  end_.seal_end = position_;
  if (Status ok = file_->truncate(position_); !ok) return ok;
  if (mutated(Mutation::seal_without_sync)) return {};
  return file_->sync();
}

std::uint64_t SegmentWriter::ending_room(std::size_t index_entries) noexcept {
  const std::uint64_t frame = kFrameHeaderBytes + kPaddingRoom;
  return frame + frame + seal_body_bytes(index_entries);
}

}  // namespace walkit::log
