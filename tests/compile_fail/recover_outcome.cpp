// expect: walkit: apply returns void or walkit::Status. Another value is refused, since it is easily an outcome that nobody looks at: drop it
#include "walkit/cereal_codec.hpp"
#include "walkit/recovery.hpp"

auto total(std::shared_ptr<walkit::Directory> directory) {
#ifdef WALKIT_FIXED
  const auto add = [](long& sum, const int& by) { sum += by; };
#else
  const auto add = [](long& sum, const int& by) { return (sum += by) > 0; };
#endif
  return walkit::recover<long, int>(std::move(directory), walkit::RecoverOptions{}, add);
}
