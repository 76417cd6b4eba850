// Each rule of the protocol, broken once; that the log breaks none is said by the fault sweep.

#include "walkit/testing/checked_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/suites.hpp"

namespace walkit::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A folder with a published file "a" and MANIFEST, its lock held.
struct Folder {
  std::shared_ptr<FaultDirectory> faults = FaultDirectory::create(MemoryDirectory::create());
  std::shared_ptr<CheckedDirectory> directory{};
  std::unique_ptr<DirectoryLock> lock{};
  std::unique_ptr<File> a{}, manifest{}, lock_file{};

  Folder() {
    for (const char* name : {"a", "MANIFEST"}) {
      faults->open(name, OpenMode::create).value();
    }
    directory = CheckedDirectory::create(faults);
    lock = directory->lock().value();
    a = directory->open("a", OpenMode::write).value();
    manifest = directory->open("MANIFEST", OpenMode::write).value();
    lock_file = directory->open("LOCK", OpenMode::write).value();
  }
  Status write(File& file) {
    const BytesView bytes = as_bytes(std::string_view("bytes"));
    return file.write_at(0, {&bytes, 1});
  }
  void fail_next(Fault fault = Fault::io) { faults->fail_at(faults->operation_count() + 1, fault); }
  std::unique_ptr<File> make(std::string_view name) {
    return directory->open(name, OpenMode::create).value();
  }
  void expect(const char* violation) {
    EXPECT_THAT(directory->violations(), ElementsAre(HasSubstr(violation)));
  }
};

TEST(CheckedDirectory, IsADirectoryLikeTheOneBelow) {
  EXPECT_THAT(directory_suite([] { return CheckedDirectory::create(MemoryDirectory::create()); }),
              IsOk());
}

TEST(CheckedDirectory, WhoKeepsTheRulesHearsNothing) {
  Folder f;
  ASSERT_THAT(f.write(*f.a), IsOk());
  ASSERT_THAT(f.a->sync(), IsOk());
  const auto next = f.make("b.tmp");
  ASSERT_THAT(f.write(*next), IsOk());
  ASSERT_THAT(next->sync(), IsOk());
  ASSERT_THAT(f.directory->rename({.from = "b.tmp", .to = "b"}), IsOk());
  ASSERT_THAT(f.directory->sync(), IsOk());
  ASSERT_THAT(f.write(*f.manifest), IsOk());
  ASSERT_THAT(f.manifest->sync(), IsOk());
  ASSERT_THAT(f.directory->remove("a"), IsOk());
  EXPECT_THAT(f.directory->violations(), IsEmpty());
}

TEST(CheckedDirectory, FileRenamedBeforeItsSync) {
  Folder f;
  const auto next = f.make("b.tmp");
  ASSERT_THAT(f.write(*next), IsOk());
  ASSERT_THAT(f.directory->rename({.from = "b.tmp", .to = "b"}), IsOk()) << "it is handed on";
  f.expect("b: published before it was synced");
}

TEST(CheckedDirectory, FileRenamedBeforeTheOlderOnesAreSynced) {
  Folder f;
  ASSERT_THAT(f.write(*f.a), IsOk());
  f.make("b.tmp")->sync().value();
  ASSERT_THAT(f.directory->rename({.from = "b.tmp", .to = "b"}), IsOk());
  f.expect("b: published before a was synced");
}

TEST(CheckedDirectory, ManifestBeforeTheFilesItNames) {
  Folder f;
  ASSERT_THAT(f.write(*f.a), IsOk());
  ASSERT_THAT(f.write(*f.manifest), IsOk());
  f.expect("MANIFEST: published before a was synced");
}

TEST(CheckedDirectory, ManifestBeforeTheNamesOfTheFilesItNames) {
  Folder f;
  f.make("b.tmp")->sync().value();
  ASSERT_THAT(f.directory->rename({.from = "b.tmp", .to = "b"}), IsOk());
  ASSERT_THAT(f.write(*f.manifest), IsOk());
  f.expect("MANIFEST: written before the names in its folder were synced");
}

TEST(CheckedDirectory, FileRemovedBeforeTheManifestIsSynced) {
  Folder f;
  ASSERT_THAT(f.write(*f.manifest), IsOk());
  ASSERT_THAT(f.directory->remove("a"), IsOk());
  f.expect("a: removed before MANIFEST was synced");
}

TEST(CheckedDirectory, SyncTriedAgain) {
  Folder f;
  const auto next = f.make("b.tmp");
  f.fail_next();
  ASSERT_THAT(next->sync(), HasErrc(Errc::io));
  ASSERT_THAT(next->sync(), IsOk());
  f.expect("b.tmp: synced after a write or sync of it failed");
}

TEST(CheckedDirectory, FileWrittenAfterItsWriteFailed) {
  Folder f;
  const auto next = f.make("b.tmp");
  f.fail_next(Fault::short_write);
  ASSERT_THAT(f.write(*next), HasErrc(Errc::no_space));
  ASSERT_THAT(f.write(*next), IsOk());
  f.expect("b.tmp: written after a write or sync of it failed");
}

