#pragma once

// Suites over what you write yourself: a Directory, a codec, an entry type.

#include "walkit/testing/codec_suite.hpp"
#include "walkit/testing/directory_suite.hpp"
#include "walkit/testing/golden.hpp"
