// Entries in MessagePack, which other languages read.
// [readme]
#include <iostream>
#include <msgpack.hpp>
#include <walkit/testing/codec_suite.hpp>
#include <walkit/walkit.hpp>

template <class E>
struct MsgpackCodec {
  static constexpr walkit::CodecId id{"mpck"};
  walkit::Status encode(const E& entry, walkit::ByteSink& out) const {
    msgpack::sbuffer buffer;
    msgpack::pack(buffer, entry);
    out.write(std::string_view(buffer.data(), buffer.size()));
    return {};
  }
  walkit::Result<E> decode(walkit::BytesView bytes) const {
    const std::string_view text = walkit::as_text(bytes);
    // A count in the bytes may lie: nothing holds more than there are bytes. What is thrown here
    // becomes Errc::decode.
    const msgpack::unpack_limit limit(text.size(), text.size(), text.size(), text.size(), 0, 64);
    std::size_t end = 0;
    const auto object = msgpack::unpack(text.data(), text.size(), end, nullptr, nullptr, limit);
    if (end != text.size()) return walkit::Error{.code = walkit::Errc::decode};
    return object->template as<E>();
  }
};

struct Order {
  std::uint64_t id = 0;
  std::string customer;
  std::vector<std::string> items;
  MSGPACK_DEFINE(id, customer, items)
  friend bool operator==(const Order&, const Order&) = default;
  static constexpr walkit::EntryType entry_type{"shop.order"};
};
// [/readme]

int main() {
  using Codec = MsgpackCodec<Order>;
  const auto dir = walkit::FsDirectory::open("orders").value();
  auto wal = walkit::WalWriter<Order, Codec>::open(dir).value();
  wal.append({17, "ada", {"tea"}}).value();
  wal.close().value();

  const auto log = walkit::WalReader<Order, Codec>::open(dir).value();
  for (const auto& record : log.replay().value()) {
    std::cout << record.entry_id << " " << record.payload.customer << "\n";
  }

  const std::vector<Order> samples{{1, "grace", {"milk", ""}}, {}};
  walkit::testing::codec_suite<Order, Codec>(samples).value();
  std::cout << "the codec keeps its promises\n";
}
