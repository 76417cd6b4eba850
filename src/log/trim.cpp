#include "log/trim.hpp"

#include <algorithm>

#include "base/mutation.hpp"
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
  Thinking(Directory& home, EntryId keep, const Retention& retention)
      : home_(home), keep_(keep), retention_(retention) {}

  Result<Trim> run() {
    auto listing = list_log(home_);
    if (!listing) return listing.error();
    if (Status ok = drop_unborn(home_, *listing); !ok) return ok.error();
    trim_.listing = std::move(*listing);
    if (Status ok = measure(); !ok) return ok.error();
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

  Status choose() {
    TrimPlan& plan = trim_.plan;
    std::size_t next = 0;
    for (; next < segments().size(); ++next) {
      const auto holds = holds_of(next);
      if (!holds) return holds.error();
      plan.held_by = *holds;
      if (!holds->empty()) break;
      const EntryIdRange entries{segments()[next].name.first, segments()[next + 1].name.first - 1};
      plan.segments.push_back({.file = segments()[next].file,
                               .entries = entries,
                               .bytes = bytes_[next],
                               .state = SegmentInfo::State::sealed});
      plan.bytes += bytes_[next];
      bytes_left_ -= bytes_[next];
      trim_.files.push_back(segments()[next].file);
    }
    plan.oldest = next < segments().size() ? segments()[next].name.first : trim_.listing.oldest();
    return {};
  }

  Result<std::vector<TrimHold>> holds_of(std::size_t index) {
    using By = TrimHold::By;
    std::vector<TrimHold> holds;
    if (index + 1 == segments().size()) return std::vector{TrimHold{By::newest_segment}};
    const SegmentFile& next = segments()[index + 1];
    if (next.name.first > keep_) holds.push_back({By::keep});
    bool retained = retention_.bytes > 0 && bytes_left_ <= retention_.bytes;
    if (!retained && retention_.age.count() > 0) {
      const auto opened = open_segment(home_, next);
      if (!opened) return opened.error();
      retained = is_younger(home_, opened->header, retention_.age);
    }
    if (retained) holds.push_back({By::retention});
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

  Directory& home_;
  const EntryId keep_;
  const Retention& retention_;
  Trim trim_{};
  std::vector<std::uint64_t> bytes_{};
  std::uint64_t bytes_left_ = 0;
};

// The log's own MANIFEST, as a writer that opens it would take it.
Result<ManifestWriter> open_manifest(Directory& home, const Trim& trim) {
  const Listing& listing = trim.listing;
  if (listing.manifest_slot() == nullptr) return listing.warnings.front();
  // What it does not name may be there only until the next power cut.
  if (Status ok = home.sync(); !ok) return ok.error();
  const auto oldest = open_segment(home, listing.segments.front());
  if (!oldest) return oldest.error();
  const auto newest = open_segment(home, listing.segments.back());
  if (!newest) return newest.error();
  auto manifest = ManifestWriter::open(home, *listing.manifest);
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

Result<Trim> think_trim_through(Directory& home, EntryId keep, const Retention& retention) {
  for (int looks = 1;; ++looks) {
    auto trim = Thinking(home, keep, retention).run();
    const bool trimmed_meanwhile = !trim && trim.error().code == Errc::gap;
    if (!trimmed_meanwhile || looks == kLooksMax) return trim;
  }
}

Result<EntryId> trim_offline(Directory& home, EntryId keep, const Retention& retention) {
  auto trim = think_trim_through(home, keep, retention);
  if (!trim) return trim.error();
  if (trim->files.empty()) return trim->plan.oldest;
  auto manifest = open_manifest(home, *trim);
  if (!manifest) return manifest.error();
  Status done = carry_out(home, *trim,
                          [&](const SegmentHeader& first) { return manifest->begin_later(first); });
  if (!done) return done.error();
  return trim->plan.oldest;
}

// Readers and the next open pass over what stands below the log's first segment, so that it may go
// at any time after it became that.
Status carry_out(Directory& home, const Trim& trim, const BeginLog& begin_log) {
  if (trim.files.empty()) return {};
  if (Status ok = set_aside(home, trim.set_aside); !ok) return ok;
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::trim_before_manifest)) {
    if (Status ok = remove_files(home, trim.files); !ok) return ok;
    return begin_log(*trim.first);
  }
#endif
  if (Status ok = begin_log(*trim.first); !ok) return ok;
  return remove_files(home, trim.files);
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
