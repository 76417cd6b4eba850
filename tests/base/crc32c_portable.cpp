// The portable variant under a name of its own, so that one program tests both.
#undef WALKIT_CRC_PORTABLE
#define WALKIT_CRC_PORTABLE
#define crc32c crc32c_portable
#include "base/crc32c.cpp"
