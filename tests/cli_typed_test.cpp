#include <gmock/gmock.h>

#include "cli_harness.hpp"
#include "walkit/cli.hpp"
#include "walkit/walkit.hpp"

// Tools of users: what cli_main<E> makes of a type.

namespace own {

struct Order {
  std::string customer{};
  int cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.order", 2};
  template <class A>
  void serialize(A& a) {
    a(customer, cents);
  }
};
std::string describe(const Order& order) {
  return order.customer + ": " + std::to_string(order.cents);
}

struct Older : Order {
  static constexpr walkit::EntryType entry_type{"shop.order", 1};
};
struct Parcel : Order {
  static constexpr walkit::EntryType entry_type{"shop.parcel", 1};
};

struct Printed : Order {};
std::ostream& operator<<(std::ostream& out, const Printed& order) {
  return out << "<" << order.cents << ">";
}
std::string describe(const Printed&) = delete;

struct Mute {
  std::uint8_t byte = 0;
  template <class A>
  void serialize(A& a) {
    a(byte);
  }
};

}  // namespace own

namespace walkit::cli_test {
namespace {

using testing::HasSubstr;

class CliTypedTest : public CliTest {
 protected:
  template <class E, class C = CerealCodec<E>>
  void journal(const std::vector<E>& entries) const {
    auto wal = WalWriter<E, C>::open(FsDirectory::open(log()).value()).value();
    for (const E& entry : entries) ASSERT_TRUE(wal.append(entry));
    ASSERT_TRUE(wal.close());
  }
  /// The tool of a user, in a process of its own.
  template <class E, class C = CerealCodec<E>>
  static Outcome own_tool(Arguments arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "own");
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    const Scratch in(input), out, err;
    const pid_t process = ::fork();
    if (process == 0) {
      ::dup2(in.fd(), 0);
      ::dup2(out.fd(), 1);
      ::dup2(err.fd(), 2);
      ::_exit(cli_main<E, C>(static_cast<int>(words.size()), words.data()));
    }
    const int code = wait_for(process);
    return {code, out.text(), err.text()};
  }
};

TEST_F(CliTypedTest, AnEntryIsPrintedByDescribe) {
  journal<own::Order>({{"ada", 42}, {"\x1b[31m", 1}});
  const Outcome read = own_tool<own::Order>({"cat", log()});
  EXPECT_EQ(read.code, 0) << read.err;
  EXPECT_EQ(read.out, "ada: 42\n\\x1b[31m: 1\n");
  EXPECT_THAT(own_tool<own::Order>({"cat", log(), "--json"}).out,
              HasSubstr("\"schema\":2,\"file\":\""));
  EXPECT_THAT(own_tool<own::Order>({"cat", log(), "--json"}).out,
              HasSubstr("\"entry\":\"ada: 42\"}\n"));
}

TEST_F(CliTypedTest, ElseByItsOperatorElseAsHex) {
  journal<own::Printed>({own::Printed{{"ada", 42}}});
  EXPECT_EQ(own_tool<own::Printed>({"cat", log()}).out, "<42>\n");
  fs::remove_all(log());
  journal<own::Mute>({{0xab}});
  EXPECT_EQ(own_tool<own::Mute>({"cat", log()}).out, "ab\n");
}

TEST_F(CliTypedTest, AnotherLogIsSixtyFive) {
  journal<own::Order>({{"ada", 42}});
  for (const char* command : {"cat", "ls", "verify"}) {
    const Outcome type = own_tool<own::Parcel>({command, log()});
    EXPECT_EQ(type.code, 65) << command;
    EXPECT_THAT(type.err, HasSubstr("\"shop.order\"")) << command;
    EXPECT_EQ(own_tool<own::Older>({command, log()}).code, 65) << command;
    const Outcome codec = own_tool<std::string, BytesCodec>({command, log()});
    EXPECT_EQ(codec.code, 65) << command;
    EXPECT_THAT(codec.err, HasSubstr("codec")) << command;
    EXPECT_EQ(own_tool<own::Order>({command, log()}).code, 0) << command;
  }
}

TEST_F(CliTypedTest, WhatCannotBeDecodedIsNamed) {
  own::Mute none;
  journal<own::Mute>({none});
  const Outcome read = own_tool<own::Order>({"cat", log()});  // no name is declared there
  EXPECT_EQ(read.code, 65);
  EXPECT_THAT(read.err, HasSubstr(newest_segment().filename().native() + " at byte 512"));
  EXPECT_THAT(read.err, HasSubstr("entry 1: "));
}

TEST_F(CliTypedTest, LinesAreAppendedWhereTheEntryIsAString) {
  EXPECT_EQ(own_tool<std::string>({"append", log()}, "a\nb\n").out, "1..2\n");
  EXPECT_EQ(own_tool<std::string>({"cat", log()}).out, "a\nb\n");
  EXPECT_NE(cat({"--format", "raw"}).out, "ab");  // the codec's own bytes
  EXPECT_EQ(own_tool<own::Order>({"append", log()}, "a\n").code, 64);
  EXPECT_THAT(own_tool<own::Order>({"--help"}).out, testing::Not(HasSubstr("  append")));
}

}  // namespace
}  // namespace walkit::cli_test
