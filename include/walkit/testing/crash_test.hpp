#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::testing {

/// Goes through all sequences of choices, the last choice fastest: `do { use pick } while
/// (next())`. Later choices may depend on earlier ones, in number and in width. One thread.
class Odometer {
 public:
  /// A number below `choices`.
  [[nodiscard]] std::size_t pick(std::size_t choices);
  /// Goes to the next sequence; false when there is none.
  [[nodiscard]] bool next();

 private:
  struct Wheel {
    std::size_t value = 0, choices = 0;
  };
  std::vector<Wheel> wheels_{};
  std::size_t position_ = 0;
};

/// Names one state that crash_test met.
struct CrashState {
  std::uint64_t crash_point = 1;     // the operation that found no power
  std::uint32_t recoveries = 0;      // how often check() was crashed too
  std::vector<std::size_t> picks{};  // all choices since, in order; 0 for those behind its end
};
/// As an initializer: "{.crash_point = 4, .recoveries = 0, .picks = {1}}".
[[nodiscard]] std::string to_string(const CrashState& state);

struct CrashTestOptions {
  std::uint64_t seed = 1;
  /// How many states are judged, about: a crash point is judged in a few whatever it says. Half of
  /// them are shared by the crash points; one with more states than half its share has the first
  /// ones enumerated and the rest sampled by seed. Of the others, crashes of check() take half, and
  /// each depth half of what is then left.
  std::uint64_t states_max = 100'000;
  Crash crash = Crash::power_cut;
  /// What the device may do. Beyond CrashModel::is_legal() losses are to be expected: there
  /// check() can ask only that none goes untold.
  CrashModel model{};
  std::uint32_t sector_bytes = 512;
  std::size_t tear_cuts = 3;
  /// How many crashes of check() itself may follow each other before it is let finish: at each of
  /// its operations, or at as many, evenly spread, as states_max allows (see
  /// CrashTestReport::checks_not_cut). Done with up to four states of each crash point, then with
  /// up to 256 of those that such crashes left. 0, never: for a check() that goes on to write what
  /// it would not accept when it is called again.
  std::uint32_t recovery_depth = 3;
  /// Judges that one state alone.
  std::optional<CrashState> replay{};
};

struct CrashTestReport {
  std::uint64_t crash_points = 0;  // the operations of run(), and one behind the last
  std::uint64_t states = 0;        // different ones that were judged
  std::uint64_t checks_cut = 0;    // how often check() lost power on its way
  /// At how many of its operations it was not cut, since states_max was too small.
  std::uint64_t checks_not_cut = 0;
};

/// crash_test() without the model: `run` keeps what was acknowledged for `check`.
Result<CrashTestReport> run_crash_test(
    const CrashTestOptions& options, const std::function<void(std::shared_ptr<Directory>)>& run,
    const std::function<Status(std::shared_ptr<Directory>)>& check);

/// Whether every state that a crash can leave passes `check`.
///
/// run(std::shared_ptr<Directory>) -> Model works on an empty directory until a call fails, and
/// returns what was acknowledged. It is run once for each of its operations, which then finds the
/// power cut, and once to the end; so it must do the same each time. invalid_argument: it did not,
/// or it threw; CrashTestOptions::replay names a state that there is not.
/// check(std::shared_ptr<Directory>, const Model&)
/// -> Status opens what is left and judges it; it gets its own copy of the model, and equal images
/// are judged once per crash point. What it throws counts as an error; thrown or answered, it
/// counts only where check() was let finish.
///
/// The error is check's. Its one line says where the power went and names the CrashState that
/// repeats it: the shortest that was found, with the fewest crashes, at the earliest operation,
/// with the least that landed. Calls both on the caller's thread.
template <class Run, class Check>
Result<CrashTestReport> crash_test(CrashTestOptions options, Run&& run, Check&& check) {
  using Model = std::invoke_result_t<Run&, std::shared_ptr<Directory>>;
  std::optional<Model> acknowledged;
  return run_crash_test(
      options, [&](std::shared_ptr<Directory> directory) { acknowledged.emplace(run(directory)); },
      [&](std::shared_ptr<Directory> directory) -> Status {
        const Model model = *acknowledged;
        return check(directory, model);
      });
}

}  // namespace walkit::testing
