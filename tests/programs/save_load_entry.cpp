// save and load apart: one stores another form than the other keeps, and checks it.
#include <stdexcept>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

class Temperature {
 public:
  Temperature() = default;
  explicit Temperature(double celsius) : celsius_(celsius) {}
  [[nodiscard]] double celsius() const { return celsius_; }

  template <class A>
  void save(A& a) const {
    a(static_cast<std::int32_t>(celsius_ * 10));
  }
  template <class A>
  void load(A& a) {
    std::int32_t tenths = 0;
    a(tenths);
    if (tenths < -2732) throw std::invalid_argument("colder than possible");
    celsius_ = tenths / 10.0;
  }

 private:
  double celsius_ = 0;
};

class Town {  // one value, in place of a pair
 public:
  Town() = default;
  explicit Town(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const std::string& name() const { return name_; }
  template <class A>
  std::string save_minimal(const A& /*archive*/) const {
    return name_;
  }
  template <class A>
  void load_minimal(const A& /*archive*/, const std::string& name) {
    name_ = name;
  }

 private:
  std::string name_;
};

struct Reading {
  Town town;
  Temperature temperature;
  template <class A>
  void serialize(A& a) {
    a(town, temperature);
  }
};

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = walkit::WalWriter<Reading>::open(dir).value();
  wal.append({Town("Bath"), Temperature(21.5)}).value();
  const auto log = walkit::WalReader<Reading>::open(dir).value();
  const auto record = log.read(walkit::EntryId{1}).value();
  CHECK(record.payload.town.name() == "Bath");
  CHECK(record.payload.temperature.celsius() == 21.5);

  // What load refuses is an error where it is read: check values before you append them.
  const auto id = wal.append({Town("nowhere"), Temperature(-400)}).value();
  const auto refused = log.read(id);
  CHECK(!refused && refused.error().code == walkit::Errc::decode);
  CHECK(refused.error().message.find("colder than possible") != std::string::npos);
}
