#include "walkit/testing/crash_test.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "testing/crash_choices.hpp"

namespace walkit::testing {
namespace {

constexpr std::size_t kBaseStatesPerPoint = 4;  // of which check() is crashed too
constexpr std::size_t kFrontierMax = 256;       // states of one depth that the next one begins at
constexpr int kShrinkTriesMax = 2000;

/// Answers the choices of all directories of one crash test, and remembers the answers, so that any
/// state can be named.
class Chooser {
 public:
  using Source = std::function<std::size_t(std::size_t)>;
  using Picks = std::vector<std::size_t>;

  void begin(Source source, Picks before = {}) {
    source_ = std::move(source);
    picks_ = std::move(before);
  }
  /// What follows comes from elsewhere, and is remembered with what came before.
  void go_on(Source source) { source_ = std::move(source); }
  std::size_t pick(std::size_t choices) {
    const std::size_t picked = std::min(source_(choices), choices - 1);
    picks_.push_back(picked);
    return picked;
  }
  [[nodiscard]] const Picks& picks() const { return picks_; }

 private:
  Source source_{};
  Picks picks_{};
};

Chooser::Source always(std::size_t answer) {
  return [answer](std::size_t) { return answer; };
}

Chooser::Source at_random(std::uint64_t seed) {
  return [random = Random(seed)](std::size_t choices) mutable { return random.below(choices); };
}

/// What the call threw, in words. none: nothing.
template <class Call>
std::optional<std::string> exception_of(Call&& call) {
  try {
    call();
    return std::nullopt;
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

/// A state that is judged, found good, and may be crashed on its way through check().
struct Survivor {
  std::uint64_t crash_point = 1;
  std::shared_ptr<CrashDirectory> image{};  // as a crash left it
  Chooser::Picks picks{};                   // that led to it and through check()
  std::uint64_t operations = 0;             // of check()
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
  Status run_to(std::uint64_t crash_point);
  Status same_as_before() const;
  Status ask(const std::shared_ptr<Directory>& directory);
  Status test_point();
  Status enumerate(std::uint64_t states_max);
  Status sample(std::uint64_t states);
  Status take_survivors();
  Status crash_checks();
  Status crash_check(const Survivor& survivor, std::uint64_t states_max,
                     std::vector<Survivor>& next);
  Status judge();
  Status judge_image(std::shared_ptr<CrashDirectory> image, std::vector<Survivor>* survivors);
  /// Counts it, where it was not judged about before.
  bool is_new(const CrashDirectory& image);

  Status repeat(const CrashState& state);
  [[nodiscard]] std::string misfit(const CrashState& state) const;
  [[nodiscard]] Error shortest(CrashState state, Error error);
  [[nodiscard]] Error named(const CrashState& state, Error error) const;

  const CrashTestOptions& options_;
  const RunFunction& run_;
  const CheckFunction& check_;
  Random random_;
  Chooser chooser_{};
  std::shared_ptr<CrashDirectory> crashed_{};
  std::uint64_t crash_point_ = 0;
  std::uint64_t share_ = 0;      // of the states, for each crash point
  bool enumerated_all_ = false;  // of this crash point
  std::vector<Operation> whole_run_{};
  std::set<std::pair<std::uint64_t, std::uint64_t>> judged_{};  // crash point, image
  std::vector<Survivor> survivors_{};                           // in order of crash points
  std::uint32_t recoveries_ = 0;                                // of the states being judged
  std::string schedule_{};                                      // what repeat() did, in words
  std::size_t picks_used_ = 0;                                  // by repeat()
  std::string impossible_{};                                    // a pick that it could not make
  CrashTestReport report_{};
};

Status CrashTester::run_to(std::uint64_t crash_point) {
  crash_point_ = crash_point;
  // A disk that lies does so while run() works; all else is decided when the power goes.
  chooser_.begin(options_.model.sync_may_lie ? at_random(options_.seed) : always(0));
  crashed_ = CrashDirectory::create({.seed = options_.seed,
                                     .model = options_.model,
                                     .sector_bytes = options_.sector_bytes,
                                     .pick = [this](std::size_t n) { return chooser_.pick(n); },
                                     .tear_cuts = options_.tear_cuts});
  crashed_->cut_power_at(crash_point);
  const auto thrown = exception_of([this] { run_(crashed_); });
  if (!thrown) return same_as_before();
  return Error{
      .code = Errc::invalid_argument,
      .message = "run() threw, at operation " + std::to_string(crashed_->operation_count()) + ": " +
                 *thrown,
      .next_step = "end run() where a call fails, and return what was acknowledged until then"};
}

Status CrashTester::same_as_before() const {
  const auto now = crashed_->operations();
  const auto differs = std::mismatch(now.begin(), now.end(), whole_run_.begin(), whole_run_.end());
  const bool is_short = now.size() < std::min<std::size_t>(crash_point_, whole_run_.size());
  if (whole_run_.empty() || (differs.first == now.end() && !is_short)) return {};
  const auto text = [](const auto& at, const auto& end) {
    return at == end ? std::string("none") : to_string(*at);
  };
  return Error{.code = Errc::invalid_argument,
               .message = "run() did not do the same again: its operation " +
                          std::to_string(differs.first - now.begin() + 1) + " was " +
                          text(differs.second, whole_run_.end()) + ", and is " +
                          text(differs.first, now.end()),
               .next_step = "keep clocks, threads and random numbers out of run()"};
}

Status CrashTester::ask(const std::shared_ptr<Directory>& directory) {
  Status answer;
  const auto thrown = exception_of([&] { answer = check_(directory); });
  if (!thrown) return answer;
  return Error{.code = Errc::corrupt, .message = "check() threw: " + *thrown};
}

Result<CrashTestReport> CrashTester::test_all() {
  if (Status ran = run_to(0); !ran) return ran.error();
  whole_run_ = crashed_->operations();
  const std::uint64_t points = whole_run_.size() + 1;
  const std::uint64_t states_max = options_.states_max / (options_.recovery_depth == 0 ? 1 : 2);
  share_ = std::max<std::uint64_t>(1, states_max / points);
  for (std::uint64_t point = 1; point <= points; ++point) {
    if (Status ran = run_to(point); !ran) return ran.error();
    if (const Status tested = test_point(); !tested) return tested.error();
    ++report_.crash_points;
  }
  if (const Status tested = crash_checks(); !tested) return tested.error();
  return report_;
}

Status CrashTester::test_point() {
  if (Status enumerated = enumerate((share_ + 1) / 2); !enumerated) return enumerated;
  if (!enumerated_all_) {
    if (Status sampled = sample(share_ / 2); !sampled) return sampled;
  }
  return options_.recovery_depth == 0 ? Status{} : take_survivors();
}

Status CrashTester::enumerate(std::uint64_t states_max) {
  Odometer odometer;
  for (std::uint64_t n = 0; n < states_max; ++n) {
    chooser_.begin([&](std::size_t choices) { return odometer.pick(choices); });
    if (Status judged = judge(); !judged) return judged;
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
    if (Status judged = judge(); !judged) return judged;
  }
  return {};
}

bool CrashTester::is_new(const CrashDirectory& image) {
  const bool is_new = judged_.emplace(crash_point_, image.image_hash()).second;
  if (is_new) ++report_.states;
  return is_new;
}

Status CrashTester::judge() {
  auto image = crashed_->crash(options_.crash);
  return is_new(*image) ? judge_image(std::move(image), nullptr) : Status{};
}

Status CrashTester::take_survivors() {
  std::set<std::uint64_t> taken;
  for (std::size_t n = 0; n < kBaseStatesPerPoint; ++n) {
    chooser_.begin(n < 2 ? always(n) : at_random(random_.next()));  // nothing, all, some landed
    auto image = crashed_->crash(options_.crash);
    if (!taken.insert(image->image_hash()).second) continue;
    is_new(*image);
    if (Status judged = judge_image(std::move(image), &survivors_); !judged) return judged;
  }
  return {};
}

Status CrashTester::judge_image(std::shared_ptr<CrashDirectory> image,
                                std::vector<Survivor>* survivors) {
  // The enumeration is of this image; crashes that check() makes itself are sampled, by the image.
  chooser_.go_on(at_random(image->image_hash()));
  const auto whole = image->clone();
  if (const Status judged = ask(whole); !judged) {
    return shortest({crash_point_, recoveries_, chooser_.picks()}, judged.error());
  }
  if (survivors != nullptr) {
    survivors->push_back(
        {crash_point_, std::move(image), chooser_.picks(), whole->operation_count()});
  }
  return {};
}

Status CrashTester::crash_checks() {
  while (recoveries_ < options_.recovery_depth && !survivors_.empty()) {
    ++recoveries_;
    // Half of what is left: whatever the depth, the ones before it are tried as well as without it.
    const std::uint64_t left = options_.states_max - std::min(options_.states_max, report_.states);
    const std::uint64_t share = std::max<std::uint64_t>(1, left / 2 / survivors_.size());
    std::vector<Survivor> next;
    std::uint64_t model_of = 0;  // check() judges by what the last run() returned
    for (const Survivor& survivor : survivors_) {
      if (survivor.crash_point != model_of) {
        if (Status ran = run_to(model_of = survivor.crash_point); !ran) return ran;
      }
      if (Status ok = crash_check(survivor, share, next); !ok) return ok;
    }
    while (next.size() > kFrontierMax) {
      const auto dropped = next.begin() + static_cast<std::ptrdiff_t>(random_.below(next.size()));
      if (recoveries_ < options_.recovery_depth) report_.checks_not_cut += dropped->operations;
      next.erase(dropped);
    }
    survivors_ = std::move(next);
  }
  return {};
}

Status CrashTester::crash_check(const Survivor& survivor, std::uint64_t states_max,
                                std::vector<Survivor>& next) {
  // Every operation of check(), or as many as there are states for, evenly spread.
  const std::uint64_t count = std::min(states_max, survivor.operations);
  report_.checks_cut += count;
  report_.checks_not_cut += survivor.operations - count;
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::uint64_t at = survivor.operations * n / count;
    Sampler sampler(random_, kBaseStatesPerPoint);
    chooser_.begin(always(at), survivor.picks);
    const auto crashed = survivor.image->clone();
    crashed->cut_power_at(1 + chooser_.pick(survivor.operations));
    chooser_.go_on([&](std::size_t choices) { return sampler.pick(random_, choices); });
    ask(crashed).ignore("it has lost power on its way; the next boot is judged");
    auto image = crashed->crash(options_.crash);
    if (!is_new(*image)) continue;
    if (Status judged = judge_image(std::move(image), &next); !judged) return judged;
  }
  return {};
}

// The words for where the power went.
std::string crashed_at(const CrashDirectory& directory, Crash kind) {
  const auto operations = directory.operations();
  return std::string(kind == Crash::power_cut ? "power cut" : "killed") + " at operation " +
         std::to_string(operations.size()) +
         (operations.empty() ? "" : " (" + to_string(operations.back()) + ")");
}

Status CrashTester::repeat(const CrashState& state) {
  picks_used_ = 0;
  impossible_.clear();
  chooser_.begin([this, &state](std::size_t choices) {
    if (picks_used_ == state.picks.size()) return std::size_t{0};
    const std::size_t pick = state.picks[picks_used_++];
    if (pick >= choices && impossible_.empty()) {
      impossible_ = "pick " + std::to_string(picks_used_) + " is " + std::to_string(pick) +
                    ", of " + std::to_string(choices) + " choices";
    }
    return pick;
  });
  const std::uint64_t operations = crashed_->operation_count();
  schedule_ = operations < crash_point_ ? "after the last operation"
                                        : crashed_at(*crashed_, options_.crash);
  auto image = crashed_->crash(options_.crash);
  for (std::uint32_t crashes = 0;; ++crashes) {
    const auto whole = image->clone();
    if (Status judged = ask(whole); !judged || crashes == state.recoveries) return judged;
    if (whole->operation_count() == 0) return {};
    image->cut_power_at(1 + chooser_.pick(whole->operation_count()));
    ask(image).ignore("it has lost power on its way; the next boot is judged");
    schedule_ += ", then in check() " + crashed_at(*image, options_.crash);
    image = image->crash(options_.crash);
  }
}

std::string CrashTester::misfit(const CrashState& state) const {
  if (!impossible_.empty()) return impossible_;
  if (picks_used_ == state.picks.size()) return {};
  return std::to_string(picks_used_) + " picks were made, the state has " +
         std::to_string(state.picks.size());
}

Result<CrashTestReport> CrashTester::replay(const CrashState& state) {
  Error unlike{.code = Errc::invalid_argument,
               .next_step =
                   "give it the options of the test that named the state, and the same "
                   "run() and check() but for what you mended"};
  if (Status ran = run_to(state.crash_point); !ran) return ran.error();
  const std::uint64_t last = crashed_->operation_count() + 1;
  if (state.crash_point == 0 || state.crash_point > last) {
    unlike.message = "no such state: run() has crash points 1 to " + std::to_string(last);
    return unlike;
  }
  if (const Status judged = repeat(state); !judged) return named(state, judged.error());
  if (std::string why = misfit(state); !why.empty()) {
    unlike.message = "another state passed, not the one that was named: " + why;
    return unlike;
  }
  return CrashTestReport{.crash_points = 1, .states = 1};
}

// Fewer crashes were tried before, and so were earlier ones; what is left is that less lands.
Error CrashTester::shortest(CrashState state, Error error) {
  int tries = 0;
  const auto fails = [&](const CrashState& tried) {
    const Status judged = ++tries > kShrinkTriesMax ? Status{} : repeat(tried);
    if (!judged) error = judged.error();
    return !judged;
  };
  // The fewest choices that are made at all, then each as small as it can be, the last one first.
  for (std::size_t kept = 0; kept < state.picks.size(); kept = kept * 2 + 1) {
    CrashState cut = state;
    cut.picks.resize(kept);
    if (fails(cut)) state = cut;
  }
  for (std::size_t i = state.picks.size(); i-- > 0;) {
    for (std::size_t less = 0; less < std::min<std::size_t>(2, state.picks[i]); ++less) {
      CrashState tried = state;
      tried.picks[i] = less;
      if (!fails(tried)) continue;
      state = tried;
      break;
    }
  }
  while (!state.picks.empty() && state.picks.back() == 0) state.picks.pop_back();
  if (const Status judged = repeat(state); !judged) error = judged.error();
  return named(state, error);
}

Error CrashTester::named(const CrashState& state, Error error) const {
  error.message = "seed " + std::to_string(options_.seed) + ", " + options_.model.name +
                  ", state " + to_string(state) + ", " + schedule_ + ": " + error.message;
  error.next_step = "to repeat it alone, set CrashTestOptions::replay = CrashState" +
                    to_string(state) + " and leave the other options as they are";
  return error;
}

}  // namespace

std::string to_string(const CrashState& state) {
  std::string text = "{.crash_point = " + std::to_string(state.crash_point) +
                     ", .recoveries = " + std::to_string(state.recoveries) + ", .picks = {";
  for (std::size_t i = 0; i < state.picks.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(state.picks[i]);
  }
  return text + "}}";
}

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
