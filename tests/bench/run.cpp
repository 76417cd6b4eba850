#include "run.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace walkit::bench {

std::vector<Contender>& contenders() {
  static std::vector<Contender> all;
  return all;
}

void fail(const std::string& what) {
  std::fprintf(stderr, "walkit_bench: %s\n", what.c_str());
  std::_Exit(1);  // threads of a contender may still run
}

void fail_call(const std::string& call) { fail(call + ": " + std::strerror(errno)); }

std::string payload_of(std::size_t bytes) {
  std::string payload(bytes, '\0');
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  for (char& byte : payload) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return payload;
}

std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

}  // namespace walkit::bench
