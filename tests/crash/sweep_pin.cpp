#include "crash/sweeps.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;
using Image = std::shared_ptr<CrashDirectory>;

constexpr int kSamples = 6;
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

Error found(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

/// Five segments of two entries.
Image make_log() {
  const auto directory = CrashDirectory::create({.seed = 5});
  for (int life = 0; life < 5; ++life) {
    auto writer = Writer::open(directory).value();
    for (int n = 0; n < 2; ++n) writer.append("an entry").value();
    writer.close().value();
  }
  return directory->crash(Crash::power_cut);
}

/// From where on entries are held, as the calls said; none: nothing is.
std::optional<EntryId> pin_and_move(const Image& image) {
  std::optional<EntryId> held;
  const auto care = WalMaintenance::open(image);
  if (!care) return held;
  if (const auto from = care->pin("reader", EntryId{3}, kNoLimit)) held = *from;
  if (const auto from = care->move_pin("reader", EntryId{5})) held = *from;
  if (!held) return held;
  // What is on its way to be given up holds nothing any more.
  if (!care->release_pin("reader")) return std::nullopt;
  held.reset();
  if (const auto from = care->pin("reader", EntryId{7}, kNoLimit)) held = *from;
  return held;
}

Status check(const Image& left, std::optional<EntryId> held) {
  const auto care = WalMaintenance::open(left);
  if (!care) return care.error();
  const auto pins = care->pins();
  if (!pins) return pins.error();
  for (const PinInfo& pin : *pins) {
    if (pin.fault) return *pin.fault;
  }
  const auto oldest = care->trim_before(EntryId::max());
  if (!oldest) return oldest.error();
  if (held && *oldest > *held) return found("trimmed to " + to_string(*oldest));
  for (const std::string& file : left->list_files()) {
    if (file.ends_with(".tmp")) return found(file + " is left");
  }
  const auto reader = Reader::open(left);
  if (!reader) return reader.error();
  const auto count = reader->entry_count();
  return count ? Status{} : Status(count.error());
}

}  // namespace

Status sweep_pins(std::uint64_t& states) {
  const Image log = make_log();
  for (std::uint64_t at = 1;; ++at) {
    const auto cut = log->clone();
    cut->cut_power_at(at);
    const auto held = pin_and_move(cut);
    for (int sample = 0; sample < kSamples; ++sample) {
      ++states;
      const auto left = cut->crash(sample == 0 ? Crash::process_kill : Crash::power_cut);
      if (Status ok = check(left, held); !ok) {
        Error error = ok.error();
        error.message += " (power lost at operation " + std::to_string(at) + ")";
        return error;
      }
    }
    if (cut->operation_count() < at) return {};
  }
}

}  // namespace walkit::crash
