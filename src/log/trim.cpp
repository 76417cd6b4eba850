#include "log/trim.hpp"

#include <algorithm>

#include "base/mutation.hpp"
#include "log/pins.hpp"
#include "log/quarantine.hpp"
#include "log/snapshot.hpp"

namespace walkit::log {
namespace {

// Each is behind a trim by somebody else; there is an end to looking.
constexpr int kLooksMax = 1000;

bool is_younger(Directory& home, const SegmentHeader& next, std::chrono::seconds age) {
  // Unsigned: the time in a header may be any number.
  const auto now = static_cast<std::uint64_t>(home.now().count());
  const std::uint64_t seconds = (now - std::min(now, next.created_ns)) / 1'000'000'000;
  return seconds < static_cast<std::uint64_t>(age.count());
}

class Thinking {
 public:
  Thinking(Directory& home, const TrimWish& wish) : home_(home), wish_(wish) {}

  Result<Trim> run() {
    auto listing = list_born(home_);
    if (!listing) return listing.error();
    trim_.listing = std::move(*listing);
    if (Status ok = measure(); !ok) return ok.error();
    if (Status ok = ask_pins(); !ok) return ok.error();
    if (Status ok = choose(); !ok) return ok.error();
    if (Status ok = take_leftovers(); !ok) return ok.error();
    return std::move(trim_);
  }

 private:
  [[nodiscard]] const std::vector<SegmentFile>& segments() const { return trim_.listing.segments; }

  Status measure() {
    for (const SegmentFile& segment : segments()) {
      const auto bytes = size_of(home_, segment);
      if (!bytes) return bytes.error();
      bytes_.push_back(*bytes);
      bytes_left_ += *bytes;
    }
    return {};
  }

  // Of the files from the one that holds the entry on.
  [[nodiscard]] std::uint64_t bytes_from(EntryId from) const {
    std::uint64_t bytes = 0;
    for (std::size_t i = segments().size(); i-- > 0;) {
      bytes += bytes_[i];
      if (segments()[i].name.first <= from) break;
    }
    return bytes;
  }

  Status ask_pins() {
    if (wish_.pins != nullptr) {
      if (const auto lowest = wish_.pins->lowest()) pins_.push_back({"", *lowest});
    }
    const ManifestSlot* slot = trim_.listing.manifest_slot();
    auto named = list_pins(home_, slot != nullptr ? slot->log : LogIdentity{});
    if (!named) return named.error();
    for (PinInfo& pin : *named) {
      if (pin.fault && pin.fault->code == Errc::rewound) continue;
      if (!pin.fault && bytes_from(pin.from) > pin.bytes_max) {
        trim_.plan.overrun_pins.push_back(std::move(pin.name));
      } else {
        pins_.push_back({std::move(pin.name), pin.from});
      }
    }
    if (mutated(Mutation::trim_does_not_ask_pins)) pins_.clear();
    return {};
  }

  Status choose() {
    TrimPlan& plan = trim_.plan;
    std::size_t next = 0;
    for (; next < segments().size(); ++next) {
      const auto holds = holds_of(next);
      if (!holds) return holds.error();
      plan.held_by = *holds;
      if (!holds->empty()) break;
      plan.segments.push_back(info_of(next));
      plan.bytes += bytes_[next];
      bytes_left_ -= bytes_[next];
      trim_.files.push_back(segments()[next].file);
    }
    plan.oldest = next < segments().size() ? segments()[next].name.first : trim_.listing.oldest();
    return {};
  }

  // Of one that has a successor.
  [[nodiscard]] SegmentInfo info_of(std::size_t index) const {
    const EntryIdRange entries{segments()[index].name.first, segments()[index + 1].name.first - 1};
    return {.file = segments()[index].file,
            .entries = entries,
            .bytes = bytes_[index],
            .state = SegmentInfo::State::sealed};
  }

  Result<std::vector<TrimHold>> holds_of(std::size_t index) {
    using By = TrimHold::By;
    std::vector<TrimHold> holds;
    if (index + 1 == segments().size()) return std::vector{TrimHold{By::newest_segment}};
    const SegmentFile& next = segments()[index + 1];
    if (next.name.first > wish_.keep) holds.push_back({By::keep});
    const Retention& retention = wish_.retention;
    bool retained = retention.bytes > 0 && bytes_left_ <= retention.bytes;
    if (!retained && retention.age.count() > 0) {
      const auto opened = open_segment(home_, next);
      if (!opened) return opened.error();
      retained = is_younger(home_, opened->header, retention.age);
    }
    if (retained) holds.push_back({By::retention});
    for (const HeldFrom& pin : pins_) {
      if (next.name.first > pin.from) holds.push_back({By::pin, pin.name});
    }
    const bool asks = holds.empty() && wish_.observer != nullptr;
    if (asks && !wish_.observer->may_trim(info_of(index))) holds.push_back({By::observer});
    return holds;
  }

