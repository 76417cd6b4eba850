// What is refused before anything is done: nothing is written and no id is used.

#include <stdexcept>
#include <thread>

#include "log/evidence_files.hpp"
#include "log/segment_name.hpp"
#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

WalOptions limited(FlushPolicy flush = {}) {
  return {.flush = flush, .max_frame_bytes = 2048, .max_entry_bytes = 1024};
}

// Nothing of a refused call remains: the next append gets the next id, and the log reads well.
void expect_untouched(Wal& wal, const std::shared_ptr<Directory>& directory, EntryId next) {
  EXPECT_EQ(wal.next_entry_id(), next);
  EXPECT_FALSE(wal.verdict().failure);
  EXPECT_THAT(wal.append("after"), IsOkAndHolds(next));
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value().size(), next.value);
}

// Acceptance check 11.
TEST(Limits, EntryOfOneByteTooManyIsRefused) {
  for (const FlushPolicy flush : {FlushPolicy{}, FlushPolicy::manual()}) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, limited(flush)).value();
    EXPECT_THAT(wal.append(std::string(1024, 'x')), IsOkAndHolds(EntryId{1}));
    const std::string large(1025, 'x');
    EXPECT_THAT(wal.append(large), HasErrc(Errc::too_large));
    EXPECT_THAT(wal.append_async(large), HasErrc(Errc::too_large));
    EXPECT_THAT(wal.append_batch({"small", large}), HasErrc(Errc::too_large));
    EXPECT_THAT(wal.append_batch_async(std::vector{large}), HasErrc(Errc::too_large));
    expect_untouched(wal, directory, EntryId{2});
  }
}

TEST(Limits, EntryBytesAreCheckedBelowTheCodecToo) {
  auto wal = LogWriter::open(MemoryDirectory::create(), limited(), {}).value();
  const Bytes large(1025);
  const BytesView payload(large);
  EXPECT_THAT(wal.append({&payload, 1}), HasErrc(Errc::too_large));
  EXPECT_EQ(wal.next_entry_id(), EntryId{1});
}

TEST(Limits, BatchOfOneByteTooManyIsRefused) {
  for (const FlushPolicy flush : {FlushPolicy{}, FlushPolicy::manual()}) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, limited(flush)).value();
    // A frame: 64 bytes of header, and 2 of length before each entry.
    const std::size_t left = 2048 - 64 - 2 - 1000 - 2;
    EXPECT_THAT(wal.append_batch({std::string(1000, 'a'), std::string(left, 'b')}), IsOk());
    EXPECT_THAT(wal.append_batch({std::string(1000, 'a'), std::string(left + 1, 'b')}),
                HasErrc(Errc::too_large));
    expect_untouched(wal, directory, EntryId{3});
  }
}

// Frames that several calls share obey the same limit.
TEST(Limits, SharedFramesStayBelowTheLimit) {
  const auto directory = MemoryDirectory::create();
  WalOptions options = limited();
  options.flush = FlushPolicy::manual();
  auto wal = Wal::open(directory, options).value();
  for (int n = 0; n < 100; ++n) ASSERT_THAT(wal.append(std::string(500, 'x')), IsOk());
  expect_untouched(wal, directory, EntryId{101});
  EXPECT_GE(wal.stats().frames, 100u / 3);
}

TEST(Limits, EmptyEntriesAreEntries) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.max_frame_bytes = 1024, .max_entry_bytes = 0}).value();
  EXPECT_THAT(wal.append(""), IsOkAndHolds(EntryId{1}));
  EXPECT_THAT(wal.append_batch({"", "", ""}), IsOkAndHolds(EntryIdRange{EntryId{2}, EntryId{4}}));
  EXPECT_THAT(wal.append("x"), HasErrc(Errc::too_large));
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value(), std::vector<std::string>(4));
}

TEST(Limits, EmptyBatchIsAnEmptyRangeAndWritesNothing) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory).value();
  const auto before = directory->operation_count();
  const auto ids = wal.append_batch({});
  ASSERT_THAT(ids, IsOk());
  EXPECT_TRUE(ids->empty());
  EXPECT_EQ(directory->operation_count(), before);
  EXPECT_EQ(wal.last_entry_id(), std::nullopt);
  const auto ticket = wal.append_batch_async(std::vector<std::string>{});
  ASSERT_THAT(ticket, IsOk());
  EXPECT_THAT(ticket->wait(), IsOk());
}