TEST(CheckedDirectory, RoomMayBeAskedForAgain) {
  Folder f;
  f.fail_next(Fault::no_space);
  ASSERT_THAT(f.a->fill_zeros(1000), HasErrc(Errc::no_space));
  ASSERT_THAT(f.a->fill_zeros(100), IsOk());
  EXPECT_THAT(f.directory->violations(), IsEmpty());
  f.fail_next(Fault::io);
  ASSERT_THAT(f.a->fill_zeros(1000), HasErrc(Errc::io));
  ASSERT_THAT(f.a->fill_zeros(1000), IsOk());
  EXPECT_THAT(f.directory->violations(),
              ElementsAre(HasSubstr("a: filled after a write or sync of it failed"),
                          HasSubstr("a: used after a write or sync in its folder failed")));
}

TEST(CheckedDirectory, AnotherFileWrittenAfterAFailure) {
  for (const bool of_names : {false, true}) {
    Folder f;
    if (of_names) {
      f.make("b");
      ASSERT_THAT(f.directory->rename({.from = "b", .to = "c"}), IsOk());
    }
    f.fail_next();
    ASSERT_THAT(of_names ? f.directory->sync() : f.a->sync(), HasErrc(Errc::io));
    ASSERT_THAT(f.write(*f.lock_file), IsOk()) << "that is allowed";
    ASSERT_THAT(f.write(*f.make("b.tmp")), IsOk());
    f.expect("b.tmp: used after a write or sync in its folder failed");
  }
}

// What was removed may come back, and no more than that.
TEST(CheckedDirectory, FolderWithoutANewNameMayFailToSync) {
  Folder f;
  ASSERT_THAT(f.directory->remove("a"), IsOk());
  f.fail_next();
  ASSERT_THAT(f.directory->sync(), HasErrc(Errc::io));
  ASSERT_THAT(f.write(*f.manifest), IsOk());
  EXPECT_THAT(f.directory->violations(), IsEmpty());
}

TEST(CheckedDirectory, NewOwnerBeginsAnew) {
  Folder f;
  f.fail_next();
  ASSERT_THAT(f.a->sync(), HasErrc(Errc::io));
  f.lock.reset();
  f.lock = f.directory->lock().value();
  ASSERT_THAT(f.write(*f.make("b.tmp")), IsOk());
  EXPECT_THAT(f.directory->violations(), IsEmpty());
}

TEST(CheckedDirectory, PublishedFileChangedWithoutALock) {
  Folder f;
  f.lock.reset();
  ASSERT_THAT(f.write(*f.a), IsOk());
  f.expect("a: changed without the lock of its folder");
}

TEST(CheckedDirectory, LockOfAFolderAboveIsEnough) {
  Folder f;
  const auto sub = f.directory->subdirectory("sub", OpenMode::create).value();
  ASSERT_THAT(f.directory->rename({.from = "a", .to = "a", .into = sub.get()}), IsOk());
  EXPECT_THAT(f.directory->violations(), IsEmpty());
  EXPECT_THAT(sub->open("a", OpenMode::read), IsOk());
}

/// Calls back in the midst of a call, as another thread would.
struct CallsBack final : PassingFile {
  CallsBack(std::unique_ptr<File> below, std::function<void()>& call)
      : PassingFile(std::move(below)), in_sync(call) {}
  Status sync() override {
    if (const auto call = std::exchange(in_sync, nullptr)) call();
    return PassingFile::sync();
  }
  std::function<void()>& in_sync;
};
struct CallsBackDirectory final : PassingDirectory {
  CallsBackDirectory() : PassingDirectory(MemoryDirectory::create()) {}
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    return std::make_unique<CallsBack>(std::move(file), in_sync);
  }
  std::function<void()> in_sync{};
};

TEST(CheckedDirectory, CallsBesideASync) {
  const BytesView bytes = as_bytes(std::string_view("bytes"));
  for (const bool same_file : {true, false}) {
    const auto below = std::make_shared<CallsBackDirectory>();
    const auto directory = CheckedDirectory::create(below);
    const auto one = directory->open("a", OpenMode::create).value();
    const auto two = directory->open("a", OpenMode::write).value();
    below->in_sync = [&] {
      (same_file ? one : two)->write_at(0, {&bytes, 1}).value();
      (same_file ? one : two)->sync().value();
    };
    ASSERT_THAT(one->sync(), IsOk());
    const std::string written = "a: written while a sync of it runs",
                      synced = "a: synced while another sync of it runs",
                      overlap = "a: two calls on one File at a time";
    if (same_file) {
      EXPECT_THAT(directory->violations(), ElementsAre(overlap, written, overlap, synced));
    } else {
      EXPECT_THAT(directory->violations(), ElementsAre(written, synced));
    }
  }
}

}  // namespace
}  // namespace walkit::testing
