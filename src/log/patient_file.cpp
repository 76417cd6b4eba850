#include "log/patient_file.hpp"

#include <algorithm>
#include <utility>

#include "log/format.hpp"

namespace walkit::log {
namespace {

Status reading_only() {
  return Error{.code = Errc::invalid_argument, .message = "opened for reading"};
}

}  // namespace

Result<std::size_t> PatientFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  if (offset >= bytes_) return std::size_t{0};
  const std::size_t bytes = std::min<std::uint64_t>(into.size(), bytes_ - offset);
  if (Status ok = read_piece(offset, into.first(bytes)); !ok) return ok.error();
  return bytes;
}

// Halves what is refused until it is one sector. What was cut off meanwhile reads as zeros.
Status PatientFile::read_piece(std::uint64_t offset, std::span<std::byte> into) {
  const auto got = file_->read_at(offset, into);
  if (got) {
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(*got), into.end(), std::byte{0});
    return {};
  }
  if (got.error().code != Errc::io) return got.error();
  const std::uint64_t sector = offset / kSectorBytes,
                      last = (offset + into.size() - 1) / kSectorBytes;
  if (sector == last) {
    std::fill(into.begin(), into.end(), std::byte{0});
    if (!refusal_ || offset < refusal_->offset) {
      refusal_ = got.error();
      refusal_->offset = offset;
    }
    return {};
  }
  const std::size_t half = ((sector + last + 1) / 2) * kSectorBytes - offset;
  if (Status ok = read_piece(offset, into.first(half)); !ok) return ok;
  return read_piece(offset + half, into.subspan(half));
}

std::optional<Error> PatientFile::take_refusal() { return std::exchange(refusal_, std::nullopt); }

Status PatientFile::write_at(std::uint64_t, std::span<const BytesView>) { return reading_only(); }
Status PatientFile::fill_zeros(std::uint64_t) { return reading_only(); }
Status PatientFile::truncate(std::uint64_t) { return reading_only(); }
Status PatientFile::sync() { return reading_only(); }

}  // namespace walkit::log
