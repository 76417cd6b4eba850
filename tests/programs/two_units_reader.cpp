#include <walkit/walkit.hpp>

#include "booking.hpp"

walkit::Result<std::int64_t> sum_of(const std::shared_ptr<walkit::Directory>& dir);
walkit::Status append_from_other_unit(walkit::WalWriter<Booking>& wal);

walkit::Result<std::int64_t> sum_of(const std::shared_ptr<walkit::Directory>& dir) {
  const auto log = walkit::WalReader<Booking>::open(dir);
  if (!log) return log.error();
  std::int64_t sum = 0;
  const auto done = log->replay_each(
      walkit::ReplayMode::strict,
      [&](const walkit::WalRecord<Booking>& record) { sum += record.payload.cents; });
  if (!done) return done.error();
  return sum;
}

walkit::Status append_from_other_unit(walkit::WalWriter<Booking>& wal) {
  if (const auto id = wal.append({"there", 7}); !id) return id.error();
  return {};
}
