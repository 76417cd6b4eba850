#include "crash/salvage_story.hpp"
#include "crash/sweeps.hpp"
#include "walkit/maintenance.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;

constexpr int kStatesOfEach = 6;

Status repair(const std::shared_ptr<CrashDirectory>& directory) {
  const auto care = WalMaintenance::open(directory);
  if (!care) return care.error();
  const auto plan = care->plan_repair();
  if (!plan) return plan.error();
  return care->apply(*plan, plan->lost);
}

/// The power goes at each operation of a repair.
class RepairSweep {
 public:
  RepairSweep(Story story, std::vector<Touched> touched)
      : story_(std::move(story)), touched_(std::move(touched)) {}

  Status run(std::uint64_t& states) {
    const auto salvaged = check_salvage(story_.image->clone(), story_, touched_);
    if (!salvaged) return salvaged.error();
    const auto whole = story_.image->clone();
    const std::uint64_t before = whole->operation_count();
    if (Status ok = repair(whole); !ok) return ok;
    const std::uint64_t operations = whole->operation_count() - before;
    for (std::uint64_t at = 1; at <= operations; ++at) {
      const auto cut = story_.image->clone();
      cut->cut_power_at(at);
      repair(cut).ignore("its power is cut");
      for (int state = 0; state < kStatesOfEach; ++state) {
        ++states;
        const auto left = cut->crash(state == 0 ? Crash::process_kill : Crash::power_cut);
        if (Status ok = check_finishes(left, *salvaged); !ok) {
          Error error = ok.error();
          error.message += " (power lost at operation " + std::to_string(at) + " of a repair)";
          return error;
        }
      }
    }
    return {};
  }

 private:
  // What is left is as saved, can be repaired, and lost no byte.
  Status check_finishes(const std::shared_ptr<CrashDirectory>& left, const Entries& salvaged) {
    const auto saved = check_salvage(left, story_, touched_);
    if (!saved) return saved.error();
    if (*saved != salvaged) {
      return Error{.code = Errc::corrupt, .message = "other entries are saved than before"};
    }
    if (Status ok = check_repair(left, story_, salvaged); !ok) return ok;
    return check_bytes_are_kept(*story_.image, *left);
  }

  Story story_;
  std::vector<Touched> touched_;
};

}  // namespace

Status sweep_repairs(std::uint64_t& states) {
  Story story = tell_story(Ending::closed, Payloads::random, Layout::packed, 5);
  // What stood in caches only is not what this is about.
  story.image = story.image->crash(Crash::power_cut);
  const Story::Place place = story.places.at(story.places.size() / 2);
  if (Status ok = story.image->flip_bit(place.file, (place.begin + 70) * 8); !ok) return ok;
  const Touched touched{place.file, place.begin + 70, place.begin + 71};
  return RepairSweep(std::move(story), {touched}).run(states);
}

}  // namespace walkit::crash
