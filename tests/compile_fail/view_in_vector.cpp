// expect: walkit: views live for a replay_each callback only. Read std::string or walkit::Bytes
#include <string>

#include "walkit/wal_reader.hpp"

#ifdef WALKIT_FIXED
using Entry = std::string;
#else
using Entry = std::string_view;
#endif

auto all(const walkit::WalReader<Entry, walkit::BytesCodec>& log) { return log.replay(); }
