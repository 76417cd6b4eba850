// expect: walkit: a replay callback returns void, walkit::Step (next or stop) or walkit::Status. A bool or another value is refused, since it is easily the outcome of an apply function and would end the replay in silence: drop it, or return Step
#include <string>

#include "walkit/wal_reader.hpp"

using Reader = walkit::WalReader<std::string, walkit::BytesCodec>;

auto count(const Reader& log) {
  return log.replay_each(walkit::ReplayMode::strict, [](const walkit::WalRecord<std::string>& r) {
#ifdef WALKIT_FIXED
    return r.payload.empty() ? walkit::Step::stop : walkit::Step::next;
#else
    return r.payload.empty();
#endif
  });
}
