#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"
#include "walkit/cli.hpp"

// The tool `walkit`: data on stdout, words on stderr, and an exit code that a script can act on.
// One thread.

namespace walkit::cli {

/// Part of the interface: a code keeps its meaning.
enum ExitCode : int {
  kIntact = 0,         // unclean, unproven, one bad manifest slot too, with words on stderr
  kTorn = 1,           // a torn or suspect tail: nothing known to be acknowledged is lost
  kDamage = 2,         // lost or damaged data
  kInUse = 4,          // another writer holds the log
  kUsage = 64,         // the call is wrong, or asks for what is not there
  kIncompatible = 65,  // another codec or type, or a newer format
  kNoLog = 66,
  kIo = 74,
  kInterrupted = 130  // by Ctrl-C, before the end
};

[[nodiscard]] ExitCode exit_code(Errc code);

/// A line on stderr, escaped and with the program's name in front.
void say(std::string_view words);
/// Says the error; the exit code for it.
ExitCode fail(const Error& error);

struct AppendOptions {
  enum class Sync { each, batch, none };
  std::string directory{};
  Sync sync = Sync::batch;
  bool acks = false;  // print each range as soon as it is safe, not one range at the end
  bool json = false;
};
/// Each line of stdin becomes an entry.
ExitCode append(const AppendOptions& options, const Entries& entries);

/// Of progress.
enum class When { automatic, always, never };

enum class Format { text, jsonl, hex, raw };
struct CatOptions {
  std::string directory{};
  EntryId from{};  // EntryId{}: the oldest
  EntryId to = EntryId::max();
  std::uint64_t limit = ~std::uint64_t{0};
  Format format = Format::text;
  std::string decoder{};    // a command; "": none
  bool keep_going = false;  // behind damage
  bool newest = false;      // first
  bool follow = false, flushed = false;
  When progress = When::automatic;
};
ExitCode cat(const CatOptions& options, const Entries& entries);

/// Of the commands that look at all of a log.
struct LookOptions {
  std::string directory{};
  bool json = false;
  When progress = When::automatic;
};
ExitCode ls(const LookOptions& options, const Entries& entries);
ExitCode stat(const LookOptions& options, const Entries& entries);
ExitCode verify(const LookOptions& options, const Entries& entries);

struct InspectOptions {
  std::string file{};
  std::optional<std::uint64_t> offset{};  // this frame, byte by byte
  bool json = false;
};
/// One file of a log, alone.
ExitCode inspect(const InspectOptions& options);

struct RepairOptions {
  std::string directory{};
  bool apply = false;
  EntryIdRange accepted{};  // to be lost
  bool json = false;
};
/// Whatever the entries are. Without `apply` it changes nothing.
ExitCode repair(const RepairOptions& options);

struct SalvageOptions {
  std::string directory{}, target{};
  bool json = false;
};
/// Whatever the entries are: all that verifies, as a new log in `target`.
ExitCode salvage(const SalvageOptions& options);

struct TrimOptions {
  std::string directory{};
  EntryId before{};
  std::uint64_t keep_bytes = 0, keep_seconds = 0;
  bool apply = false;
  bool json = false;
};
/// Whole segments, oldest first. Without `apply` it changes nothing.
ExitCode trim(const TrimOptions& options);

struct BackupOptions {
  std::string directory{};
  std::string target{};  // "": `directory` is a backup, to be verified
  bool json = false;
};
/// Log and checkpoints, whatever they hold.
ExitCode backup(const BackupOptions& options);

struct CheckpointsOptions {
  enum class Verb { ls, verify, prune } verb = Verb::ls;
  std::string directory{};
  std::uint32_t keep = 2;
  bool apply = false;
  bool json = false;
};
/// Whatever the states are. Only prune with `apply` changes anything.
ExitCode checkpoint(const CheckpointsOptions& options);

}  // namespace walkit::cli
