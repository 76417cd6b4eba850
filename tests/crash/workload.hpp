#pragma once

// Traces of calls on a log, and the oracle that judges what a crash leaves of them. The model knows
// texts and counts only; nothing of walkit's bytes.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::crash {

enum class Call { append, append_large, batch, flush, sync, reopen };
using Trace = std::vector<Call>;
[[nodiscard]] std::string to_string(const Trace& trace);
/// Trace number `n` of those with `calls` calls.
[[nodiscard]] Trace nth_trace(std::size_t n, std::size_t calls);
[[nodiscard]] std::size_t trace_count(std::size_t calls);

/// What was handed to the log, and what it vouched for.
struct Model {
  std::vector<std::string> submitted{};  // submitted[0] is entry 1
  std::vector<std::size_t> ends{};       // how many there were after each call: batches are whole
  std::size_t acknowledged = 0;          // as safe as the crash under test asks
  std::vector<std::size_t> closes{};     // how many there were at each clean close
  std::string wrong{};                   // the writer gave an id out of turn
};

/// How entries are written, and which calls acknowledge.
struct Setup {
  FlushPolicy flush{};
  Durability durability = Durability::durable;
  Layout layout = Layout::packed;
  Preallocation preallocation = Preallocation::zero_fill;
  std::uint64_t segment_bytes = 4096;  // two large entries
  Compression compression = Compression::none;
  testing::Crash crash = testing::Crash::power_cut;

  [[nodiscard]] WalOptions options() const;
};

/// Runs the trace, a few calls that fail included: a writer that is done for has to refuse all that
/// follow. Payloads are a function of `life` and the entry's place.
[[nodiscard]] Model run(const std::shared_ptr<Directory>& directory, const Setup& setup,
                        const Trace& trace, Model model = {}, unsigned life = 1);

/// What must hold of a directory after any legal crash: replay gives an intact prefix with at least
/// all that was acknowledged and whole batches only, open agrees with it without help, what open
/// showed survives the next power cut, and the log goes on with the next id.
[[nodiscard]] Status check(const std::shared_ptr<Directory>& directory, const Setup& setup,
                           const Model& model);

/// The same for the first half of it: what a reader sees. Gives how many entries there are.
[[nodiscard]] Result<std::size_t> check_replay(const std::shared_ptr<Directory>& directory,
                                               const Model& model, ReplayMode mode);

/// Every operation of opening what the crash left is crashed once more, the same way, and judged.
[[nodiscard]] Status check_crashes_in_recovery(
    const std::shared_ptr<testing::CrashDirectory>& image, const Setup& setup, const Model& model);

/// How large a test is: ordinarily so, for long runs as the environment says.
[[nodiscard]] std::uint64_t from_environment(const char* variable, std::uint64_t ordinary);

}  // namespace walkit::crash
