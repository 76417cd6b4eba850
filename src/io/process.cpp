#include "io/process.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace walkit {
namespace {

using Life = std::atomic<std::uint64_t>;
static_assert(Life::is_always_lock_free);

// Memory that the kernel fills with zeros in the child of a fork. none: it knows no such memory.
Life* make_forgetful() noexcept {
  constexpr std::size_t kBytes = 4096;
  void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  if (::madvise(at, kBytes, MADV_WIPEONFORK) == 0) return new (at) Life(0);
  ::munmap(at, kBytes);
  return nullptr;
}

}  // namespace

std::uint64_t process_id() noexcept { return static_cast<std::uint64_t>(::getpid()); }

std::uint64_t process_life() noexcept {
  static Life* const forgetful = make_forgetful();
  static Life lives{0};  // of this process and those it comes from, as far as they asked
  if (forgetful == nullptr) return process_id();
  std::uint64_t life = forgetful->load(std::memory_order_relaxed);
  if (life != 0) return life;
  const std::uint64_t next = lives.fetch_add(1) + 1;
  return forgetful->compare_exchange_strong(life, next) ? next : life;
}

}  // namespace walkit
