// A reader of schema 1 beside a writer of schema 2, which added fields at the end.
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct Address {
  std::string town;
  template <class A>
  void serialize(A& a) {
    a(walkit::sized(town));
  }
};
struct Parcel {
  std::uint64_t id = 0;
  Address to;
  static constexpr walkit::EntryType entry_type{"post.parcel", 1};
  template <class A>
  void serialize(A& a) {
    a(id, to);
  }
};

struct NewAddress {
  std::string town, country = "UK";
  template <class A>
  void serialize(A& a) {
    a(walkit::sized(town, country));
  }
};
struct NewParcel {
  std::uint64_t id = 0;
  NewAddress to;
  std::uint32_t grams = 500;
  static constexpr walkit::EntryType entry_type{"post.parcel", 2};
  template <class A>
  void serialize(A& a) {
    a(id, to, grams);
  }
};

int main() {
  const auto dir = walkit::FsDirectory::open("parcels").value();
  {
    auto wal = walkit::WalWriter<Parcel>::open(dir).value();
    CHECK(wal.append({1, {"Bath"}}));
  }
  auto wal = walkit::WalWriter<NewParcel>::open(dir).value();
  CHECK(wal.append({2, {"Cork", "IE"}, 900}));

  // The newer program reads both; what is not there has its default.
  const auto all = walkit::WalReader<NewParcel>::open(dir).value().replay().value();
  CHECK(all.size() == 2);
  CHECK(all[0].payload.to.country == "UK" && all[0].payload.grams == 500);
  CHECK(all[1].payload.to.country == "IE" && all[1].payload.grams == 900);

  // The older one is refused, unless it says that it may skip what it does not know.
  CHECK(walkit::WalReader<Parcel>::open(dir).error().code == walkit::Errc::incompatible);
  const auto old = walkit::WalReader<Parcel>::open(
                       dir, {.newer_schema = walkit::NewerSchema::skip_unknown_fields})
                       .value();
  const auto parcels = old.replay().value();
  CHECK(parcels.size() == 2);
  CHECK(parcels[1].payload.id == 2 && parcels[1].payload.to.town == "Cork");
}
