#include "crash/workload.hpp"

#include <algorithm>
#include <cstdlib>

#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;

constexpr std::size_t kCalls = 6;
constexpr int kRefusedCalls = 2;  // asked of a writer that is done for
constexpr std::size_t kLargeBytes = 1700, kSmallBytes = 60, kBatchEntries = 3;

Error violation(std::string message) {
  return {.code = Errc::corrupt, .message = std::move(message)};
}

std::string payload(unsigned life, std::size_t place, std::size_t bytes) {
  std::string text = "life " + std::to_string(life) + " entry " + std::to_string(place) + ":";
  std::uint64_t state = life * 0x9e3779b97f4a7c15u + place;
  // The second half repeats the first, so that there is something to compress, and a compressed
  // frame still spans sectors.
  while (text.size() < bytes) {
    if (text.size() >= bytes / 2 + 16) {
      text += text[text.size() - bytes / 2];
      continue;
    }
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += static_cast<char>(state >> 56);
  }
  return text;
}

// After a crash the log holds n entries: what was beyond may be submitted anew, differently.
void cut_model(Model& model, std::size_t n) {
  model.submitted.resize(n);
  while (!model.ends.empty() && model.ends.back() > n) model.ends.pop_back();
  model.acknowledged = n;
}

// One life of a writer, and the bookkeeping of what it vouched for.
class Life {
 public:
  Life(std::shared_ptr<Directory> directory, const Setup& setup, Model& model, unsigned life)
      : directory_(std::move(directory)), setup_(setup), model_(model), life_(life) {}

  bool open() {
    auto opened = Writer::open(directory_, setup_.options());
    if (!opened) return false;
    writer_.emplace(std::move(*opened));
    // What open shows is promised; what it does not show is gone for good.
    const std::size_t shown = (writer_->next_entry_id() - 1).value;
    if (shown >= model_.acknowledged && shown <= model_.submitted.size()) cut_model(model_, shown);
    // The life before may have failed at its very end, with the mark of a clean one written.
    const bool clean = writer_->recovery().origin == RecoveryReport::Origin::clean_close;
    if (clean) model_.closes.push_back(shown);
    return true;
  }

  bool close() {
    const std::size_t accepted = (writer_->next_entry_id() - 1).value;
    if (!writer_->close()) return false;
    model_.closes.push_back(accepted);
    return durable(accepted);
  }

  bool call(Call call) {
    switch (call) {
      case Call::append:
        return append(1, kSmallBytes);
      case Call::append_large:
        return append(1, kLargeBytes);
      case Call::batch:
        return append(kBatchEntries, kSmallBytes);
      case Call::flush:
        return writer_->flush() && flushed();
      case Call::sync:
        return writer_->sync() && durable(model_.submitted.size());
      case Call::reopen:
        return close() && open();
    }
    return false;
  }

 private:
  bool append(std::size_t entries, std::size_t bytes) {
    std::vector<std::string> batch;
    for (std::size_t i = 0; i < entries; ++i) {
      batch.push_back(payload(life_, model_.submitted.size() + i, bytes));
    }
    model_.submitted.insert(model_.submitted.end(), batch.begin(), batch.end());
    model_.ends.push_back(model_.submitted.size());
    const auto ids = writer_->append_batch(batch);
    if (!ids && ids.error().code != Errc::poisoned) {
      // Refused before an id was used: there was no room, and no frame was touched.
      model_.submitted.resize(model_.submitted.size() - entries);
      model_.ends.pop_back();
    }
    if (!ids) return false;
    if (ids->last.value != model_.submitted.size()) {
      model_.wrong = "entry " + std::to_string(model_.submitted.size()) + " got id " +
                     walkit::to_string(ids->last);
    }
    const bool every_append = setup_.flush == FlushPolicy::every_append();
    if (every_append && setup_.durability == Durability::durable) durable(ids->last.value);
    if (every_append) flushed();
    // What the writer says of itself is a promise too.
    return durable(writer_->durable_entry_id().value);
  }
  bool flushed() {
    if (setup_.crash == Crash::process_kill) durable(model_.submitted.size());
    return true;
  }
  bool durable(std::size_t through) {
    model_.acknowledged = std::max(model_.acknowledged, through);
    return true;
  }

  std::shared_ptr<Directory> directory_;
  const Setup& setup_;
  Model& model_;
  unsigned life_;
  std::optional<Writer> writer_{};
};

Status check_ends(const Model& model, std::size_t n) {
  const bool whole =
      n == 0 || std::find(model.ends.begin(), model.ends.end(), n) != model.ends.end();
  if (whole) return {};
  return violation("entry " + std::to_string(n) + " ends the log inside a batch");
}

// Appends behind what recovery left, closes, and reads it all back.
Status check_goes_on(const std::shared_ptr<Directory>& directory, const Setup& setup, Model model) {
  auto writer = Writer::open(directory, setup.options());
  if (!writer) return writer.error();
  model.submitted.push_back(payload(77, model.submitted.size(), kSmallBytes));
  model.ends.push_back(model.submitted.size());
  const auto id = writer->append(model.submitted.back());
  if (!id) return id.error();
  if (id->value != model.submitted.size())
    return violation("the next id was " + walkit::to_string(*id));
  if (Status ok = writer->close(); !ok) return ok;
  model.acknowledged = model.submitted.size();
  const auto n = check_replay(directory, model, ReplayMode::strict);
  return n ? Status{} : Status(n.error());
}

}  // namespace

