#pragma once

#include "app/kv_data.hpp"
#include "app/kv_record.hpp"

namespace walkit::kv {

/// What the entry does and answers, behind all that `data` holds; and `data` behind it. The only
/// place where anything is decided. The request is valid and of a higher index. Throws
/// std::bad_alloc.
Applied decide(Data& data, const Request& request);

/// Does again what was decided. changes: as in Data.
void apply(Data& data, const Applied& applied, Changes* changes);

}  // namespace walkit::kv
