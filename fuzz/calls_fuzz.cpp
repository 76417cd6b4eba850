// Surface: the calls of WalWriter, on a device that fails and loses power.
// Property: after each crash the log holds a prefix of what was submitted, whole batches only, with
// at least all that was acknowledged as safe from that kind of crash.
//
// Input: options, then calls of two bytes, from the front; what a crash leaves, from the back.

#include <optional>

#include "fuzz_input.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::fuzz {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

WalOptions options_of(std::uint8_t byte) {
  constexpr FlushPolicy kPolicies[] = {FlushPolicy::every_append(), FlushPolicy::manual(),
                                       FlushPolicy::every_n(3), FlushPolicy::every_bytes(500)};
  WalOptions options;
  options.flush = kPolicies[byte & 3];
  options.durability = (byte & 4) != 0 ? Durability::flushed : Durability::durable;
  options.layout = (byte & 8) != 0 ? Layout::whole_blocks : Layout::packed;
  options.preallocation = (byte & 16) != 0 ? Preallocation::none : Preallocation::zero_fill;
  options.segment_bytes = (byte & 8) != 0 ? 16384 : 4096;
  return options;
}

// Called under the directory's lock, by one thread at a time.
struct Choices {
  std::string bytes{};
  std::size_t operator()(std::size_t choices) {
    if (bytes.empty()) return 0;
    const auto choice = static_cast<std::uint8_t>(bytes.back());
    bytes.pop_back();
    return choice % choices;
  }
};

/// The log, and a model of it that knows texts and counts only. One thread.
class World {
 public:
  World(std::uint8_t options, std::shared_ptr<CrashDirectory> directory)
      : options_(options_of(options)), directory_(std::move(directory)) {}

  void open();
  void call(unsigned kind, unsigned value);

 private:
  void append(std::size_t entries, std::size_t bytes, bool async);
  void fail_soon(unsigned value);
  void close();
  void crash(Crash kind);
  void check_replay();
  /// What the writer says of itself is a promise too.
  void note_durable() { durable_ = std::max(durable_, writer_->durable_entry_id().value); }
  void note_all_flushed(const Status& status) {
    if (status) flushed_ = submitted_.size();
  }

  WalOptions options_;
  std::shared_ptr<CrashDirectory> directory_;
  std::optional<Writer> writer_{};
  std::vector<std::string> submitted_{};  // [0] is entry 1
  std::vector<std::size_t> ends_{0};      // of batches
  std::size_t flushed_ = 0, durable_ = 0;
  unsigned made_ = 0;      // entries, so that no two are the same
  bool may_fail_ = false;  // an operation was told to
};

void World::append(std::size_t entries, std::size_t bytes, bool async) {
  std::vector<std::string> batch;
  for (std::size_t i = 0; i < entries; ++i) {
    batch.push_back("entry " + std::to_string(++made_) + ": ");
    batch.back().resize(batch.back().size() + bytes, static_cast<char>('a' + made_ % 26));
  }
  const auto ids =
      async ? writer_->append_batch_async(batch).map([](const Ticket& t) { return t.entry_id(); })
            : writer_->append_batch(batch).map([](EntryIdRange r) { return r.last; });
  if (!ids && !writer_->verdict().failure) return;  // no id was used
  submitted_.insert(submitted_.end(), batch.begin(), batch.end());
  ends_.push_back(submitted_.size());
  if (!ids) return;
  require(ids->value == submitted_.size(), "an append answered another id");
  if (async || options_.flush != FlushPolicy::every_append()) return;
  flushed_ = submitted_.size();
  if (options_.durability == Durability::durable) durable_ = submitted_.size();
}

void World::check_replay() {
  const auto reader = WalReader<std::string, BytesCodec>::open(directory_);
  if (!reader && reader.error().code == Errc::not_found && durable_ == 0 && flushed_ == 0) return;
  require_ok(reader, "a crashed log is not opened for reading");
  const auto records = reader->replay(ReplayMode::best_effort);
  require_ok(records, "a crashed log does not read");
  const std::size_t n = records->size();
  require(n >= durable_ && n >= flushed_, "acknowledged entries are gone");
  require(n <= submitted_.size(), "a phantom entry");
  require(std::find(ends_.begin(), ends_.end(), n) != ends_.end(), "half a batch");
  for (std::size_t i = 0; i < n; ++i) {
    const WalRecord<std::string>& record = (*records)[i];
    require(record.entry_id.value == i + 1 && record.payload == submitted_[i], "a wrong entry");
  }
}

void World::open() {
  auto opened = Writer::open(directory_, options_);
  if (!opened) {
    const Errc code = opened.error().code;
    const bool excused =
        may_fail_ && (code == Errc::io || code == Errc::no_space || code == Errc::poisoned);
    if (!excused) require_ok(opened, "a crashed log is not opened");
    return;
  }
  writer_.emplace(std::move(*opened));
  const std::size_t n = writer_->next_entry_id().value - 1;
  require(n >= durable_ && n >= flushed_ && n <= submitted_.size(), "open shows another log");
  submitted_.resize(n);
  while (ends_.back() > n) ends_.pop_back();
  require(ends_.back() == n, "open shows half a batch");
  flushed_ = durable_ = n;
}

void World::crash(Crash kind) {
  if (kind == Crash::power_cut) flushed_ = durable_;
  directory_ = directory_->crash(kind);
  writer_.reset();
  may_fail_ = false;
  check_replay();
}

void World::close() {
  if (writer_->close()) flushed_ = durable_ = submitted_.size();
  writer_.reset();
}

void World::fail_soon(unsigned value) {
  may_fail_ = true;
  const std::uint64_t operation = directory_->operation_count() + 1 + value % 16;
  if (value < 64) return directory_->cut_power_at(operation);
  directory_->fail_at(operation, value < 128 ? Errc::no_space : Errc::io);
}

void World::call(unsigned kind, unsigned value) {
  if (kind == 0) return crash(value % 2 == 0 ? Crash::power_cut : Crash::process_kill);
  if (kind == 1) return fail_soon(value);
  if (!writer_) return open();
  if (kind == 2) return close();
  if (kind == 3) return note_all_flushed(writer_->flush());
  if (kind == 4) return note_all_flushed(writer_->sync()), note_durable();
  if (kind == 5) return writer_->wait_durable(EntryId{value}).ignore("seen below"), note_durable();
  const std::size_t entries = kind < 12 ? 1 : 1 + value % 4;
  append(entries, kind % 4 == 3 ? 4 * value : value % 64, kind % 2 == 1);
  note_durable();
}

void run(Input input) {
  const std::uint8_t options = input.byte();
  const std::string_view rest = as_text(input.rest());
  const auto choices = std::make_shared<Choices>(Choices{std::string(rest)});
  World world(options,
              CrashDirectory::create({.pick = [choices](std::size_t n) { return (*choices)(n); }}));
  world.open();
  for (std::size_t i = 0; i + 1 < std::min<std::size_t>(rest.size(), 200); i += 2) {
    world.call(static_cast<std::uint8_t>(rest[i]) % 16, static_cast<std::uint8_t>(rest[i + 1]));
  }
  world.call(0, static_cast<unsigned>(rest.size()));
  world.open();
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({data, bytes});
  return 0;
}
