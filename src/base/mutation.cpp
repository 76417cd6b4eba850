#include "base/mutation.hpp"

namespace walkit {

#ifdef WALKIT_MUTATIONS
thread_local Mutation mutation = Mutation::none;
#endif

}  // namespace walkit
