// zstd takes its memory from malloc, which starvation.cpp does not touch: here its contexts cannot
// be had. What is read is no_memory and never damage; what is written is stored as it is.

#include <dlfcn.h>
#include <zstd.h>

#include <gtest/gtest.h>

#include "log/log_box.hpp"

namespace {

bool no_contexts = false;

template <class Function>
Function next_one(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// These stand before the library's own.
extern "C" ZSTD_CCtx* ZSTD_createCCtx() {
  return no_contexts ? nullptr : next_one<decltype(&ZSTD_createCCtx)>("ZSTD_createCCtx")();
}
extern "C" ZSTD_DCtx* ZSTD_createDCtx() {
  return no_contexts ? nullptr : next_one<decltype(&ZSTD_createDCtx)>("ZSTD_createDCtx")();
}

namespace walkit {
namespace {

struct NoContexts {
  NoContexts() { no_contexts = true; }
  NoContexts(const NoContexts&) = delete;
  NoContexts& operator=(const NoContexts&) = delete;
  ~NoContexts() { no_contexts = false; }
};

std::string large(std::uint64_t n) { return text_of(n) + std::string(5000, 'x'); }

LogBox compressed() {
  LogBox box({.compression = Compression::zstd});
  for (std::uint64_t n = 1; n <= 3; ++n) EXPECT_THAT(box.wal->append(large(n)), IsOk());
  EXPECT_THAT(box.wal->sync(), IsOk());
  box.kill();
  return box;
}

std::uint64_t stored_bytes(const LogBox& box) {
  std::uint64_t bytes = 0;
  const auto segment = read_segment(*box.home(), box.newest().substr(4));
  for (const Bytes& body : segment.bodies) bytes += body.size();
  return bytes;
}

TEST(NoZstdMemory, IsNoDamageToAReader) {
  const LogBox box = compressed();
  ASSERT_LT(stored_bytes(box), 5000u) << "it is compressed";
  const auto reader = Reader::open(box.directory).value();
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort}) {
    const NoContexts none;
    EXPECT_THAT(reader.replay(mode), HasErrc(Errc::no_memory));
  }
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(std::vector{large(1), large(2), large(3)}));
}

TEST(NoZstdMemory, IsNoDamageToAnOpenForWriting) {
  LogBox box = compressed();
  const Image before = box.image();
  {
    const NoContexts none;
    EXPECT_THAT(box.try_open(), HasErrc(Errc::no_memory));
  }
  EXPECT_EQ(box.image(), before);
  EXPECT_EQ(box.open().last(), 3u);
}

TEST(NoZstdMemory, StoresWhatItCannotCompress) {
  LogBox box({.compression = Compression::zstd});
  {
    const NoContexts none;
    ASSERT_THAT(box.wal->append(large(1)), IsOk());
    ASSERT_THAT(box.wal->sync(), IsOk());
  }
  EXPECT_GT(stored_bytes(box), 5000u);
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(std::vector{large(1)}));
}

}  // namespace
}  // namespace walkit
