#pragma once

// All that an application needs. Where cereal cannot work (no RTTI or no exceptions) the default
// codec is left out: name another one, WalWriter<E, MyCodec>.

#include "walkit/backup.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"
#include "walkit/checkpoint/checkpoint_store.hpp"
#if defined(__cpp_rtti) && defined(__cpp_exceptions)
#include "walkit/cereal_codec.hpp"
#include "walkit/upgrades.hpp"
#endif
#include "walkit/codec.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/journaled.hpp"
#include "walkit/log/observer.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/log/ticket.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/recovery.hpp"
#include "walkit/version.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"
