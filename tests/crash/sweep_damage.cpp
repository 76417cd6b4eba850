#include <algorithm>
#include <map>

#include "crash/damage.hpp"
#include "crash/sweeps.hpp"
#include "walkit/codec.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

constexpr std::uint64_t kFrameHeaderBits = 64 * 8, kSectorBytes = 512;
constexpr const char* kLock = "wal/LOCK";

struct Kind {
  const char* name;
  Stop stop;
  Layout layout;
  Texture texture;
};
constexpr Kind kKinds[] = {
    {"power cut", Stop::power_cut, Layout::packed, Texture::random},
    {"killed", Stop::killed, Layout::packed, Texture::random},
    {"killed, text", Stop::killed, Layout::packed, Texture::text},
    {"killed, whole blocks", Stop::killed, Layout::whole_blocks, Texture::zeros},
    {"closed", Stop::closed, Layout::packed, Texture::text},
    {"power cut, whole blocks", Stop::power_cut, Layout::whole_blocks, Texture::random}};

Error found(std::string message) { return {.code = Errc::corrupt, .message = std::move(message)}; }

/// When each entry was written, as replay says.
Result<std::vector<std::uint64_t>> times_of(const std::shared_ptr<CrashDirectory>& directory) {
  const auto reader = LogReader::open(directory, {}, std::nullopt);
  if (!reader) return reader.error();
  std::vector<std::uint64_t> times;
  const auto replayed = reader->replay(ReplayMode::best_effort, {}, [&](const EntryView& entry) {
    times.push_back(entry.time_ns);
    return Result<Step>(Step::next);
  });
  if (!replayed) return replayed.error();
  return times;
}

class DamageSweep {
 public:
  DamageSweep(const Kind& kind, std::uint64_t& states) : kind_(kind), states_(states) {}

  Status run() {
    specimen_ = make_specimen(kind_.texture, kind_.stop, kind_.layout, 7);
    const auto times = times_of(specimen_.image->clone());
    if (!times) return times.error();
    times_ = *times;
    for (const auto part : {&DamageSweep::files, &DamageSweep::sectors, &DamageSweep::last_headers,
                            &DamageSweep::lengths, &DamageSweep::bits}) {
      if (Status ok = (this->*part)(); !ok) return ok;
    }
    return {};
  }

 private:
  template <class Damaging>
  Status try_one(const DamagedRange& range, Damaging&& damaging) {
    const auto copy = specimen_.image->clone();
    if (Status ok = damaging(*copy); !ok) return ok;
    ++states_;
    const Judgement judged = judge(copy->clone(), specimen_, range);
    const std::string what = std::string(kind_.name) + ", " + range.file + " " +
                             std::to_string(range.begin) + ".." + std::to_string(range.end);
    const bool may_lose = kind_.stop == Stop::power_cut;
    const bool told = judged.outcome == Outcome::refused || judged.outcome == Outcome::same;
    if (!told && !(may_lose && judged.outcome == Outcome::reported)) {
      return found(what + ": " + judged.why);
    }
    // LOCK is evidence or nothing.
    if (range.file == kLock && judged.outcome != Outcome::same) {
      return found(what + " refuses the log: " + judged.why);
    }
    const auto times = times_of(copy);
    if (!times || std::equal(times->begin(), times->end(), times_.begin())) return {};
    return found(what + ": an entry has another time, and nothing says so");
  }

  Status files() {
    const auto files = specimen_.image->list_files();
    for (const std::string& file : files) {
      Status ok = try_one({file}, [&](CrashDirectory& d) { return d.remove_file(file); });
      for (const std::string& other : files) {
        if (ok && other > file && file != kLock) {
          ok = try_one({file}, [&](CrashDirectory& d) { return d.swap_files(file, other); });
        }
      }
      if (!ok) return ok;
    }
    return {};
  }

  Status sectors() {
    for (const std::string& file : specimen_.image->list_files()) {
      for (std::uint64_t at = 0; at < bytes_of(file); at += kSectorBytes) {
        Status ok = try_one({file, at, at + kSectorBytes}, [&](CrashDirectory& d) {
          return d.zero_sector(file, at / kSectorBytes);
        });
        if (!ok) return ok;
      }
    }
    return {};
  }

  /// A header of the last group that is neither whole nor cut off by zeros is no torn write,
  /// whatever its layout: suspect at most.
  Status last_headers() {
    for (std::uint64_t bit = 0; bit < kFrameHeaderBits; bit += 7) {
      const auto copy = specimen_.image->clone();
      Status flipped = copy->flip_bit(specimen_.newest_file, specimen_.last_group_offset * 8 + bit);
      if (!flipped) return flipped;
      ++states_;
      const auto writer = Writer::open(copy);
      if (!writer) continue;
      if (writer->recovery().torn_bytes == 0 && kind_.layout == Layout::packed) continue;
      return found(std::string(kind_.name) + ", bit " + std::to_string(bit) +
                   " of a header flipped: taken for a torn write");
    }
    return {};
  }

  Status lengths() {
    for (const std::string& file : specimen_.image->list_files()) {
      for (std::uint64_t bytes = 0; bytes < bytes_of(file); bytes += 53) {
        Status ok =
            try_one({file, bytes}, [&](CrashDirectory& d) { return d.truncate_file(file, bytes); });
        if (!ok) return ok;
      }
    }
    return {};
  }

  Status bits() {
    for (const std::string& file : specimen_.image->list_files()) {
      const std::uint64_t step = file == kLock ? 3 : 331;
      for (std::uint64_t bit = 0; bit < bytes_of(file) * 8; bit += step) {
        Status ok = try_one({file, bit / 8, bit / 8 + 1},
                            [&](CrashDirectory& d) { return d.flip_bit(file, bit); });
        if (!ok) return ok;
      }
    }
    return {};
  }

  // Of what was written; behind it stand zeros.
  std::uint64_t bytes_of(const std::string& file) {
    const auto [known, is_new] = bytes_.try_emplace(file);
    if (!is_new) return known->second;
    const Bytes bytes = specimen_.image->read_file(file).value();
    const auto last =
        std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte b) { return b != std::byte{0}; });
    return known->second = static_cast<std::uint64_t>(bytes.rend() - last);
  }

  const Kind& kind_;
  std::uint64_t& states_;
  Specimen specimen_{};
  std::vector<std::uint64_t> times_{};
  std::map<std::string, std::uint64_t> bytes_{};
};

}  // namespace

Status sweep_damage(std::uint64_t& states) {
  for (const Kind& kind : kKinds) {
    if (Status ok = DamageSweep(kind, states).run(); !ok) return ok;
  }
  return {};
}

}  // namespace walkit::crash
