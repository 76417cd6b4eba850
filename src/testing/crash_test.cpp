#include "walkit/testing/crash_test.hpp"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "testing/crash_choices.hpp"

namespace walkit::testing {
namespace {

constexpr std::uint64_t kRecoveryStatesPerPoint = 4;

std::string to_text(const CrashState& state) {
  std::string text = "{.crash_point = " + std::to_string(state.crash_point) +
                     ", .recoveries = " + std::to_string(state.recoveries) + ", .picks = {";
  for (std::size_t i = 0; i < state.picks.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(state.picks[i]);
  }
  return text + "}}";
}

/// Answers the choices of all directories of one crash test, and remembers the answers, so that any
/// state can be named.
class Chooser {
 public:
  using Source = std::function<std::size_t(std::size_t)>;

  void begin(Source source) {
    source_ = std::move(source);
    picks_.clear();
  }
  /// What follows comes from elsewhere, and is remembered with what came before.
  void go_on(Source source) { source_ = std::move(source); }
  std::size_t pick(std::size_t choices) {
    const std::size_t picked = std::min(source_(choices), choices - 1);
    picks_.push_back(picked);
    return picked;
  }
  [[nodiscard]] const std::vector<std::size_t>& picks() const { return picks_; }

 private:
  Source source_{};
  std::vector<std::size_t> picks_{};
};

class CrashTester {
 public:
  using RunFunction = std::function<void(std::shared_ptr<Directory>)>;
  using CheckFunction = std::function<Status(std::shared_ptr<Directory>)>;

  CrashTester(const CrashTestOptions& options, const RunFunction& run, const CheckFunction& check)
      : options_(options), run_(run), check_(check), random_(options.seed) {}

  Result<CrashTestReport> test_all();
  Result<CrashTestReport> replay(const CrashState& state);

 private:
  [[nodiscard]] std::shared_ptr<CrashDirectory> fresh_directory();
  void run_to(std::uint64_t crash_point);
  Status test_point();
  Status enumerate(std::uint64_t states_max);
  Status sample(std::uint64_t states);
  Status sample_recoveries();
  Status judge(std::uint32_t recoveries);
  Status judge_image(const std::shared_ptr<CrashDirectory>& image, std::uint32_t recoveries);

