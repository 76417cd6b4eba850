#include "log/mutation.hpp"

namespace walkit::log {

#ifdef WALKIT_MUTATIONS
thread_local Mutation mutation = Mutation::none;
#endif

}  // namespace walkit::log
