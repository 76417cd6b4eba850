#include "walkit/testing/fault_directory.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>

#include "io/temp_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/suites.hpp"

namespace walkit::testing {
namespace {

Status write(File& file, std::uint64_t offset, std::string_view text) {
  const BytesView bytes = as_bytes(text);
  return file.write_at(offset, {&bytes, 1});
}

std::string text_of(File& file) {
  Bytes bytes(file.size().value());
  file.read_at(0, bytes).value();
  return std::string(as_text(bytes));
}

std::unique_ptr<File> make_file(Directory& directory, std::string_view name = "a") {
  return directory.open(name, OpenMode::create).value();
}

TEST(FaultDirectory, WithoutFaultsIsADirectoryLikeTheOneBelow) {
  std::optional<TempDirectory> temp;
  EXPECT_THAT(directory_suite([] { return FaultDirectory::create(MemoryDirectory::create()); }),
              IsOk());
  EXPECT_THAT(directory_suite([&]() -> Result<std::shared_ptr<Directory>> {
                return FaultDirectory::create(temp.emplace().open());
              }),
              IsOk());
}

TEST(FaultDirectory, EveryOperationHasANumberAndFailsAlone) {
  const auto run = [](FaultDirectory& root) {
    std::vector<Status> done;
    const auto keep = [&](const auto& result) {
      done.push_back(result ? Status{} : Status(result.error()));
    };
    const auto sub = root.subdirectory("sub", OpenMode::create);
    keep(sub);
    Directory& home = sub ? **sub : root;
    auto file = home.open("a", OpenMode::create);
    keep(file);
    if (!file) file = home.open("b", OpenMode::create);  // with a number of its own
    keep(write(**file, 0, "text"));
    keep((*file)->fill_zeros(100));
    keep((*file)->truncate(50));
    keep((*file)->sync());
    keep(home.rename({.from = "a", .to = "c"}));
    keep(home.remove("c"));
    keep(home.sync());
    return done;
  };
  const auto whole = FaultDirectory::create(MemoryDirectory::create());
  for (const Status& status : run(*whole)) ASSERT_THAT(status, IsOk());
  ASSERT_EQ(whole->operation_count(), 9u);
  EXPECT_EQ(whole->operations(6),
            (std::vector<Operation>{{OperationKind::rename, "sub/c"},
                                    {OperationKind::remove, "sub/c"},
                                    {OperationKind::sync_directory, "sub/"}}));
  for (std::uint64_t at = 1; at <= 9; ++at) {
    const auto directory = FaultDirectory::create(MemoryDirectory::create());
    directory->fail_at(at, Fault::io);
    const auto done = run(*directory);
    EXPECT_THAT(done.at(at - 1), HasErrc(Errc::io)) << at;
    EXPECT_EQ(directory->fault_count(), 1u);
    EXPECT_EQ(directory->operations(at - 1).front().kind, whole->operations(at - 1).front().kind);
  }
}

TEST(FaultDirectory, EachFaultHasItsCode) {
  const struct {
    Fault fault;
    Errc code;
    int os_error;
  } cases[] = {{Fault::io, Errc::io, EIO},
               {Fault::no_space, Errc::no_space, ENOSPC},
               {Fault::read_only, Errc::io, EROFS},
               {Fault::interrupted, Errc::io, EINTR},
               {Fault::short_write, Errc::no_space, ENOSPC},
               {Fault::wrong_bytes, Errc::io, EIO}};
  for (const auto& c : cases) {
    const auto directory = FaultDirectory::create(MemoryDirectory::create());
    const auto file = make_file(*directory);
    directory->fail_at(2, c.fault);
    const Status failed = file->sync();
    ASSERT_THAT(failed, HasErrc(c.code)) << to_string(c.fault);
    EXPECT_EQ(failed.error().os_error, c.os_error);
    EXPECT_EQ(failed.error().file, "a");
    EXPECT_NE(failed.error().message.find(to_string(c.fault)), std::string::npos);
  }
}

TEST(FaultDirectory, FailedWriteWritesNothingAndAShortOneHalf) {
  const auto directory = FaultDirectory::create(MemoryDirectory::create());
  const auto file = make_file(*directory);
  directory->fail_at(2, Fault::no_space);
  EXPECT_THAT(write(*file, 0, "abcdefgh"), HasErrc(Errc::no_space));
  EXPECT_EQ(text_of(*file), "");
  directory->fail_at(3, Fault::short_write);
  const BytesView parts[] = {as_bytes(std::string_view("abc")),
                             as_bytes(std::string_view("defgh"))};
  EXPECT_THAT(file->write_at(0, parts), HasErrc(Errc::no_space));
  EXPECT_EQ(text_of(*file), "abcd");
  directory->fail_at(4, Fault::short_write);
  EXPECT_THAT(file->fill_zeros(10), HasErrc(Errc::no_space));
  EXPECT_EQ(file->size(), 7u);
}

TEST(FaultDirectory, FullDeviceStaysFullUntilThereIsRoomAgain) {
  const auto directory = FaultDirectory::create(MemoryDirectory::create());
  const auto file = make_file(*directory);
  ASSERT_THAT(write(*file, 0, "ab"), IsOk());
  directory->fail_from(3, Fault::no_space);
  for (int n = 0; n < 3; ++n) EXPECT_THAT(write(*file, 0, "cd"), HasErrc(Errc::no_space));
  EXPECT_EQ(text_of(*file), "ab") << "it can be read";
  directory->lift();
  EXPECT_THAT(write(*file, 0, "cd"), IsOk());
}

TEST(FaultDirectory, EveryReadHasANumberAndFailsAlone) {
  const auto directory = FaultDirectory::create(MemoryDirectory::create());
  ASSERT_THAT(write(*make_file(*directory), 0, "text"), IsOk());
  const auto run = [&] {
    std::vector<Status> done;
    const auto keep = [&](const auto& result) {
      done.push_back(result ? Status{} : Status(result.error()));
    };
    Bytes bytes(4);
    auto file = directory->open("a", OpenMode::read);
    keep(file);
    if (!file) file = directory->open("a", OpenMode::read);
    keep((*file)->read_at(0, bytes));
    keep((*file)->size());
    keep(directory->list());
    auto lock = directory->lock();
    keep(lock);
    if (!lock) lock = directory->lock();
    keep((*lock)->check());
    keep(directory->is_locked());
    return done;
  };
  const std::uint64_t before = directory->read_count();
  run();
  const std::uint64_t reads = directory->read_count() - before;
  ASSERT_EQ(reads, 7u);
  for (std::uint64_t at = 1; at <= reads; ++at) {
    directory->fail_read_at(directory->read_count() + at, Fault::io);
    EXPECT_THAT(run().at(at - 1), HasErrc(Errc::io)) << at;
  }
}

TEST(FaultDirectory, ReadThatLiesSucceeds) {
  const auto directory = FaultDirectory::create(MemoryDirectory::create());
  const auto file = make_file(*directory);
  ASSERT_THAT(write(*file, 0, "text"), IsOk());
  directory->fail_read_at(directory->read_count() + 2, Fault::wrong_bytes);
  EXPECT_EQ(text_of(*file), "duhd");
  EXPECT_EQ(text_of(*file), "text");
}

TEST(FaultDirectory, KilledProcessLeavesWhatItWroteAndNoLock) {
  const auto below = MemoryDirectory::create();
  const auto directory = FaultDirectory::create(below);
  const auto file = make_file(*directory);
  const auto lock = directory->lock().value();
  ASSERT_THAT(write(*file, 0, "text"), IsOk());
  EXPECT_THAT(below->lock(), HasErrc(Errc::locked));
  directory->kill();
  EXPECT_THAT(below->lock(), IsOk());
  EXPECT_THAT(write(*file, 0, "more"), HasErrc(Errc::io));
  EXPECT_THAT(directory->list(), HasErrc(Errc::io));
  EXPECT_THAT(lock->check(), HasErrc(Errc::io));
  EXPECT_THAT(directory->lock(), HasErrc(Errc::io));
  EXPECT_EQ(text_of(*below->open("a", OpenMode::read).value()), "text");
}

}  // namespace
}  // namespace walkit::testing