TEST(Limits, EveryOptionIsValidated) {
  const std::vector<std::pair<std::string, WalOptions>> bad = {
      {"segment_bytes", {.segment_bytes = 4095}},
      {"segment_age", {.segment_age = std::chrono::seconds(-1)}},
      {"max_frame_bytes", {.max_frame_bytes = (1u << 30) + 1}},
      {"max_entry_bytes", {.max_frame_bytes = 2048, .max_entry_bytes = 1025}},
      {"max_entry_bytes", {.max_frame_bytes = 512, .max_entry_bytes = 0}},
      {"compression", {.compression = static_cast<Compression>(3)}},
      {"compression", {.compression = static_cast<Compression>(-1)}},
      {"subdirectory", {.subdirectory = ""}},
      {"subdirectory", {.subdirectory = "../wal"}},
      {"subdirectory", {.subdirectory = "a/b"}}};
  for (const auto& [field, options] : bad) {
    const auto directory = CrashDirectory::create();
    const auto wal = Wal::open(directory, options);
    ASSERT_THAT(wal, HasErrc(Errc::invalid_argument)) << field;
    EXPECT_EQ(wal.error().message.rfind(field, 0), 0u) << wal.error();
    EXPECT_EQ(directory->operation_count(), 0u) << field;
  }
  EXPECT_THAT(WalOptions{}.validate(), IsOk());
  EXPECT_THAT((WalOptions{.segment_bytes = 4096, .max_frame_bytes = 1u << 30}).validate(), IsOk());
}

TEST(Limits, NullDirectoryIsRefused) {
  const std::shared_ptr<Directory> none;
  const auto is_refused = HasErrc(Errc::invalid_argument);
  EXPECT_THAT(Wal::open(none), is_refused);
  EXPECT_THAT((WalReader<std::string, BytesCodec>::open(none)), is_refused);
  EXPECT_THAT(WalMaintenance::open(none), is_refused);
  const auto directory = MemoryDirectory::create();
  ASSERT_THAT(Wal::open(directory), IsOk());
  const auto maintenance = WalMaintenance::open(directory);
  ASSERT_TRUE(maintenance);
  EXPECT_THAT(maintenance->salvage(none), is_refused);
}

TEST(Limits, TypeNameHasALimit) {
  LogWriter::Contents contents;
  contents.type = EntryType(
      "0123456789012345678901234567890123456789012345678901234567890123456789"
      "0123456789012345678901234567890123456789012345678901234567890");
  EXPECT_THAT(LogWriter::open(MemoryDirectory::create(), {}, contents),
              HasErrc(Errc::invalid_argument));
}

struct Fussy {
  static constexpr CodecId id{"fuss"};
  Status encode(const std::string& entry, ByteSink& out) const {
    out.write(std::string_view("half of it"));
    if (entry == "throw") throw std::runtime_error("no thank you");
    if (entry == "throw int") throw 7;
    if (entry == "bad_alloc") throw std::bad_alloc();
    if (entry == "refuse") return Error{.code = Errc::encode, .message = "refused"};
    return {};
  }
  Result<std::string> decode(BytesView bytes) const { return std::string(as_text(bytes)); }
};

TEST(Limits, CodecThatThrowsOrRefusesAppendsNothing) {
  const auto directory = MemoryDirectory::create();
  auto wal = WalWriter<std::string, Fussy>::open(directory).value();
  ASSERT_THAT(wal.append("fine"), IsOkAndHolds(EntryId{1}));
  for (const char* text : {"throw", "throw int", "refuse", "bad_alloc"}) {
    const Errc code = text == std::string("bad_alloc") ? Errc::no_memory : Errc::encode;
    EXPECT_THAT(wal.append(text), HasErrc(code)) << text;
    EXPECT_THAT(wal.append_batch({"fine", text}), HasErrc(code)) << text;
    EXPECT_THAT(wal.append_async(text), HasErrc(code)) << text;
  }
  EXPECT_THAT(wal.append("fine"), IsOkAndHolds(EntryId{2}));
  ASSERT_THAT(wal.close(), IsOk());
  const auto records = WalReader<std::string, Fussy>::open(directory).value().replay().value();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].payload, "half of it");
}

