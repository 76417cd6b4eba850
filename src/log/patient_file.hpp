#pragma once

#include <memory>
#include <optional>

#include "walkit/io/directory.hpp"

namespace walkit::log {

/// A file read around what its device refuses: a sector that cannot be read is zeros here, so that
/// only that sector is lost. Reading only. One thread.
class PatientFile final : public File {
 public:
  PatientFile(std::unique_ptr<File> file, std::uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Result<std::uint64_t> size() override { return bytes_; }
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Status fill_zeros(std::uint64_t to) override;
  Status truncate(std::uint64_t bytes) override;
  Status sync() override;

  /// The device's word on the sectors refused since this was last asked; `offset` is the first.
  [[nodiscard]] std::optional<Error> take_refusal();

 private:
  Status read_piece(std::uint64_t offset, std::span<std::byte> into);

  std::unique_ptr<File> file_;
  std::uint64_t bytes_;
  std::optional<Error> refusal_{};
};

}  // namespace walkit::log
