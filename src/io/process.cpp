#include "io/process.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace walkit {

std::uint64_t process_id() noexcept { return static_cast<std::uint64_t>(::getpid()); }

// The kernel fills it with zeros in the child of a fork.
Process::Life* Process::make_forgetful() noexcept {
  static_assert(Life::is_always_lock_free);
  constexpr std::size_t kBytes = 4096;
  void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  if (::madvise(at, kBytes, MADV_WIPEONFORK) == 0) return new (at) Life(0);
  ::munmap(at, kBytes);
  return nullptr;
}

Process::Process() noexcept {
  static Life* const here = make_forgetful();
  static Life lives{0};  // of this process and those it comes from, as far as they asked
  here_ = here;
  life_ = here != nullptr ? here->load() : process_id();
  if (life_ != 0) return;
  const std::uint64_t next = lives.fetch_add(1) + 1;
  if (here->compare_exchange_strong(life_, next)) life_ = next;
}

}  // namespace walkit
