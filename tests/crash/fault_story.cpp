#include "crash/fault_story.hpp"

#include <algorithm>
#include <cerrno>

#include "walkit/testing/checked_directory.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::Fault;
using Writer = WalWriter<std::string, BytesCodec>;

constexpr int kTriesMax = 6;  // more than there are faults

class Teller {
 public:
  Teller(const Setup& setup, const std::vector<PlacedFault>& faults, FaultStory& story)
      : setup_(setup), given_(faults), story_(story) {
    story_.device = CrashDirectory::create({.seed = 1});
    faults_ = testing::FaultDirectory::create(story_.device);
    checked_ = testing::CheckedDirectory::create(faults_);
    for (const PlacedFault& placed : faults) {
      if (placed.read) {
        faults_->fail_read_at(placed.number, placed.fault);
      } else {
        faults_->fail_at(placed.number, placed.fault);
      }
    }
  }

  void run(const Trace& trace) {
    if (!open()) return;
    for (const Call call : trace) {
      if (!do_call(call)) break;
    }
    story_.operations = faults_->operation_count();
    story_.reads = faults_->read_count();
    story_.faults = faults_->fault_count();
    for (const std::string& violation : checked_->violations()) expect(false, violation);
    // A writer that is dropped closes; what is judged is the device as it was before.
    story_.device = story_.device->clone();
  }

 private:
  Model& model() { return story_.model; }

  bool expect(bool right, std::string what) {
    if (!right && story_.wrong.empty()) story_.wrong = std::move(what);
    return right;
  }

  // An error says what the device said, or that the writer is done for since.
  void expect_cause(const Error& error, const char* call) {
    const Error* cause = &error;
    Verdict verdict;
    if (error.code == Errc::poisoned && writer_) {
      verdict = writer_->verdict();
      if (!expect(verdict.failure.has_value(), "poisoned, and the verdict knows no failure"))
        return;
      cause = &*verdict.failure;
    }
    const bool given = std::any_of(given_.begin(), given_.end(), [&](const PlacedFault& placed) {
      const bool full = placed.fault == Fault::no_space || placed.fault == Fault::short_write;
      return cause->code == (full && !placed.read ? Errc::no_space : Errc::io);
    });
    expect(given && cause->os_error != 0 && !cause->next_step.empty(),
           std::string(call) + ": " + to_string(error));
  }

