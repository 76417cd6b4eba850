#pragma once

#include <functional>
#include <memory>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::testing {

/// Whether a Directory does all that walkit/io/directory.hpp says. Each check runs on a fresh,
/// empty directory of `make_empty`. The first that fails is the error: its message names the check,
/// what was found and what was expected. What only a crash can show is not tested. One thread.
Status directory_suite(const std::function<Result<std::shared_ptr<Directory>>()>& make_empty);

}  // namespace walkit::testing
