// expect: walkit: recover() calls apply(State&, const E&) or apply(State&, const E&, walkit::EntryId); it returns void or walkit::Status
#include "walkit/cereal_codec.hpp"
#include "walkit/recovery.hpp"

auto total(std::shared_ptr<walkit::Directory> directory) {
#ifdef WALKIT_FIXED
  const auto add = [](long& sum, const int& by) { sum += by; };
#else
  const auto add = [](long& sum, int& by) { sum += by; };
#endif
  return walkit::recover<long, int>(std::move(directory), walkit::RecoverOptions{}, add);
}
