#include "app/kv_image.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "app/byte_fields.hpp"
#include "app/kv_record.hpp"
#include "walkit/log/frame.hpp"

namespace walkit::kv {

namespace {

enum class Tag : std::uint8_t { head = 1, lease = 2, item = 3, outcome = 4, end = 5 };

constexpr std::uint8_t kVersion = 1;
constexpr std::uint64_t kSalt = 0x31736b6c61774b56;  // whatever, but of nothing else
constexpr std::size_t kPieceBytes = 256u << 10, kPiecePayloads = 4096;

Error bad(Errc code, std::string message) {
  return {.code = code,
          .message = "snapshot: " + std::move(message),
          .next_step = "nothing was changed; have it sent again, or take another one"};
}
Error no_image() { return bad(Errc::decode, "its contents cannot be"); }

// Frames as a log has them: each with a checksum, and of its own place.
class ImageWriter {
 public:
  explicit ImageWriter(const std::function<Status(BytesView)>& take) : take_(take) {}

  template <class F>
  Status add(Tag tag, F&& fields) {
    FieldWriter out(body_);
    out.byte(static_cast<std::uint8_t>(tag));
    fields(out);
    ends_.push_back(body_.size());
    return body_.size() < kPieceBytes && ends_.size() < kPiecePayloads ? Status() : flush();
  }
  Status flush() {
    if (ends_.empty()) return {};
    frame::Frame one{.entries = {next_, next_ + (ends_.size() - 1)}};
    one.payloads.reserve(ends_.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      one.payloads.push_back(BytesView(body_).subspan(begin, end - begin));
      begin = end;
    }
    piece_.clear();
    if (Status ok = frame::encode(one, {kSalt, offset_}, piece_); !ok) return ok;
    next_ = one.entries.last + 1;
    offset_ += piece_.size();
    body_.clear();
    ends_.clear();
    return take_(piece_);
  }

