#pragma once

#include <string_view>

// CMake reads the three numbers from here: this is the only place that holds them.
#define WALKIT_VERSION_MAJOR 0
#define WALKIT_VERSION_MINOR 1
#define WALKIT_VERSION_PATCH 0
#define WALKIT_VERSION "0.1.0"

/// The newest on-disk format that this version writes. 0: not frozen yet.
#define WALKIT_FORMAT_VERSION 0

namespace walkit {

/// WALKIT_VERSION of the library that is linked: another one than in the header is a build mistake.
/// Any thread.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace walkit