std::string to_string(const Trace& trace) {
  constexpr const char* kNames[kCalls] = {"append", "append_large", "batch",
                                          "flush",  "sync",         "reopen"};
  std::string text = "open";
  for (const Call call : trace) text += std::string(", ") + kNames[static_cast<int>(call)];
  return text;
}

std::size_t trace_count(std::size_t calls) {
  std::size_t count = 1;
  while (calls-- > 0) count *= kCalls;
  return count;
}

Trace nth_trace(std::size_t n, std::size_t calls) {
  Trace trace;
  for (; calls > 0; --calls, n /= kCalls) trace.push_back(static_cast<Call>(n % kCalls));
  return trace;
}

WalOptions Setup::options() const {
  WalOptions options;
  options.flush = flush;
  options.durability = durability;
  options.layout = layout;
  options.preallocation = preallocation;
  options.segment_bytes = segment_bytes;
  options.compression = compression;
  return options;
}

Model run(const std::shared_ptr<Directory>& directory, const Setup& setup, const Trace& trace,
          Model model, unsigned life) {
  Life writer(directory, setup, model, life);
  if (!writer.open()) return model;
  int refused = 0;
  for (const Call call : trace) {
    if (!writer.call(call) && ++refused > kRefusedCalls) break;
  }
  writer.close();  // as its end would
  return model;
}

Result<std::size_t> check_replay(const std::shared_ptr<Directory>& directory, const Model& model,
                                 ReplayMode mode) {
  if (!model.wrong.empty()) return violation(model.wrong);
  const auto reader = Reader::open(directory);
  if (!reader) {
    const bool never_was = reader.error().code == Errc::not_found && model.acknowledged == 0;
    if (never_was) return std::size_t{0};
    return reader.error();
  }
  std::size_t n = 0;
  std::string wrong;
  const auto summary = reader->replay_each(mode, [&](const WalRecord<std::string>& record) {
    if (record.entry_id.value != ++n) {
      wrong = "ids are not contiguous";
    } else if (n > model.submitted.size()) {
      wrong = "a phantom entry";
    } else if (record.payload != model.submitted[n - 1]) {
      wrong = "bytes of an entry differ";
    }
    return wrong.empty() ? Step::next : Step::stop;
  });
  if (!summary) return summary.error();
  if (!wrong.empty()) return violation(wrong + " at " + std::to_string(n));
  if (n < model.acknowledged) {
    return violation("acknowledged " + std::to_string(model.acknowledged) + ", there are " +
                     std::to_string(n));
  }
  return n;
}

Status check(const std::shared_ptr<Directory>& directory, const Setup& setup, const Model& before) {
  Model model = before;
  const auto read = check_replay(directory, model, ReplayMode::best_effort);
  if (!read) return read.error();
  if (Status ok = check_ends(model, *read); !ok) return ok;
  {
    auto writer = Writer::open(directory, setup.options());
    if (!writer) return writer.error();
    const std::size_t opened = (writer->next_entry_id() - 1).value;
    if (opened != *read) {
      return violation("replay saw " + std::to_string(*read) + " entries, open " +
                       std::to_string(opened));
    }
    cut_model(model, opened);
    // What open showed is promised: it survives the next power cut, with the writer still there.
    if (const auto simulated = std::dynamic_pointer_cast<CrashDirectory>(directory)) {
      const auto next_boot = simulated->clone()->crash(Crash::power_cut);
      const auto kept = check_replay(next_boot, model, ReplayMode::best_effort);
      if (!kept) return kept.error();
    }
    // A writer that is only dropped would close cleanly; the crash takes it instead.
    if (const auto simulated = std::dynamic_pointer_cast<CrashDirectory>(directory)) {
      return check_goes_on(simulated->crash(Crash::process_kill), setup, model);
    }
  }
  return check_goes_on(directory, setup, model);
}

Status check_crashes_in_recovery(const std::shared_ptr<CrashDirectory>& image, const Setup& setup,
                                 const Model& model) {
  for (std::uint64_t point = 1;; ++point) {
    const auto boot = image->clone();
    boot->cut_power_at(point);
    const bool opened = Writer::open(boot, setup.options()).has_value();
    if (boot->operation_count() < point) return {};
    // The handle above is gone, but its power was cut: it closed nothing.
    Model left = model;
    if (opened) continue;
    if (Status ok = check(boot->crash(setup.crash), setup, left); !ok) {
      Error error = ok.error();
      error.message += " (crashed at operation " + std::to_string(point) + " of recovery)";
      return error;
    }
  }
}

std::uint64_t from_environment(const char* variable, std::uint64_t ordinary) {
  const char* value = std::getenv(variable);
  return value == nullptr ? ordinary : std::strtoull(value, nullptr, 10);
}

}  // namespace walkit::crash
