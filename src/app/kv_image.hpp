#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "app/kv_data.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit::kv {

/// All that a snapshot holds. Equal images are the same bytes. As Data for threads.
struct Image {
  Data data{};
  std::deque<Outcome> outcomes{};  // of the newest entries, at most kOutcomesRemembered

  void remember(const Outcome& outcome);
  /// Of an entry that was applied; duplicate: it is not remembered.
  [[nodiscard]] Outcome outcome_of(std::uint64_t index) const;
};

/// Gives it piece by piece, 256 KiB or one item. The error is take's; no_memory.
Status write_image(const Image& image, const std::function<Status(BytesView)>& take);

/// The same bytes, in pieces of any size. Total. One thread.
class ImageReader {
 public:
  /// corrupt: a checksum differs. decode: no image, or one that cannot be. incompatible: of a newer
  /// walkit. no_memory. The same is answered from then on.
  Status take(BytesView piece);
  /// Once, behind the last piece. torn: cut short.
  Result<Image> finish();

 private:
  enum class Part { head, leases, items, outcomes, end };

  std::size_t frames(BytesView bytes);
  bool take_payload(BytesView bytes);
  bool begin(BytesView bytes);
  bool lease(BytesView bytes);
  bool item(BytesView bytes);
  bool outcome(BytesView bytes);

  Image image_{};
  Part part_ = Part::head;
  std::uint64_t leases_ = 0, items_ = 0, outcomes_ = 0;  // are yet to come
  std::string key_{};                                    // of the item before
  std::uint64_t lease_ = 0;                              // before
  std::uint64_t index_ = 0, term_ = 0, now_ = 0;
  Bytes held_{};  // of a frame that is not whole
  std::uint64_t offset_ = 0;
  EntryId next_{1};
  Status failure_{};
};

}  // namespace walkit::kv
