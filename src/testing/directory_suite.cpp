#include <algorithm>
#include <array>
#include <string>

#include "testing/directory_trial.hpp"
#include "walkit/testing/directory_suite.hpp"

namespace walkit::testing {
namespace {

using enum OpenMode;

void good_names_are_taken(Trial& t) {
  for (const std::string& name : {std::string{"a.wal"}, std::string{"..."}, std::string{".hidden"},
                                  std::string{"with space"}, std::string(255, 'n')}) {
    t.create(name, "x").holds("x");
    t.remove(name);
  }
}

void bad_names_are_refused(Trial& t) {
  t.create("good");
  Directory& d = t.directory();
  const std::array<std::string, 7> bad = {
      "", ".", "..", "a/b", "/a", std::string{"a\0b", 3}, std::string(256, 'n')};
  for (const std::string& name : bad) {
    for (const OpenMode mode : {read, create, write}) {
      t.answers("open '" + name + "'", d.open(name, mode), Errc::invalid_argument);
      t.answers("subdirectory '" + name + "'", d.subdirectory(name, mode), Errc::invalid_argument);
    }
    t.answers("remove '" + name + "'", d.remove(name), Errc::invalid_argument);
    t.answers("rename '" + name + "'", d.rename({.from = name, .to = "b"}), Errc::invalid_argument);
    t.refuses("link '" + name + "'", d.link(name, d, "b"));
    t.refuses("link to '" + name + "'", d.link("good", d, name));
    t.answers("rename to '" + name + "'", d.rename({.from = "good", .to = name}),
              Errc::invalid_argument);
  }
  t.lists({"good"});
}

void open_modes_ask_for_what_is_there(Trial& t) {
  t.answers("open missing to read", t.directory().open("a", read), Errc::not_found);
  t.answers("open missing to write", t.directory().open("a", write), Errc::not_found);
  t.lists({});
  t.create("a", "bytes");
  t.answers("create twice", t.directory().open("a", create), Errc::already_exists);
  t.open("a", read).holds("bytes");
  t.open("a", write).holds("bytes");
}

void read_mode_changes_nothing(Trial& t) {
  t.create("a", "bytes");
  TrialFile file = t.open("a", read);
  file.refuses_changes();
  file.holds("bytes");
}

void reads_are_short_only_at_the_end(Trial& t) {
  TrialFile file = t.create("a", "0123456789");
  file.reads(0, 10, "0123456789");
  file.reads(3, 4, "3456");
  file.reads(8, 10, "89");
  file.reads(10, 1, "");
  file.reads(1000, 5, "");
  file.reads(UINT64_MAX, 5, "");
  file.reads(4, 0, "");
  t.create("empty").holds("");
}

void holes_read_as_zeros(Trial& t) {
  TrialFile file = t.create("a", "begin");
  file.write(10'000, "end");
  file.holds("begin" + std::string(9'995, '\0') + "end");
}

void parts_stand_one_behind_the_other(Trial& t) {
  TrialFile file = t.create("a");
  file.write(2, {as_bytes("one"), {}, as_bytes("two"), as_bytes("3"), {}});
  file.holds(std::string{"\0\0onetwo3", 9});
  file.write(50, std::vector<BytesView>{});
  file.write(50, {BytesView{}, BytesView{}});
  file.holds(std::string{"\0\0onetwo3", 9});
}

void many_and_large_parts_are_written_whole(Trial& t) {
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += static_cast<char>('a' + i % 23);
  std::vector<BytesView> parts;
  for (std::size_t at = 0; at < 9'000; at += 3) parts.push_back(as_bytes(text).subspan(at, 3));
  parts.push_back(as_bytes(text).subspan(9'000));
  TrialFile file = t.create("a");
  file.write(0, parts);
  file.holds(text);
}

void writes_leave_the_rest_alone(Trial& t) {
  TrialFile file = t.create("a", "0123456789");
  file.write(4, "xy");
  file.holds("0123xy6789");
  file.write(9, "zz");
  file.holds("0123xy678zz");
}

void fill_zeros_only_grows(Trial& t) {
  TrialFile file = t.create("a", "bytes");
  file.fill_zeros(3);
  file.fill_zeros(5);
  file.holds("bytes");
  file.fill_zeros(100'003);
  file.holds("bytes" + std::string(99'998, '\0'));
  file.fill_zeros(0);
  file.holds("bytes" + std::string(99'998, '\0'));
}

void allocate_only_grows(Trial& t) {
  TrialFile file = t.create("a", "bytes");
  file.allocate(3);
  file.holds("bytes");
  file.allocate(100'003);
  file.holds("bytes" + std::string(99'998, '\0'));
  file.write(5, "more");
  file.allocate(0);
  file.holds("bytesmore" + std::string(99'994, '\0'));
}

void truncate_cuts_and_grows(Trial& t) {
  TrialFile file = t.create("a", "0123456789");
  file.truncate(4);
  file.holds("0123");
  file.truncate(7);
  file.holds(std::string{"0123\0\0\0", 7});
  file.truncate(0);
  file.holds("");
  file.sync();
}

void files_of_one_name_share_bytes(Trial& t) {
  TrialFile first = t.create("a", "0123");
  TrialFile second = t.open("a", write);
  TrialFile reader = t.open("a", read);
  second.write(4, "4567");
  first.write(0, "x");
  for (TrialFile* file : {&first, &second, &reader}) file->holds("x1234567");
  second.truncate(8);
  reader.holds("x1234567");
}

void sync_succeeds(Trial& t) {
  TrialFile file = t.create("a");
  file.sync();
  file.write(0, "bytes");
  file.sync();
  file.fill_zeros(5'000);
  file.sync();
  file.truncate(3);
  file.sync();
  t.succeeds("sync of the directory", t.directory().sync());
  file.holds("byt");
}

void rename_replaces(Trial& t) {
  t.create("from", "new");
  TrialFile old = t.create("to", "old");
  t.rename("from", "to");
  t.lists({"to"});
  t.open("to", read).holds("new");
  old.holds("old");
  t.rename("to", "free");
  t.lists({"free"});
  t.open("free", read).holds("new");
}

void rename_of_what_is_missing_changes_nothing(Trial& t) {
  t.create("to", "old");
  t.answers("rename", t.directory().rename({.from = "gone", .to = "to"}), Errc::not_found);
  t.lists({"to"});
  t.open("to", read).holds("old");
}

void rename_reaches_into_a_subdirectory(Trial& t) {
  t.create("a", "new");
  Trial below = t.subdirectory("below", create);
  below.create("b", "old");
  t.succeeds("rename into",
             t.directory().rename({.from = "a", .to = "b", .into = &below.directory()}));
  t.lists({"below"});
  below.lists({"b"});
  below.open("b", read).holds("new");
  t.succeeds("sync", t.directory().sync());
  below.succeeds("sync", below.directory().sync());
  t.merge(below);
}

// A directory need not know how: then it says so, and nothing happened.
void link_gives_a_second_name_or_none(Trial& t) {
  t.create("a", "old");
  t.create("taken", "other");
  Trial below = t.subdirectory("below", create);
  const Status linked = t.directory().link("a", below.directory(), "b");
  if (!linked) {
    t.answers("link", linked, Errc::not_supported);
    below.lists({});
    return t.merge(below);
  }
  t.succeeds("sync", below.directory().sync());
  below.lists({"b"});
  below.open("b", read).holds("old");
  t.answers("link to a name that is there", t.directory().link("a", t.directory(), "taken"),
            Errc::already_exists);
  t.answers("link of what is missing", t.directory().link("gone", t.directory(), "c"),
            Errc::not_found);
  t.open("taken", read).holds("other");
  t.refuses("link of a subdirectory", t.directory().link("below", t.directory(), "c"));
  TrialFile open = t.open("a", read);
  t.remove("a");
  t.succeeds("sync", t.directory().sync());
  below.open("b", read).holds("old");
  open.holds("old");
  t.lists({"below", "taken"});
  t.merge(below);
}

void remove_takes_files_only(Trial& t) {
  t.answers("remove", t.directory().remove("a"), Errc::not_found);
  t.create("a");
  t.remove("a");
  t.subdirectory("below", create);
  t.refuses("remove of a subdirectory", t.directory().remove("below"));
  t.lists({"below"});
}

void open_files_survive_rename_and_remove(Trial& t) {
  TrialFile file = t.create("a", "bytes");
  t.rename("a", "b");
  file.write(5, " more");
  t.open("b", read).holds("bytes more");
  file.sync();
  t.remove("b");
  file.write(0, "B");
  file.holds("Bytes more");
  t.create("b").holds("");
}

void sync_tells_of_a_file_removed_by_others(Trial& t) {
  TrialFile removed = t.create("a", "bytes");
  TrialFile replaced = t.create("b", "bytes");
  TrialFile cut = t.create("c", "bytes");
  removed.sync();
  t.remove("a");
  removed.sync_answers(Errc::io);
  t.create("new", "text");
  t.rename("new", "b");
  replaced.sync_answers(Errc::io);
  t.open("c", write).truncate(2);
  cut.sync_answers(Errc::io);
}

void list_is_sorted_and_complete(Trial& t) {
  t.lists({});
  for (const char* name : {"b", "a", "B", "10", "2", "b.tmp"}) t.create(name);
  t.subdirectory("ab", create).create("inside");
  t.lists({"10", "2", "B", "a", "ab", "b", "b.tmp"});
}

void subdirectory_modes_ask_for_what_is_there(Trial& t) {
  t.answers("read missing", t.directory().subdirectory("below", read), Errc::not_found);
  t.answers("write missing", t.directory().subdirectory("below", write), Errc::not_found);
  t.lists({});
  t.subdirectory("below", create).create("a", "bytes");
  for (const OpenMode mode : {read, create, write}) {
    Trial below = t.subdirectory("below", mode);
    below.lists({"a"});
    below.open("a", read).holds("bytes");
    t.merge(below);
  }
  t.lists({"below"});
}

void files_and_subdirectories_are_told_apart(Trial& t) {
  t.create("file");
  t.subdirectory("below", create);
  for (const OpenMode mode : {read, create, write}) {
    t.refuses("subdirectory of a file's name", t.directory().subdirectory("file", mode));
    t.refuses("open of a subdirectory's name", t.directory().open("below", mode));
  }
  t.lists({"below", "file"});
}

void lock_has_one_owner(Trial& t) {
  t.is_locked(false);
  t.lists({});
  auto held = t.lock();
  if (!held) return;
  t.is_locked(true);
  t.succeeds("check", held->check());
  t.answers("second lock", t.directory().lock(), Errc::locked);
  t.is_locked(true);
  t.succeeds("check after a refused lock", held->check());
  held.reset();
  t.is_locked(false);
  held = t.lock();
  t.is_locked(true);
}

void lock_leaves_its_bytes_alone(Trial& t) {
  t.create(kLockFileName, "evidence");
  auto held = t.lock();
  t.open(kLockFileName, write).holds("evidence");
  held.reset();
  t.open(kLockFileName, read).holds("evidence");
  t.is_locked(false);
}

void lock_file_is_a_file_like_others(Trial& t) {
  auto held = t.lock();
  t.lists({"LOCK"});
  TrialFile file = t.open(kLockFileName, write);
  file.write(0, "owner");
  file.sync();
  t.is_locked(true);
  t.answers("second lock", t.directory().lock(), Errc::locked);
}

void locks_of_subdirectories_are_their_own(Trial& t) {
  auto held = t.lock();
  Trial below = t.subdirectory("below", create);
  below.is_locked(false);
  auto held_below = below.lock();
  t.merge(below);
}

void check_tells_of_a_replaced_lock_file(Trial& t) {
  auto removed = t.lock();
  if (!removed) return;
  t.remove(kLockFileName);
  t.answers("check after remove", removed->check(), Errc::io);
  auto renamed = t.lock();
  if (!renamed) return;
  t.succeeds("check of the new lock", renamed->check());
  t.answers("check beside a new lock", removed->check(), Errc::io);
  t.rename(kLockFileName, "away");
  t.answers("check after rename", renamed->check(), Errc::io);
}

void random_bytes_differ(Trial& t) {
  std::array<std::byte, 32> first{};
  std::array<std::byte, 32> second{};
  t.directory().random_bytes(first);
  t.directory().random_bytes(second);
  t.directory().random_bytes({});
  t.require("random_bytes", first != second, "the same 32 bytes twice", "different ones");
  t.require("random_bytes", std::ranges::count(first, std::byte{}) < 16, "zeros", "random bytes");
}

void time_is_after_1970(Trial& t) {
  const auto now = t.directory().now().count();
  t.require("now", now >= 0, std::to_string(now), "nanoseconds since 1970");
}

struct Check {
  std::string_view name;
  void (*run)(Trial&);
};

#define WALKIT_CHECK(function) \
  Check { #function, function }
constexpr std::array kChecks = {
    WALKIT_CHECK(good_names_are_taken),
    WALKIT_CHECK(bad_names_are_refused),
    WALKIT_CHECK(open_modes_ask_for_what_is_there),
    WALKIT_CHECK(read_mode_changes_nothing),
    WALKIT_CHECK(reads_are_short_only_at_the_end),
    WALKIT_CHECK(holes_read_as_zeros),
    WALKIT_CHECK(parts_stand_one_behind_the_other),
    WALKIT_CHECK(many_and_large_parts_are_written_whole),
    WALKIT_CHECK(writes_leave_the_rest_alone),
    WALKIT_CHECK(fill_zeros_only_grows),
    WALKIT_CHECK(allocate_only_grows),
    WALKIT_CHECK(truncate_cuts_and_grows),
    WALKIT_CHECK(files_of_one_name_share_bytes),
    WALKIT_CHECK(sync_succeeds),
    WALKIT_CHECK(rename_replaces),
    WALKIT_CHECK(rename_of_what_is_missing_changes_nothing),
    WALKIT_CHECK(rename_reaches_into_a_subdirectory),
    WALKIT_CHECK(remove_takes_files_only),
    WALKIT_CHECK(link_gives_a_second_name_or_none),
    WALKIT_CHECK(open_files_survive_rename_and_remove),
    WALKIT_CHECK(sync_tells_of_a_file_removed_by_others),
    WALKIT_CHECK(list_is_sorted_and_complete),
    WALKIT_CHECK(subdirectory_modes_ask_for_what_is_there),
    WALKIT_CHECK(files_and_subdirectories_are_told_apart),
    WALKIT_CHECK(lock_has_one_owner),
    WALKIT_CHECK(lock_leaves_its_bytes_alone),
    WALKIT_CHECK(lock_file_is_a_file_like_others),
    WALKIT_CHECK(locks_of_subdirectories_are_their_own),
    WALKIT_CHECK(check_tells_of_a_replaced_lock_file),
    WALKIT_CHECK(random_bytes_differ),
    WALKIT_CHECK(time_is_after_1970),
};
#undef WALKIT_CHECK

Error suite_error(std::string message) {
  return Error{.code = Errc::not_supported,
               .message = std::move(message),
               .next_step = "make the Directory do what walkit/io/directory.hpp says"};
}

}  // namespace

Status directory_suite(const std::function<Result<std::shared_ptr<Directory>>()>& make_empty) {
  for (const Check& check : kChecks) {
    Result<std::shared_ptr<Directory>> directory = make_empty();
    if (!directory) return directory.error();
    if (*directory == nullptr) return suite_error("make_empty answered no directory");
    Trial trial{std::move(*directory)};
    trial.lists({});
    check.run(trial);
    if (!trial.failure().empty()) {
      return suite_error(std::string{check.name} + ": " + trial.failure());
    }
  }
  return {};
}

}  // namespace walkit::testing
