// Entries that are protobuf messages. Fields are added as protobuf does it: by new numbers.
// [readme]
#include <iostream>
#include <limits>
#include <walkit/testing/codec_suite.hpp>
#include <walkit/walkit.hpp>

#include "order.pb.h"

template <class Message>
struct ProtobufCodec {
  static constexpr walkit::CodecId id{"prot"};  // stored in the log
  walkit::Status encode(const Message& message, walkit::ByteSink& out) const {
    std::string bytes;
    if (!message.SerializeToString(&bytes)) return walkit::Error{.code = walkit::Errc::encode};
    out.write(bytes);
    return {};
  }
  walkit::Result<Message> decode(walkit::BytesView bytes) const {
    Message message;
    if (bytes.size() <= std::numeric_limits<int>::max() &&
        message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return message;
    }
    return walkit::Error{.code = walkit::Errc::decode, .message = "no " + message.GetTypeName()};
  }
};

template <>  // the type is not yours to change, so its name stands beside it
inline constexpr walkit::EntryType walkit::entry_type<shop::Order>{"shop.order"};
// [/readme]

namespace shop {
bool operator==(const Order& a, const Order& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}
}  // namespace shop

shop::Order order(std::uint64_t id, const std::string& customer) {
  shop::Order order;
  order.set_id(id);
  order.set_customer(customer);
  order.add_items("tea");
  return order;
}

int main() {
  using Codec = ProtobufCodec<shop::Order>;
  const auto dir = walkit::FsDirectory::open("orders").value();
  auto wal = walkit::WalWriter<shop::Order, Codec>::open(dir).value();
  wal.append(order(17, "ada")).value();
  wal.close().value();

  const auto log = walkit::WalReader<shop::Order, Codec>::open(dir).value();
  for (const auto& record : log.replay().value()) {
    std::cout << record.entry_id << " " << record.payload.customer() << "\n";
  }

  const std::vector<shop::Order> samples{order(1, "grace"), {}};
  walkit::testing::codec_suite<shop::Order, Codec>(samples).value();
  std::cout << "the codec keeps its promises\n";
}
