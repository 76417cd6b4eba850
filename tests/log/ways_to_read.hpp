#pragma once

// All ways to ask a log something, each with what it says as text, for sweeps over what may fail
// meanwhile.

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit {

using Home = std::shared_ptr<Directory>;
/// All that one call gave, as text.
using Said = Result<std::string>;
using Ask = std::function<Said()>;

/// One that answers with an error has its code for a name.
struct Scenario {
  const char* name;
  std::function<Home()> make;
  /// Not to be failed; what it returns is, and is then asked again.
  std::function<Ask(const Home&)> prepare;
};
std::ostream& operator<<(std::ostream& out, const Scenario& scenario);

[[nodiscard]] std::vector<Scenario> ways_to_replay();
[[nodiscard]] std::vector<Scenario> ways_to_pull();
[[nodiscard]] std::vector<Scenario> ways_to_care();
[[nodiscard]] std::vector<Scenario> ways_to_open();

/// A log whose end is torn, its unproven entries before it.
[[nodiscard]] Home torn_log();

}  // namespace walkit
