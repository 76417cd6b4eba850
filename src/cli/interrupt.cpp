#include "cli/interrupt.hpp"

#include <csignal>

namespace walkit::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;
struct sigaction before {};

extern "C" void note_interrupt(int /*signal*/) { interrupted = 1; }

}  // namespace

Interrupt::Interrupt() {
  interrupted = 0;
  ::sigaction(SIGINT, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction noting {};
  noting.sa_handler = note_interrupt;
  // Not restarted, so that a wait ends; reset, so that who does not want to wait need not.
  noting.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &noting, nullptr);
}

Interrupt::~Interrupt() { ::sigaction(SIGINT, &before, nullptr); }

bool Interrupt::came() { return interrupted != 0; }

}  // namespace walkit::cli