 private:
  const std::function<Status(BytesView)>& take_;
  Bytes body_{}, piece_{};
  std::vector<std::size_t> ends_{};
  EntryId next_{1};
  std::uint64_t offset_ = 0;
};

std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

bool is_tagged(FieldReader& in, Tag tag) { return static_cast<Tag>(in.byte()) == tag && in.ok(); }

}  // namespace

void Image::remember(const Outcome& outcome) {
  outcomes.push_back(outcome);
  if (outcomes.size() > kOutcomesRemembered) outcomes.pop_front();
}

Outcome Image::outcome_of(std::uint64_t index) const {
  const auto found =
      std::lower_bound(outcomes.begin(), outcomes.end(), index,
                       [](const Outcome& outcome, std::uint64_t i) { return outcome.index < i; });
  if (found != outcomes.end() && found->index == index) return *found;
  return {.code = Outcome::duplicate, .index = index};
}

Status write_image(const Image& image, const std::function<Status(BytesView)>& take) try {
  ImageWriter out(take);
  const Data& data = image.data;
  Status ok = out.add(Tag::head, [&](FieldWriter& f) {
    f.byte(kVersion).number(data.index()).number(data.term()).number(unsigned_of(data.now()));
    f.number(data.lease_count()).number(data.items().size()).number(image.outcomes.size());
  });
  data.visit_leases([&](std::uint64_t lease, std::int64_t end) {
    if (!ok) return;
    ok = out.add(Tag::lease, [&](FieldWriter& f) { f.number(lease).number(unsigned_of(end)); });
  });
  data.items().visit({}, [&](const std::shared_ptr<const Item>& item) {
    if (!ok) return false;
    ok = out.add(Tag::item, [&](FieldWriter& f) {
      f.text(item->key).text(item->value).number(item->term).number(item->revision);
      f.number(unsigned_of(item->expires_at)).number(item->lease);
    });
    return ok.has_value();
  });
  for (const Outcome& outcome : image.outcomes) {
    if (!ok) return ok;
    ok = out.add(Tag::outcome, [&](FieldWriter& f) {
      f.number(outcome.index).byte(outcome.code).number(outcome.revision);
      f.signed_number(outcome.number);
    });
  }
  if (!ok) return ok;
  if (ok = out.add(Tag::end, [](FieldWriter&) {}); !ok) return ok;
  return out.flush();
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

Status ImageReader::take(BytesView piece) try {
  if (!failure_) return failure_;
  if (held_.empty()) {  // a large piece need not be copied
    const std::size_t taken = frames(piece);
    held_.assign(piece.begin() + static_cast<std::ptrdiff_t>(taken), piece.end());
  } else {
    held_.insert(held_.end(), piece.begin(), piece.end());
    const std::size_t taken = frames(held_);
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return failure_;
} catch (const std::bad_alloc&) {
  failure_ = Error{.code = Errc::no_memory, .message = "out of memory"};
  return failure_;
}

// How many bytes are whole frames.
std::size_t ImageReader::frames(BytesView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && failure_) {
    if (part_ == Part::end) {
      failure_ = bad(Errc::decode, "there is more behind its end");
      break;
    }
    const auto one = frame::decode(bytes.subspan(taken), {kSalt, offset_});
    if (!one && one.error().code == Errc::torn) break;  // the rest is yet to come
    if (!one) {
      failure_ = bad(one.error().code, one.error().message);
      failure_.error().offset = one.error().offset;
      break;
    }
    if (one->entries.first != next_) failure_ = no_image();
    for (const BytesView payload : one->payloads) {
      if (failure_ && !take_payload(payload)) failure_ = no_image();
    }
    next_ = one->entries.last + 1;
    offset_ += one->bytes;
    taken += one->bytes;
  }
  return taken;
}

bool ImageReader::take_payload(BytesView bytes) {
  if (part_ == Part::head) return begin(bytes);
  if (part_ == Part::leases && leases_ == 0) part_ = Part::items;
  if (part_ == Part::items && items_ == 0) part_ = Part::outcomes;
  switch (part_) {
    case Part::leases:
      return lease(bytes);
    case Part::items:
      return item(bytes);
    case Part::outcomes:
      break;
    default:
      return false;  // there is more behind its end
  }
  if (outcomes_ > 0) return outcome(bytes);
  FieldReader in(bytes);
  part_ = Part::end;
  return is_tagged(in, Tag::end) && in.all();
}

bool ImageReader::begin(BytesView bytes) {
  FieldReader in(bytes);
  const bool is_head = is_tagged(in, Tag::head);
  const std::uint8_t version = in.byte();
  if (is_head && version > kVersion) {
    failure_ = bad(Errc::incompatible, "of version " + std::to_string(version) +
                                           ", this walkit knows " + std::to_string(kVersion));
    return true;
  }
  index_ = in.number();
  term_ = in.number();
  now_ = in.number();
  leases_ = in.number();
  items_ = in.number();
  outcomes_ = in.number();
  const bool fits = is_head && version == kVersion && in.all() && index_ <= kIndexMax &&
                    now_ <= unsigned_of(kTimeMax) && outcomes_ <= kOutcomesRemembered;
  if (!fits) return false;
  image_.data.restore(index_, term_, static_cast<std::int64_t>(now_));
  part_ = Part::leases;
  return true;
}

bool ImageReader::lease(BytesView bytes) {
  FieldReader in(bytes);
  const bool is_lease = is_tagged(in, Tag::lease);
  const std::uint64_t id = in.number(), end = in.number();
  const bool fits =
      is_lease && in.all() && id > lease_ && end > now_ && end <= unsigned_of(kTimeMax);
  if (!fits) return false;
  lease_ = id;
  --leases_;
  image_.data.apply(LeaseSet{id, static_cast<std::int64_t>(end)}, 0, nullptr);
  return true;
}

bool ImageReader::item(BytesView bytes) {
  FieldReader in(bytes);
  const bool is_item = is_tagged(in, Tag::item);
  Item item{.key = in.text(kKeyBytesMax), .value = in.text(std::numeric_limits<size_t>::max())};
  item.term = in.number();
  item.revision = in.number();
  const std::uint64_t end = in.number();
  item.lease = in.number();
  const bool rises = image_.data.items().size() == 0 || item.key > key_;
  const bool lasts = end == 0 || (end > now_ && end <= unsigned_of(kTimeMax));
  const bool is_held = item.lease == 0 || image_.data.lease_end(item.lease) != 0;
  const bool is_past = item.revision > 0 && item.revision <= index_;
  if (!is_item || !in.all() || !rises || !lasts || !is_held || !is_past) return false;
  item.expires_at = static_cast<std::int64_t>(end);
  key_ = item.key;
  --items_;
  image_.data.apply(Written{std::make_shared<const Item>(std::move(item))}, 0, nullptr);
  return true;
}

bool ImageReader::outcome(BytesView bytes) {
  FieldReader in(bytes);
  const bool is_outcome = is_tagged(in, Tag::outcome);
  Outcome outcome{.index = in.number()};
  const std::uint8_t code = in.byte();
  outcome.revision = in.number();
  outcome.number = in.signed_number();
  const std::uint64_t before = image_.outcomes.empty() ? 0 : image_.outcomes.back().index;
  const bool fits = is_outcome && in.all() && code <= Outcome::not_a_number &&
                    outcome.index > before && outcome.index <= index_;
  if (!fits) return false;
  outcome.code = static_cast<Outcome::Code>(code);
  --outcomes_;
  image_.outcomes.push_back(outcome);
  return true;
}

Result<Image> ImageReader::finish() {
  if (!failure_) return std::move(failure_).error();
  if (part_ != Part::end || !held_.empty()) return bad(Errc::torn, "cut short");
  return std::move(image_);
}

}  // namespace walkit::kv
