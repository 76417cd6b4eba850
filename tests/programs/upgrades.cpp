// One log through three versions of a program; the last reads all of it.
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct UserV1 {
  std::string name;  // "ada lovelace"
  static constexpr walkit::EntryType entry_type{"site.user", 1};
  template <class A>
  void serialize(A& a) {
    a(name);
  }
};
struct UserV2 {
  std::string first, last;
  static constexpr walkit::EntryType entry_type{"site.user", 2};
  template <class A>
  void serialize(A& a) {
    a(first, last);
  }
};
struct User {
  std::uint32_t age = 0;
  std::string first, last;
  static constexpr walkit::EntryType entry_type{"site.user", 3};
  User() = default;
  User(std::string f, std::string l, std::uint32_t n)
      : age(n), first(std::move(f)), last(std::move(l)) {}
  explicit User(UserV2 old) : User(std::move(old.first), std::move(old.last), 0) {}
  template <class A>
  void serialize(A& a) {
    a(age, first, last);
  }
};

UserV2 upgrade(const UserV1& old) {
  const auto space = old.name.find(' ');
  return {old.name.substr(0, space), old.name.substr(space + 1)};
}

template <class E, class C = walkit::CerealCodec<E>>
void append(const std::shared_ptr<walkit::Directory>& dir, const E& user) {
  auto wal = walkit::WalWriter<E, C>::open(dir).value();
  wal.append(user).value();
  wal.close().value();
}

int main() {
  const auto dir = walkit::FsDirectory::open("users").value();
  using Second = walkit::Upgrades<UserV1, UserV2>;
  using Third = walkit::Upgrades<UserV1, UserV2, User>;
  append(dir, UserV1{"ada lovelace"});
  append<UserV2, Second>(dir, {"grace", "hopper"});
  append<User, Third>(dir, {"alan", "turing", 41});

  const auto users = walkit::WalReader<User, Third>::open(dir).value().replay().value();
  CHECK(users.size() == 3);
  CHECK(users[0].payload.first == "ada" && users[0].payload.last == "lovelace");
  CHECK(users[1].payload.last == "hopper" && users[1].payload.age == 0);
  CHECK(users[2].payload.age == 41);

  // The second program is told that the log outgrew it.
  const auto older = walkit::WalReader<UserV2, Second>::open(dir);
  CHECK(!older && older.error().code == walkit::Errc::incompatible);
}