  // What another trim left goes with it, oldest first.
  Status take_leftovers() {
    if (segments().empty() || (trim_.files.empty() && trim_.listing.leftovers.empty())) return {};
    const auto before = open_segment(home_, segments().front());
    if (!before) return before.error();
    Leftovers left = sort_leftovers(home_, trim_.listing, &before->header);
    if (!trim_.files.empty() && before->header.prev_number == 0) {
      trim_.set_aside = std::move(left.others);
    }
    trim_.files.insert(trim_.files.begin(), left.of_trim.begin(), left.of_trim.end());
    const auto first = open_segment(home_, segments()[trim_.plan.segments.size()]);
    if (!first) return first.error();
    trim_.first = first->header;
    return {};
  }

  struct HeldFrom {
    std::string name{};
    EntryId from{};
  };

  Directory& home_;
  const TrimWish& wish_;
  Trim trim_{};
  std::vector<HeldFrom> pins_{};
  std::vector<std::uint64_t> bytes_{};
  std::uint64_t bytes_left_ = 0;
};

// The log's own MANIFEST, as a writer that opens it would take it.
Result<ManifestWriter> open_manifest(Directory& home) {
  const auto listing = list_born(home);
  if (!listing) return listing.error();
  if (listing->manifest_slot() == nullptr) return listing->warnings.front();
  // What it does not name may be there only until the next power cut.
  if (Status ok = home.sync(); !ok) return ok.error();
  const auto oldest = open_segment(home, listing->segments.front());
  if (!oldest) return oldest.error();
  const auto newest = open_segment(home, listing->segments.back());
  if (!newest) return newest.error();
  auto manifest = ManifestWriter::open(home, *listing->manifest);
  if (!manifest) return manifest;
  manifest->begin_at(oldest->header.number, oldest->header.salt());
  manifest->end_at(newest->header);
  return manifest;
}

}  // namespace

Leftovers sort_leftovers(Directory& home, const Listing& listing, const SegmentHeader* first) {
  Leftovers left;
  for (const SegmentFile& segment : listing.leftovers) {
    // A repair begins a log anew, without a predecessor. (It keeps what was there before.)
    const bool trimmed = first != nullptr && first->prev_number != 0;
    const auto opened = trimmed ? open_segment(home, segment) : Result<OpenSegment>(Error{});
    const bool ours = opened && opened->header.log == first->log;
    (ours ? left.of_trim : left.others).push_back(segment.file);
  }
  return left;
}

Result<Trim> think_trim_through(Directory& home, const TrimWish& wish) {
  for (int looks = 1;; ++looks) {
    auto trim = Thinking(home, wish).run();
    const bool trimmed_meanwhile = !trim && trim.error().code == Errc::gap;
    if (!trimmed_meanwhile || looks == kLooksMax) return trim;
  }
}

namespace {

// Readers and the next open pass over what stands below the log's first segment, so that it may go
// at any time after it became that.
Status carry_out(Directory& home, const Trim& trim, const BeginLog& begin_log) {
  if (Status ok = set_aside(home, trim.set_aside); !ok) return ok;
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::trim_before_manifest)) {
    if (Status ok = remove_files(home, trim.files); !ok) return ok;
    return begin_log(*trim.first);
  }
#endif
  return begin_log(*trim.first);
}

}  // namespace

Result<EntryId> trim(Directory& home, const TrimWish& wish, const BeginLog& begin_log) {
  auto trim = think_trim_through(home, wish);
  if (!trim) return trim.error();
  if (trim->files.empty()) return trim->plan.oldest;
  {
    // Who pins from here on sees where the log begins then. Where there is no space for the folder
    // there is none for a pin, and a trim must not want for what it frees.
    const auto pins = PinFolder::open(home);
    if (!pins && pins.error().code != Errc::no_space) return pins.error();
    trim = think_trim_through(home, wish);
    if (!trim) return trim.error();
    if (trim->files.empty()) return trim->plan.oldest;
    if (Status ok = carry_out(home, *trim, begin_log); !ok) return ok.error();
  }
  if (wish.observer != nullptr) {
    for (const SegmentInfo& segment : trim->plan.segments) wish.observer->on_trim(segment);
  }
  if (Status ok = remove_files(home, trim->files); !ok) return ok.error();
  return trim->plan.oldest;
}

Result<EntryId> trim_offline(Directory& home, const TrimWish& wish) {
  return trim(home, wish, [&](const SegmentHeader& first) -> Status {
    auto manifest = open_manifest(home);
    return manifest ? manifest->begin_later(first) : Status(manifest.error());
  });
}

Status remove_files(Directory& home, std::span<const std::string> files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool backwards = mutated(Mutation::trim_newest_first);
    Status ok = home.remove(files[backwards ? files.size() - 1 - i : i]);
    if (!ok && ok.error().code != Errc::not_found) return ok;
  }
  if (mutated(Mutation::trim_without_directory_sync)) return {};
  return home.sync();
}

}  // namespace walkit::log
