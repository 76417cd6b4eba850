#include "walkit/testing/fuzz.hpp"

#include <cereal/types/map.hpp>
#include <cereal/types/variant.hpp>
#include <limits>
#include <map>
#include <random>
#include <variant>

#include "io/temp_directory.hpp"
#include "seed.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/walkit.hpp"

namespace {

struct Put {
  std::string key{}, value{};
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
};
struct Erase {
  std::uint32_t key = 0;
  double weight = 0;
  friend bool operator==(const Erase&, const Erase&) = default;
  template <class A>
  void serialize(A& a) {
    a(key, weight);
  }
};

}  // namespace

// Put has no ==, though std::variant declares one for it.
WALKIT_FUZZ_ENTRY(std::variant<Put, Erase>);

namespace walkit::testing {
namespace {

using ::testing::HasSubstr;

static_assert(has_equality<Erase> && has_equality<std::vector<Erase>>);
static_assert(!has_equality<Put> && !has_equality<std::variant<Put, Erase>>);
static_assert(has_equality<std::optional<std::string>>);
static_assert(has_equality<std::map<std::string, std::vector<std::uint16_t>>>);
static_assert(!has_equality<std::map<std::string, Put>> && !has_equality<std::vector<Put>>);
static_assert(!has_equality<std::unique_ptr<int>>);

template <class E, class C = CerealCodec<E>>
Bytes bytes_of(const E& entry) {
  return encode_for_fuzz<E, C>(entry).value();
}

/// With a schema number; 0: that of the present.
Bytes framed(std::initializer_list<BytesView> payloads, std::uint32_t schema = 0) {
  Bytes bytes;
  frame::encode(
      {.entries = {EntryId{1}, EntryId{payloads.size()}}, .schema = schema, .payloads = payloads},
      kFuzzPlace, bytes)
      .value();
  return bytes;
}

TEST(FuzzEntry, ASoundCodecPassesWhateverTheBytes) {
  const std::uint64_t seed = from_environment("WALKIT_SEED", 1);
  std::mt19937_64 random(seed);
  Bytes input = bytes_of(std::variant<Put, Erase>(Put{"key", "value"}));
  for (int round = 0; round < 5000; ++round) {
    input.resize(random() % 60);
    if (!input.empty()) input[random() % input.size()] = static_cast<std::byte>(random() % 9);
    EXPECT_THAT((check_entry<std::variant<Put, Erase>>(input)), IsOk()) << "WALKIT_SEED=" << seed;
  }
}

TEST(FuzzEntry, AMacroMakesTheTarget) {
  const Bytes input = bytes_of(std::variant<Put, Erase>(Erase{7, 0.5}));
  EXPECT_EQ(
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
  EXPECT_EQ(LLVMFuzzerTestOneInput(nullptr, 0), 0);
}

TEST(FuzzEntry, ANaNIsNoFinding) {
  EXPECT_THAT(check_entry<Erase>(bytes_of(Erase{1, std::numeric_limits<double>::quiet_NaN()})),
              IsOk());
}

/// A codec of one byte, with one fault.
enum class Fault { none, throws, wrong_code, no_encode, no_decode, differs, unstable };
struct Small {
  int value = 0;
  friend bool operator==(const Small&, const Small&) = default;
};
template <Fault fault>
struct SmallCodec {
  static constexpr CodecId id{"smal"};
  static inline int calls = 0;

  Status encode(const Small& entry, ByteSink& out) const {
    if (fault == Fault::no_encode) return Error{.code = Errc::encode, .message = "not this one"};
    const int value = fault == Fault::unstable ? ++calls : entry.value;
    const std::byte byte{static_cast<unsigned char>(value)};
    out.write(BytesView(&byte, 1));
    if (fault == Fault::no_decode) out.write(BytesView(&byte, 1));
    return {};
  }
  Result<Small> decode(BytesView in) const {
    if (fault == Fault::throws) throw 1;
    if (fault == Fault::wrong_code) return Error{.code = Errc::io};
    if (in.size() != 1) return Error{.code = Errc::decode, .message = "one byte"};
    if (fault == Fault::differs) return Small{++calls};
    // So that == is not what sees that the bytes changed.
    return Small{fault == Fault::unstable ? 7 : static_cast<int>(in[0])};
  }
};

template <Fault fault>
std::string finding() {
  const Status status = check_entry<Small, SmallCodec<fault>>(as_bytes("a"));
  if (status) return "";
  EXPECT_THAT(status, HasErrc(Errc::invalid_argument));
  return status.error().message;
}

TEST(FuzzEntry, EachFaultOfACodecIsFound) {
  EXPECT_EQ(finding<Fault::none>(), "");
  EXPECT_EQ(finding<Fault::throws>(), "");  // is an Errc::decode to the log
  EXPECT_THAT(finding<Fault::wrong_code>(), HasSubstr("another code than decode"));
  EXPECT_THAT(finding<Fault::no_encode>(), HasSubstr("is not encoded: encode: not this one"));
  EXPECT_THAT(finding<Fault::no_decode>(), HasSubstr("is not decoded: decode: one byte"));
  EXPECT_THAT(finding<Fault::differs>(), HasSubstr("differs"));
  EXPECT_THAT(finding<Fault::unstable>(), HasSubstr("other bytes"));
}

TEST(FuzzEntry, AFindingAborts) {
  EXPECT_DEATH((fuzz_entry<Small, SmallCodec<Fault::wrong_code>>(as_bytes("a"))),
               "another code than decode");
}

TEST(FuzzEntry, EveryPayloadOfAFrameIsChecked) {
  using Codec = SmallCodec<Fault::no_encode>;
  const Bytes good = framed({as_bytes("too long"), as_bytes("")});
  EXPECT_THAT((check_entry<Small, Codec>(good)), IsOk());
  const Bytes bad = framed({as_bytes("too long"), as_bytes("a")});
  EXPECT_THAT((check_entry<Small, Codec>(bad)), HasErrc(Errc::invalid_argument));
}

struct Third {
  static constexpr EntryType entry_type{"third", 3};
  std::uint8_t one = 0;
  friend bool operator==(const Third&, const Third&) = default;
};
struct OnlySecond {
  static constexpr CodecId id{"seco"};
  Status encode(const Third&, ByteSink& out) const {
    out.write("x");
    return {};
  }
  Result<Third> decode(BytesView, std::uint32_t schema) const {
    if (schema == 2) return Error{.code = Errc::io};
    return Third{};
  }
};

TEST(FuzzEntry, AFrameCarriesItsSchemaNumber) {
  EXPECT_THAT((check_entry<Third, OnlySecond>(as_bytes("x"))), IsOk());
  EXPECT_THAT((check_entry<Third, OnlySecond>(framed({as_bytes("x")}))), IsOk());
  EXPECT_THAT((check_entry<Third, OnlySecond>(framed({as_bytes("x")}, 1))), IsOk());
  EXPECT_THAT((check_entry<Third, OnlySecond>(framed({as_bytes("x")}, 2))),
              HasErrc(Errc::invalid_argument));
}

// ---- The mutator ------------------------------------------------------------------------------

std::size_t append_x(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max) {
  if (bytes == bytes_max) return bytes;
  data[bytes] = 'x';
  return bytes + 1;
}

std::size_t fill(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max) {
  std::fill(data + bytes, data + bytes_max, 'x');
  return bytes_max;
}

Bytes mutated(Bytes input, unsigned seed, std::size_t room = 400, FuzzMutate mutate = append_x) {
  const std::size_t bytes = input.size();
  input.resize(std::max(room, bytes));
  input.resize(mutate_entry({reinterpret_cast<std::uint8_t*>(input.data()), input.size()}, bytes,
                            seed, mutate));
  return input;
}

TEST(FuzzMutator, BytesThatAreNoFrameAreMutatedPlainly) {
  const Bytes input{std::byte{'a'}};
  for (unsigned seed = 0; seed < 8; ++seed) EXPECT_EQ(as_text(mutated(input, seed)), "ax");
}

TEST(FuzzMutator, EverySecondTimeAFrameIsMutatedInsideAndMended) {
  const Bytes input = framed({as_bytes("one"), as_bytes("two")});
  EXPECT_EQ(as_text(mutated(input, 0)), std::string(as_text(input)) + "x");
  const Bytes inside = mutated(input, 1);
  const auto read = frame::decode(inside, kFuzzPlace);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(as_text(read->payloads[0]), "onex");
  EXPECT_EQ(as_text(read->payloads[1]), "two");
  const Bytes other = mutated(input, 3);
  EXPECT_EQ(as_text(frame::decode(other, kFuzzPlace).value().payloads[1]), "twox");
}

TEST(FuzzMutator, ADamagedFrameIsMended) {
  Bytes input = framed({as_bytes("payload")});
  input[20] ^= std::byte{1};
  ASSERT_THAT(frame::decode(input, kFuzzPlace), HasErrc(Errc::corrupt));
  EXPECT_THAT(frame::decode(mutated(input, 1), kFuzzPlace), IsOk());
}

TEST(FuzzMutator, KeepsToItsRoom) {
  const Bytes input = framed({as_bytes("payload")});
  for (std::size_t room = input.size(); room < 700; ++room) {
    for (unsigned seed = 0; seed < 40; ++seed) {
      EXPECT_LE(mutated(input, seed, room, fill).size(), room);
    }
  }
}

// ---- Seeds and replay -------------------------------------------------------------------------

using Wal = WalWriter<std::string>;

std::shared_ptr<Directory> log_of(std::initializer_list<std::string> entries) {
  auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory).value();
  for (const std::string& entry : entries) wal.append(entry).value();
  wal.close().value();
  return directory;
}

TEST(FuzzSeeds, OneForEachDistinctEntry) {
  const auto into = MemoryDirectory::create();
  const auto written = write_seeds<std::string>(log_of({"a", "b", "a", "c"}), *into);
  EXPECT_THAT(written, IsOkAndHolds(3u));
  const auto names = into->list().value();
  EXPECT_EQ(names, (std::vector<std::string>{"entry-1", "entry-2", "entry-4"}));
  for (const std::string& name : names) {
    const auto file = into->open(name, OpenMode::read).value();
    Bytes bytes(file->size().value());
    file->read_at(0, bytes).value();
    const auto read = frame::decode(bytes, kFuzzPlace);
    ASSERT_THAT(read, IsOk());
    EXPECT_THAT(decode_entry<std::string>(CerealCodec<std::string>{}, read->payloads[0], 1),
                IsOk());
    EXPECT_THAT(check_entry<std::string>(bytes), IsOk());
  }
}

TEST(FuzzSeeds, KeepToTheirBounds) {
  const auto log = log_of({std::string(100, 'x'), "a", "b", "c"});
  const auto into = MemoryDirectory::create();
  const SeedOptions options{.files_max = 2, .entry_bytes_max = 50};
  EXPECT_THAT(write_seeds<std::string>(log, *into, options), IsOkAndHolds(2u));
  EXPECT_EQ(into->list().value(), (std::vector<std::string>{"entry-2", "entry-3"}));
  EXPECT_THAT(write_seeds<std::string>(log, *into, options), IsOkAndHolds(2u));
}

TEST(FuzzSeeds, WhatIsNoLogOfTheTypeIsRefused) {
  const auto into = MemoryDirectory::create();
  EXPECT_THAT(write_seeds<std::string>(MemoryDirectory::create(), *into), HasErrc(Errc::not_found));
  EXPECT_THAT((write_seeds<std::string, BytesCodec>(log_of({"a"}), *into)),
              HasErrc(Errc::incompatible));
  EXPECT_TRUE(into->list().value().empty());
}

std::string replayed;
int note(const std::uint8_t* data, std::size_t bytes) {
  replayed += std::string(reinterpret_cast<const char*>(data), bytes) + ";";
  return 0;
}

int replay(std::vector<std::string> arguments) {
  replayed.clear();
  arguments.insert(arguments.begin(), "program");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return replay_inputs(static_cast<int>(argv.size()), argv.data(), note);
}

TEST(FuzzReplay, RunsFilesAndFolders) {
  const TempDirectory folder;
  folder.put("a", "one");
  folder.put("b", "two");
  EXPECT_EQ(replay({folder.path(), folder / "a"}), 0);
  EXPECT_EQ(replayed, "one;two;one;");
  EXPECT_EQ(replay({}), 1);
  EXPECT_EQ(replay({folder / "missing"}), 1);
}

TEST(FuzzReplay, SeedsComeFromTheCommandLine) {
  const TempDirectory log, into;
  {
    auto wal = WalWriter<std::variant<Put, Erase>>::open(log.open()).value();
    wal.append(Erase{1, 2}).value();
    wal.close().value();
  }
  std::string words[] = {"program", "--seeds-from", log.path(), into.path()};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data()};
  int argc = 4;
  char** arguments = argv;
  EXPECT_EXIT(LLVMFuzzerInitialize(&argc, &arguments), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(into.open()->list().value(), std::vector<std::string>{"entry-1"});
  argc = 1;
  EXPECT_EQ(LLVMFuzzerInitialize(&argc, &arguments), 0);
}

}  // namespace
}  // namespace walkit::testing
