// What the archives cost: an entry of 124 bytes encoded and decoded, beside copies written by hand.
// codec_bench [entries per round]. One line per figure; MISS where a ratio is above its target.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "walkit/walkit.hpp"

namespace walkit {
namespace {

constexpr double kRatioMax = 3.5;
constexpr std::size_t kRounds = 15;

struct Put {
  std::uint64_t id = 0;
  std::string key{}, value{};
  template <class A>
  void serialize(A& a) {
    a(id, key, value);
  }
};

void keep(const void* result) { asm volatile("" : : "g"(result) : "memory"); }

void encode_by_hand(const Put& put, Bytes& out) {
  const std::uint64_t key = put.key.size(), value = put.value.size();
  out.resize(24 + key + value);
  std::byte* to = out.data();
  const auto write = [&to](const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
    to += bytes;
  };
  write(&put.id, 8);
  write(&key, 8);
  write(put.key.data(), key);
  write(&value, 8);
  write(put.value.data(), value);
}

Put decode_by_hand(BytesView in) {
  Put put;
  const std::byte* from = in.data();
  const auto count = [&from] {
    std::uint64_t value = 0;
    std::memcpy(&value, from, 8);
    from += 8;
    return value;
  };
  const auto text = [&](std::string& into) {
    into.resize(count());
    std::memcpy(into.data(), from, into.size());
    from += into.size();
  };
  put.id = count();
  text(put.key);
  text(put.value);
  return put;
}

/// Of processor time: what else runs on the machine does not count.
template <class Call>
double nanoseconds_each(std::size_t entries, Call&& call) {
  const std::clock_t begin = std::clock();
  for (std::size_t i = 0; i != entries; ++i) call(i);
  const auto ticks = static_cast<double>(std::clock() - begin);
  return ticks * 1e9 / CLOCKS_PER_SEC / static_cast<double>(entries);
}

/// Rounds of both in turn, so that a slow moment of the machine meets both; medians.
template <class ByHand, class Codec>
void compare(const char* name, std::size_t entries, ByHand&& by_hand, Codec&& codec) {
  std::array<double, kRounds> hand{}, walkit{};
  for (std::size_t round = 0; round != kRounds; ++round) {
    hand[round] = nanoseconds_each(entries, by_hand);
    walkit[round] = nanoseconds_each(entries, codec);
  }
  std::sort(hand.begin(), hand.end());
  std::sort(walkit.begin(), walkit.end());
  const double ratio = walkit[kRounds / 2] / hand[kRounds / 2];
  std::printf("%s: by hand %.1f ns, CerealCodec %.1f ns, ratio %.2f of at most %.1f%s\n", name,
              hand[kRounds / 2], walkit[kRounds / 2], ratio, kRatioMax,
              ratio > kRatioMax ? " MISS" : "");
}

bool run(std::size_t entries) {
  Put put{42, std::string(16, 'k'), std::string(84, 'v')};
  const CerealCodec<Put> codec;
  Bytes by_hand, by_codec;
  compare(
      "encode", entries,
      [&](std::size_t i) {
        put.id = i;
        by_hand.clear();
        encode_by_hand(put, by_hand);
        keep(by_hand.data());
      },
      [&](std::size_t i) {
        put.id = i;
        by_codec.clear();
        ByteSink sink(by_codec, 1 << 20);
        encode_entry(codec, put, sink).ignore("compared below");
        keep(by_codec.data());
      });
  if (by_hand != by_codec || by_hand.size() != 124) return false;
  bool fine = true;
  compare(
      "decode", entries,
      [&](std::size_t) {
        const Put back = decode_by_hand(by_hand);
        keep(&back);
      },
      [&](std::size_t) {
        const Result<Put> back = decode_entry<Put>(codec, by_codec, 1);
        fine = fine && back;
        keep(&back);
      });
  return fine;
}

}  // namespace
}  // namespace walkit

int main(int argc, char** argv) {
  const long entries = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 200'000;
  if (entries > 0 && walkit::run(static_cast<std::size_t>(entries))) return 0;
  std::fprintf(stderr, "the codec and the copies by hand differ, or no entries were asked for\n");
  return 1;
}