TEST(Limits, FullBufferIsWrittenAndOneLargerCallEntersWhenEmpty) {
  constexpr std::size_t kMax = 1000, kHeader = 64;
  const auto directory = CrashDirectory::create();
  auto wal =
      Wal::open(directory, {.flush = FlushPolicy::manual(), .max_buffer_bytes = kMax}).value();
  const auto written = [&] { return wal.stats().entries; };
  ASSERT_THAT(wal.append(std::string(5000, 'x')), IsOkAndHolds(EntryId{1}));
  EXPECT_EQ(written(), 0u) << "larger than the buffer, and buffered";
  ASSERT_THAT(wal.append(std::string(60, 'y')), IsOkAndHolds(EntryId{2}));
  EXPECT_EQ(written(), 1u) << "the one before had to go";
  const std::size_t left = kMax - (kHeader + 61) - 2;
  ASSERT_THAT(wal.append(std::string(left, 'z')), IsOkAndHolds(EntryId{3}));
  EXPECT_EQ(written(), 1u) << "exactly full";
  ASSERT_THAT(wal.append_async("1"), IsOk());
  EXPECT_EQ(written(), 3u);
  EXPECT_EQ(wal.durable_entry_id(), EntryId{}) << "nobody asked for a sync";
}

// What is buffered goes to the kernel piece by piece, not to the device.
TEST(Limits, BufferIsWrittenFromOneMebibyteOn) {
  auto wal = Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::manual()}).value();
  for (int i = 0; i < 7; ++i) ASSERT_THAT(wal.append(std::string(150'000, 'x')), IsOk());
  EXPECT_EQ(wal.stats().entries, 0u);
  ASSERT_THAT(wal.append("and"), IsOk());
  EXPECT_EQ(wal.stats().entries, 7u);
  EXPECT_EQ(wal.stats().syncs, 0u);
}

TEST(Limits, BackPressureHoldsThreadsAndLosesNothing) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.flush = FlushPolicy::manual(), .max_buffer_bytes = 50}).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int n = 0; n < 100; ++n) wal.append_async(std::string(n, 'x')).value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value().size(), 300u);
}

// A log whose one segment, empty, begins at `first`.
void build_log(const std::shared_ptr<Directory>& directory, EntryId first) {
  const auto wal = directory->subdirectory("wal", OpenMode::create).value();
  log::SegmentHeader header{.number = 1, .first = first, .epoch = 1};
  header.durable_through = first - 1;
  header.codec = BytesCodec::id.value;
  header.max_entry_bytes = WalOptions{}.max_entry_bytes;
  header.max_frame_bytes = WalOptions{}.max_frame_bytes;
  const auto bytes = log::encode(header);
  const BytesView part(bytes);
  auto file = wal->open(to_string(log::SegmentName{1, first}), OpenMode::create).value();
  ASSERT_THAT(file->write_at(0, {&part, 1}), IsOk());
  log::ManifestSlot slot{.log = header.log, .epoch = 1, .first_segment = 1, .last_segment = 1};
  slot.first_salt = slot.last_salt = header.salt();
  slot.last_segment_first = first;
  slot.durable_through = slot.begins_after = first - 1;
  slot.clean = false;
  auto manifest = log::ManifestWriter::create(*wal, header.log).value();
  ASSERT_THAT(manifest.write(slot), IsOk());
}

TEST(Limits, IdsEndBeforeTheyWrap) {
  const auto directory = MemoryDirectory::create();
  build_log(directory, EntryId::max() - 5);
  auto wal = Wal::open(directory);
  ASSERT_THAT(wal, IsOk());
  EXPECT_EQ(wal->next_entry_id(), EntryId::max() - 5);
  EXPECT_THAT(wal->append_batch(std::vector<std::string>(9, "x")), HasErrc(Errc::too_large));
  EntryId last{};
  for (int n = 0; n < 9; ++n) {
    const auto id = wal->append("x");
    if (id) last = *id;
    EXPECT_TRUE(id || id.error().code == Errc::too_large);
  }
  EXPECT_GE(last, EntryId::max() - 3);
  EXPECT_LT(last, EntryId::max());
  EXPECT_EQ(wal->next_entry_id(), last + 1);
  ASSERT_THAT(wal->close(), IsOk());
  const auto again = Wal::open(directory);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->last_entry_id(), last);
}

}  // namespace
}  // namespace walkit
