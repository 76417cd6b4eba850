// Two files of one program use the same log type; this one writes, two_units_reader.cpp reads.
#include <walkit/walkit.hpp>

#include "booking.hpp"
#include "check.hpp"

walkit::Result<std::int64_t> sum_of(const std::shared_ptr<walkit::Directory>& dir);
walkit::Status append_from_other_unit(walkit::WalWriter<Booking>& wal);

int main() {
  const auto dir = walkit::FsDirectory::open("bank").value();
  auto wal = walkit::WalWriter<Booking>::open(dir).value();
  CHECK(wal.append({"here", 5}));
  CHECK(append_from_other_unit(wal));
  const auto log = walkit::WalReader<Booking>::open(dir).value();
  CHECK(log.replay().value().size() == 2);
  CHECK(sum_of(dir).value() == 12);
}
