// Surface: CerealCodec::decode, with an entry that has one of each kind of field.
// Property: any bytes are decoded or refused; what is decoded is encoded, decoded and encoded to
// the same bytes again.

#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include "fuzz_input.hpp"
#include "walkit/cereal_codec.hpp"

namespace walkit::fuzz {
namespace {

enum class Colour : std::uint8_t { red, green, blue };

struct Tree {
  std::string name{};
  std::unique_ptr<Tree> left{}, right{};
  std::vector<Tree> others{};
  template <class A>
  void serialize(A& a) {
    a(name, left, right, others);
  }
};

struct Entry {
  std::uint8_t small = 0;
  bool flag = false;
  Colour colour{};
  std::array<double, 2> reals{};
  std::chrono::system_clock::time_point time{};
  std::chrono::milliseconds duration{};
  std::variant<std::monostate, std::int32_t, std::string, std::vector<std::uint16_t>> choice{};
  std::optional<std::vector<std::string>> perhaps{};
  std::map<std::string, std::vector<std::uint32_t>> table{};
  std::set<std::int16_t> numbers{};
  std::vector<std::vector<std::vector<bool>>> nested{};
  std::unique_ptr<Tree> tree{};
  Bytes rest{};
  template <class A>
  void serialize(A& a) {
    a(small, flag, colour, reals, time, duration, choice, perhaps, table, numbers, nested, tree,
      rest);
  }
};

Bytes encoded(const Entry& entry) {
  Bytes bytes;
  ByteSink sink(bytes, std::size_t{1} << 20);
  require_ok(encode_entry(CerealCodec<Entry>{}, entry, sink), "a decoded entry is not encoded");
  return bytes;
}

void run(BytesView bytes) {
  const auto entry = decode_entry<Entry>(CerealCodec<Entry>{}, bytes, 1);
  if (!entry) {
    require(entry.error().code == Errc::decode, "bad bytes are not answered with decode");
    return;
  }
  const Bytes once = encoded(*entry);
  const auto again = decode_entry<Entry>(CerealCodec<Entry>{}, once, 1);
  require_ok(again, "an encoded entry is refused");
  require(same_bytes(encoded(*again), once), "an entry is encoded differently");
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({reinterpret_cast<const std::byte*>(data), bytes});
  return 0;
}
