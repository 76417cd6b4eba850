#pragma once

#include <cstdio>

/// Ends the function that returns int, mostly main, with 1 where the condition does not hold.
#define CHECK(...)                                                           \
  do {                                                                       \
    if (!(__VA_ARGS__)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
      return 1;                                                              \
    }                                                                        \
  } while (false)
