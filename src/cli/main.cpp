#include <csignal>

#include "cli/cli.hpp"

int main(int argc, char** argv) {
  // A closed pipe and a file size limit are then answers of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return walkit::cli::run(argc, argv);
}
