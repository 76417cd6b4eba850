#pragma once

// A fuzz target for an entry type, in one line: WALKIT_FUZZ_ENTRY(Order). docs/fuzzing.md shows it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/codec.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/frame.hpp"
#if defined(__cpp_rtti) && defined(__cpp_exceptions) && __has_include(<cereal/cereal.hpp>)
#include "walkit/cereal_codec.hpp"
#endif

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp, included above where cereal works

namespace testing {

/// Whether equal entries have equal bytes. Not so where the order of elements is by chance: set it
/// to false for an E that holds a std::unordered_map or std::unordered_set.
template <class E>
inline constexpr bool has_stable_bytes = true;

/// Where a fuzz input that is a frame stands, see frame::encode; such an input carries the schema
/// number that its entries were written with.
inline constexpr frame::Place kFuzzPlace{};

/// What the codec makes of any bytes: an entry, or Errc::decode (incompatible: a newer schema). An
/// entry is encoded again, read again as the same one (where E has ==) and encoded to the same
/// bytes (see has_stable_bytes), and a frame carries these bytes unchanged. `bytes` are one entry
/// of E's present schema, or a frame at kFuzzPlace with any number of them. invalid_argument:
/// something of this does not hold; the message says what. One thread.
template <class E, class C = CerealCodec<E>>
Status check_entry(BytesView bytes);

/// check_entry for a fuzz target: prints the error and aborts, so that the input is kept.
template <class E, class C = CerealCodec<E>>
void fuzz_entry(BytesView bytes);

/// LLVMFuzzerMutate, or one like it: changes the first `bytes` in place, up to `bytes_max`.
using FuzzMutate = std::size_t (*)(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max);

/// A mutator for inputs of fuzz_entry; the bytes it leaves at the front of `room`. What begins as a
/// frame has every second time a payload of it mutated, and lengths and checksums mended behind, so
/// that the codec is reached; all else is changed by `mutate` alone. One thread.
inline std::size_t mutate_entry(std::span<std::uint8_t> room, std::size_t bytes, unsigned seed,
                                FuzzMutate mutate);

/// How many files write_seeds makes, and how large an entry may be.
struct SeedOptions {
  std::size_t files_max = 1000;
  std::size_t entry_bytes_max = 64u << 10;
};

/// Inputs for fuzz_entry out of a real log: a file in `into` for each distinct entry from the
/// oldest on, named after its id, as a frame; the answer is how many. They hold what the log holds:
/// do not publish entries that are secret. `log` is what WalReader::open takes; it is not changed,
/// may be in use, and a torn tail is its end. Memory: 8 bytes or so for each file.
///
/// not_found: no log. incompatible: of another type or codec. corrupt, io, no_space as reading and
/// writing answer; files written so far stay. One thread.
template <class E, class C = CerealCodec<E>>
Result<std::size_t> write_seeds(std::shared_ptr<Directory> log, Directory& into,
                                SeedOptions options = {});

/// `PROGRAM --seeds-from LOG INTO` is write_seeds, from one folder into another, and ends the
/// program; anything else is left to whoever comes next. For LLVMFuzzerInitialize.
template <class E, class C = CerealCodec<E>>
void write_seeds_if_asked(int argc, char** argv);

/// A main without libFuzzer: runs `target` over the files named, and over all files of the folders
/// named; 1: there was none, or one could not be read. One thread.
inline int replay_inputs(int argc, char** argv, int (*target)(const std::uint8_t*, std::size_t));

}  // namespace testing
}  // namespace walkit

/// A fuzz target for entries of one type, with the codec behind it if it is not the default:
/// WALKIT_FUZZ_ENTRY(Order), WALKIT_FUZZ_ENTRY(std::variant<A, B>), WALKIT_FUZZ_ENTRY(Order,
/// MyCodec). One in a program, at global scope. Link with clang's -fsanitize=fuzzer; or, with any
/// compiler, define WALKIT_FUZZ_MAIN for a program that runs the files and folders given to it.
#define WALKIT_FUZZ_ENTRY(...)                                                                     \
  extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t*, std::size_t,        \
                                                                std::size_t);                      \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {             \
    ::walkit::testing::fuzz_entry<__VA_ARGS__>({reinterpret_cast<const std::byte*>(data), bytes}); \
    return 0;                                                                                      \
  }                                                                                                \
  extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes,            \
                                                 std::size_t bytes_max, unsigned seed) {           \
    return ::walkit::testing::mutate_entry({data, bytes_max}, bytes, seed, LLVMFuzzerMutate);      \
  }                                                                                                \
  extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {                                   \
    ::walkit::testing::write_seeds_if_asked<__VA_ARGS__>(*argc, *argv);                            \
    return 0;                                                                                      \
  }                                                                                                \
  WALKIT_FUZZ_REPLAY_MAIN

#ifdef WALKIT_FUZZ_MAIN
#define WALKIT_FUZZ_REPLAY_MAIN                                                   \
  int main(int argc, char** argv) {                                               \
    LLVMFuzzerInitialize(&argc, &argv);                                           \
    return ::walkit::testing::replay_inputs(argc, argv, &LLVMFuzzerTestOneInput); \
  }
#else
#define WALKIT_FUZZ_REPLAY_MAIN
#endif

#include "walkit/testing/fuzz_inl.hpp"
#include "walkit/testing/fuzz_program_inl.hpp"
