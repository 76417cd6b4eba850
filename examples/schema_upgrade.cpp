// A log that three versions of a program wrote, read as the newest type.
#include <iostream>
#include <string>
#include <utility>
#include <walkit/walkit.hpp>

// [readme]
struct PriceV1 {
  std::string item, euros;  // "12"
  static constexpr walkit::EntryType entry_type{"shop.price", 1};
  template <class A>
  void serialize(A& a) {
    a(item, euros);
  }
};

struct PriceV2 {
  std::string item;
  std::int64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.price", 2};
  template <class A>
  void serialize(A& a) {
    a(item, cents);
  }
};

struct Price {
  std::string currency = "EUR", item;
  std::int64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.price", 3};
  Price() = default;
  explicit Price(PriceV2 old) : item(std::move(old.item)), cents(old.cents) {}
  template <class A>
  void serialize(A& a) {
    a(currency, item, cents);
  }
};

// Beside the old type; a constructor of the new one does as well. What it throws is Errc::decode.
PriceV2 upgrade(const PriceV1& old) { return {old.item, std::stoll(old.euros) * 100}; }

// Reads entries of every version, writes the last. A number that is not in the list is refused.
using PriceCodec = walkit::Upgrades<PriceV1, PriceV2, Price>;
// [/readme]

int main() {
  const auto dir = walkit::FsDirectory::open("prices").value();
  {
    auto wal = walkit::WalWriter<PriceV1>::open(dir).value();
    wal.append({"tea", "12"}).value();
  }
  {
    using Codec = walkit::Upgrades<PriceV1, PriceV2>;
    auto wal = walkit::WalWriter<PriceV2, Codec>::open(dir).value();
    wal.append({"milk", 99}).value();
  }
  auto wal = walkit::WalWriter<Price, PriceCodec>::open(dir).value();
  wal.append(Price(PriceV2{"salt", 45})).value();

  const auto log = walkit::WalReader<Price, PriceCodec>::open(dir).value();
  for (const auto& record : log.replay().value()) {
    std::cout << record.payload.item << " " << record.payload.cents << " "
              << record.payload.currency << "\n";
  }
}
