// expect: walkit: the callback takes a walkit::WalRecord<E>& (or const&, or auto&)
#include <string>

#include "walkit/wal_reader.hpp"

using Reader = walkit::WalReader<std::string, walkit::BytesCodec>;

auto count(const Reader& log) {
#ifdef WALKIT_FIXED
  return log.replay_each(walkit::ReplayMode::strict, [](walkit::WalRecord<std::string>&) {});
#else
  return log.replay_each(walkit::ReplayMode::strict, [](const std::string&) {});
#endif
}