  const CrashTestOptions& options_;
  const RunFunction& run_;
  const CheckFunction& check_;
  Random random_;
  Chooser chooser_{};
  std::shared_ptr<CrashDirectory> crashed_{};
  std::uint64_t crash_point_ = 0;
  std::uint64_t share_ = 0;      // of the states, for each crash point
  bool enumerated_all_ = false;  // of this crash point
  std::unordered_set<std::uint64_t> judged_{};
  CrashTestReport report_{};
};

std::shared_ptr<CrashDirectory> CrashTester::fresh_directory() {
  return CrashDirectory::create({.seed = options_.seed,
                                 .sector_bytes = options_.sector_bytes,
                                 .pick = [this](std::size_t n) { return chooser_.pick(n); },
                                 .tear_cuts = options_.tear_cuts});
}

void CrashTester::run_to(std::uint64_t crash_point) {
  crash_point_ = crash_point;
  chooser_.begin([](std::size_t) { return std::size_t{0}; });
  crashed_ = fresh_directory();
  crashed_->cut_power_at(crash_point);
  run_(crashed_);
}

Result<CrashTestReport> CrashTester::test_all() {
  run_to(0);
  const std::uint64_t points = crashed_->operation_count() + 1;
  share_ = std::max<std::uint64_t>(1, options_.states_max / points);
  for (std::uint64_t point = 1; point <= points; ++point) {
    run_to(point);
    if (const Status tested = test_point(); !tested) return tested.error();
    ++report_.crash_points;
  }
  return report_;
}

Result<CrashTestReport> CrashTester::replay(const CrashState& state) {
  run_to(state.crash_point);
  chooser_.begin([&, next = std::size_t{0}](std::size_t) mutable {
    return next < state.picks.size() ? state.picks[next++] : 0;
  });
  if (const Status judged = judge(state.recoveries); !judged) return judged.error();
  report_.crash_points = 1;
  return report_;
}

Status CrashTester::test_point() {
  judged_.clear();
  if (Status enumerated = enumerate((share_ + 1) / 2); !enumerated) return enumerated;
  if (!enumerated_all_) {
    if (Status sampled = sample(share_ / 2); !sampled) return sampled;
  }
  return options_.recovery_depth == 0 ? Status{} : sample_recoveries();
}

Status CrashTester::enumerate(std::uint64_t states_max) {
  Odometer odometer;
  for (std::uint64_t n = 0; n < states_max; ++n) {
    chooser_.begin([&](std::size_t choices) { return odometer.pick(choices); });
    if (Status judged = judge(0); !judged) return judged;
    enumerated_all_ = !odometer.next();
    if (enumerated_all_) break;
  }
  return {};
}

Status CrashTester::sample(std::uint64_t states) {
  // As many choices as the last state took is as near as one can know beforehand.
  for (std::uint64_t n = 0; n < states; ++n) {
    Sampler sampler(random_, chooser_.picks().size());
    chooser_.begin([&](std::size_t choices) { return sampler.pick(random_, choices); });
    if (Status judged = judge(0); !judged) return judged;
  }
  return {};
}

Status CrashTester::sample_recoveries() {
  for (std::uint64_t n = 0; n < kRecoveryStatesPerPoint; ++n) {
    chooser_.begin([&](std::size_t choices) {
      // Landed, lost and torn in equal parts; an operation to crash at is one of many.
      return random_.below(2) == 0 ? random_.below(std::min<std::size_t>(2, choices))
                                   : random_.below(choices);
    });
    if (Status judged = judge(options_.recovery_depth); !judged) return judged;
  }
  return {};
}

Status CrashTester::judge(std::uint32_t recoveries) {
  const std::shared_ptr<CrashDirectory> image = crashed_->crash(options_.crash);
  const std::uint64_t hash = image->image_hash();
  if (recoveries == 0 && !judged_.insert(hash).second) return {};
  // The enumeration is of this image; crashes that check() makes itself are sampled, by the image.
  if (!options_.replay && recoveries == 0) {
    chooser_.go_on([random = Random(hash)](std::size_t n) mutable { return random.below(n); });
  }
  const Status judged = judge_image(image, recoveries);
  if (judged) return {};

  Error error = judged.error();
  const CrashState state{crash_point_, recoveries, chooser_.picks()};
  error.message =
      "seed " + std::to_string(options_.seed) + ", state " + to_text(state) + ": " + error.message;
  error.next_step =
      "to repeat it alone, set CrashTestOptions::replay = CrashState" + to_text(state);
  return error;
}

Status CrashTester::judge_image(const std::shared_ptr<CrashDirectory>& image,
                                std::uint32_t recoveries) {
  ++report_.states;
  if (recoveries == 0) return check_(image);
  const std::shared_ptr<CrashDirectory> whole = image->clone();
  if (Status judged = check_(whole); !judged) return judged;
  const std::uint64_t operations = whole->operation_count();
  if (operations == 0) return {};
  image->cut_power_at(1 + (operations == 1 ? 0 : chooser_.pick(operations)));
  check_(image).ignore("it has lost power on its way; the next boot is judged");
  return judge_image(image->crash(options_.crash), recoveries - 1);
}

}  // namespace

std::size_t Odometer::pick(std::size_t choices) {
  if (choices <= 1) return 0;
  if (position_ == wheels_.size()) wheels_.push_back({0, choices});
  Wheel& wheel = wheels_[position_++];
  wheel.choices = choices;
  return std::min(wheel.value, choices - 1);
}

bool Odometer::next() {
  position_ = 0;
  while (!wheels_.empty()) {
    Wheel& last = wheels_.back();
    if (++last.value < last.choices) return true;
    wheels_.pop_back();
  }
  return false;
}

Result<CrashTestReport> run_crash_test(
    const CrashTestOptions& options, const std::function<void(std::shared_ptr<Directory>)>& run,
    const std::function<Status(std::shared_ptr<Directory>)>& check) {
  CrashTester tester(options, run, check);
  return options.replay ? tester.replay(*options.replay) : tester.test_all();
}

}  // namespace walkit::testing
