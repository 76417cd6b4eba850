#include "log/recovery_table.hpp"

namespace walkit::log {
namespace {

template <class... Values>
constexpr unsigned in(Values... values) {
  return ((1u << static_cast<unsigned>(values)) | ...);
}
constexpr unsigned kAny = ~0u;

using H = HeaderEvidence;
using W = WatermarkEvidence;
using S = TailShape;
using R = RemainderEvidence;
using V = TailVerdict;
using A = TailAction;

constexpr unsigned kDirty = in(S::explained, S::unexplained);
constexpr unsigned kKnown = in(S::zeros, S::explained, S::unexplained);
constexpr unsigned kOpen = in(R::nothing, R::frames);

// header         watermark      tail                remainder           layout
constexpr RecoveryRow kTable[] = {
    {in(H::unborn), kAny, kAny, kAny, kAny, {V::unborn, A::set_aside}},
    {in(H::damaged), kAny, kAny, kAny, kAny, {V::header_damaged, A::refuse}},
    {in(H::valid), kAny, in(S::unknown), kAny, kAny, {V::newer, A::refuse}},
    {in(H::valid), in(W::covers), kKnown, kAny, kAny, {V::lost_acknowledged, A::refuse}},
    {in(H::valid), in(W::below), in(S::zeros), in(R::nothing), kAny, {V::clean, A::go_on}},
    {in(H::valid), in(W::below), in(S::zeros), in(R::clean_close), kAny, {V::clean, A::go_on}},
    // Frames that are there and not proven: a re-sync may lie, so they are written again.
    {in(H::valid), in(W::below), in(S::zeros), in(R::frames), kAny, {V::clean, A::new_segment}},
    // The next header's prev_end says that what was cut here is never judged again.
    {in(H::valid), in(W::below), in(S::explained), kOpen, kAny, {V::torn, A::new_segment}},
    {in(H::valid),
     in(W::below),
     in(S::unexplained),
     kOpen,
     in(Layout::packed),
     {V::suspect, A::new_segment}},
    {in(H::valid),
     in(W::below),
     in(S::unexplained),
     kOpen,
     in(Layout::whole_blocks),
     {V::damaged, A::refuse}},
    // A seal that ends the file leaves no room for a tail; kept so that the table has no hole.
    {in(H::valid), in(W::below), kDirty, in(R::clean_close), kAny, {V::damaged, A::refuse}},
};

template <class Value>
bool has(unsigned set, Value value) {
  return ((set >> static_cast<unsigned>(value)) & 1u) != 0;
}

}  // namespace

bool RecoveryRow::matches(const Evidence& e) const {
  return has(headers, e.header) && has(watermarks, e.watermark) && has(shapes, e.shape) &&
         has(remainders, e.remainder) && has(layouts, e.layout);
}

std::span<const RecoveryRow> recovery_table() { return kTable; }

Decision decide(const Evidence& evidence) {
  for (const RecoveryRow& row : kTable) {
    if (row.matches(evidence)) return row.decision;
  }
  return {V::damaged, A::refuse};
}

}  // namespace walkit::log