  bool open() {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      writer_.reset();
      auto opened = Writer::open(checked_, setup_.options());
      if (!opened) {
        ++story_.refused;
        expect_cause(opened.error(), "open");
        continue;
      }
      writer_.emplace(std::move(*opened));
      const std::size_t shown = (writer_->next_entry_id() - 1).value;
      const bool kept = shown >= model().acknowledged && shown <= model().submitted.size();
      if (!expect(kept, "open shows " + std::to_string(shown) + " entries")) return false;
      model().submitted.resize(shown);
      while (!model().ends.empty() && model().ends.back() > shown) model().ends.pop_back();
      model().acknowledged = shown;
      return true;
    }
    return expect(false, "it does not open again");
  }

  // The writer says that it is done for: what it vouches for is right, and it does nothing more.
  bool reopen_after(const Error& error) {
    ++story_.poisoned;
    expect_cause(error, "poisoned");
    const Verdict verdict = writer_->verdict();
    const std::size_t submitted = (writer_->next_entry_id() - 1).value;
    expect(verdict.durable_through.value >= durable_, "the verdict forgets durable entries");
    expect(verdict.in_doubt == EntryIdRange{verdict.durable_through + 1, EntryId{submitted}},
           "in doubt is " + to_string(verdict.in_doubt));
    const std::uint64_t operations = faults_->operation_count();
    const auto again = writer_->append("no more");
    expect(!again && (again.error().code == Errc::poisoned || again.error().code == Errc::closed),
           "it takes an entry after it was done for");
    expect(!writer_->sync().has_value(), "it syncs after it was done for");
    expect(!writer_->close().has_value(), "it closes in peace after it was done for");
    expect(faults_->operation_count() == operations, "it works after it was done for");
    return open();
  }

  bool do_call(Call call) {
    switch (call) {
      case Call::append:
        return append(1, 60);
      case Call::append_large:
        return append(1, 1700);
      case Call::batch:
        return append(3, 60);
      case Call::flush:
        return settle(writer_->flush(), Durability::flushed);
      case Call::sync:
        return settle(writer_->sync(), Durability::durable);
      case Call::reopen:
        return settle(writer_->close(), Durability::durable) && open();
    }
    return false;
  }

  bool settle(const Status& done, Durability level) {
    if (!done) {
      return expect(done.error().code == Errc::poisoned, to_string(done.error())) &&
             reopen_after(done.error());
    }
    if (level == Durability::durable || setup_.crash == Crash::process_kill) {
      acknowledge(model().submitted.size());
    }
    return true;
  }

  bool append(std::size_t entries, std::size_t bytes) {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      std::vector<std::string> batch;
      for (std::size_t i = 0; i < entries; ++i) {
        batch.push_back(std::to_string(model().submitted.size() + i) + ", written at operation " +
                        std::to_string(faults_->operation_count()));
        batch.back().resize(bytes, 'x');
      }
      const EntryId next = writer_->next_entry_id();
      const auto ids = writer_->append_batch(batch);
      const bool submitted = writer_->next_entry_id() != next;
      if (submitted) {
        model().submitted.insert(model().submitted.end(), batch.begin(), batch.end());
        model().ends.push_back(model().submitted.size());
      }
      if (ids) {
        expect(ids->first == next && ids->size() == entries, "ids " + to_string(*ids));
        const bool at_once = setup_.flush == FlushPolicy::every_append();
        if (at_once && setup_.durability == Durability::durable) acknowledge(ids->last.value);
        acknowledge(writer_->durable_entry_id().value);
        return true;
      }
      if (ids.error().code == Errc::poisoned) {
        if (!reopen_after(ids.error())) return false;
        if (submitted) return true;  // in doubt: it may be there, so it is not sent again
        continue;
      }
      ++story_.refused;
      expect_cause(ids.error(), "append");
      expect(!submitted, "an id was used for what was refused");
      expect(!writer_->verdict().failure, "refused, and yet the verdict has a failure");
    }
    return expect(false, "an append is refused for ever");
  }

  void acknowledge(std::size_t through) {
    model().acknowledged = std::max(model().acknowledged, through);
    durable_ = std::max<std::size_t>(durable_, writer_->durable_entry_id().value);
  }

  const Setup& setup_;
  const std::vector<PlacedFault>& given_;
  FaultStory& story_;
  std::shared_ptr<testing::FaultDirectory> faults_{};
  std::shared_ptr<testing::CheckedDirectory> checked_{};
  std::optional<Writer> writer_{};
  std::size_t durable_ = 0;
};

Status named(Status status, const char* state) {
  if (status) return status;
  Error error = std::move(status).error();
  error.message = std::string(state) + ": " + error.message;
  return error;
}

}  // namespace

FaultStory tell(const Setup& setup, const Trace& trace, const std::vector<PlacedFault>& faults) {
  FaultStory story;
  Teller(setup, faults, story).run(trace);
  return story;
}

Status judge(const FaultStory& story, const Setup& setup) {
  if (!story.wrong.empty()) return Error{.code = Errc::corrupt, .message = story.wrong};
  if (Status ok = check(story.device->clone(), setup, story.model); !ok) {
    return named(std::move(ok), "as it stands");
  }
  const auto killed = story.device->crash(Crash::process_kill);
  if (Status ok = check(killed->clone(), setup, story.model); !ok) {
    return named(std::move(ok), "after a kill");
  }
  return named(check(killed->crash(Crash::power_cut), setup, story.model), "after a power cut");
}

}  // namespace walkit::crash
