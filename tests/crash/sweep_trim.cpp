#include <algorithm>

#include "crash/sweeps.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;
using Image = std::shared_ptr<CrashDirectory>;

constexpr std::uint64_t kSegments = 5, kEach = 3, kEntries = kSegments * kEach;
constexpr EntryId kKeep{11}, kTrimmedTo{10};
constexpr int kSamples = 4;

Error found(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

std::string text_of(std::uint64_t id) { return "entry number " + std::to_string(id); }

/// One life for each segment; the last one is closed, or killed with all of it durable.
Image make_log() {
  const auto directory = CrashDirectory::create({.seed = 5});
  for (std::uint64_t life = 0; life < kSegments; ++life) {
    auto writer = Writer::open(directory).value();
    for (std::uint64_t n = 1; n <= kEach; ++n) writer.append(text_of(life * kEach + n)).value();
    writer.close().value();
  }
  return directory->crash(Crash::power_cut);
}

std::vector<std::string> segments_of(const Image& image) {
  auto files = image->list_files();
  std::erase_if(files, [](const std::string& f) { return !f.ends_with(".wal"); });
  return files;
}

/// How a log is trimmed: with no writer, or by one, which appends before.
enum class How { offline, live };
struct Outcome {
  bool trimmed = false;           // the call said so
  std::uint64_t last = kEntries;  // acknowledged
};

Outcome trim(const Image& image, How how) {
  Outcome outcome;
  if (how == How::offline) {
    const auto care = WalMaintenance::open(image);
    outcome.trimmed = care && care->trim_before(kKeep).has_value();
    return outcome;
  }
  auto writer = Writer::open(image);
  if (!writer) return outcome;
  if (writer->append(text_of(outcome.last + 1))) ++outcome.last;
  outcome.trimmed = writer->maintenance().trim_before(kKeep).has_value();
  if (outcome.trimmed && writer->append(text_of(outcome.last + 1))) ++outcome.last;
  return outcome;
}

/// All that was acknowledged, byte for byte, from where the log was trimmed to, or from 1.
Status check_entries(const Image& image, const Outcome& outcome) {
  const auto reader = Reader::open(image);
  if (!reader) return reader.error();
  const auto records = reader->replay(ReplayMode::best_effort);
  if (!records) return records.error();
  if (records->empty()) return found("no entries are left");
  const EntryId first = records->front().entry_id;
  const bool expected = first == kTrimmedTo || (!outcome.trimmed && first == EntryId{1});
  if (!expected) return found("the log begins with " + to_string(first));
  for (std::size_t i = 0; i < records->size(); ++i) {
    const auto& record = records->at(i);
    const bool right =
        record.entry_id == first + i && record.payload == text_of(record.entry_id.value);
    if (!right) return found("not what was written: " + to_string(first + i));
  }
  if (records->back().entry_id.value >= outcome.last) return {};
  return found("the log ends with " + to_string(records->back().entry_id));
}

/// What was removed and is known to be, stays removed; what was not, the next open sweeps.
Status check_names(const Image& image, const Outcome& outcome, std::vector<std::string> old) {
  old.resize(kKeep.value / kEach);  // those that go
  const auto is_there = [&](const std::string& file) {
    const auto files = segments_of(image);
    return std::find(files.begin(), files.end(), file) != files.end();
  };
  for (const std::string& file : old) {
    if (outcome.trimmed && is_there(file)) return found(file + " is back");
  }
  const auto reader = Reader::open(image);
  if (!reader) return reader.error();
  const bool begins_later = !reader->read(EntryId{1}).has_value();
  auto writer = Writer::open(image);
  if (!writer) return writer.error();
  for (const std::string& file : old) {
    if (begins_later && is_there(file)) return found(file + " is left for ever");
  }
  const EntryId next = writer->next_entry_id();
  const auto id = writer->append(text_of(next.value));
  if (!id) return id.error();
  if (Status ok = writer->close(); !ok) return ok;
  return check_entries(image, {.last = next.value});
}

/// Without MANIFEST only what was trimmed counts as lost, and nothing behind it.
Status check_without_manifest(const Image& image) {
  if (!image->remove_file("wal/MANIFEST")) return {};
  const auto care = WalMaintenance::open(image);
  if (!care) return care.error();
  const auto report = care->verify();
  if (!report) return report.error();
  for (const Error& damage : report->damage) {
    if (damage.lost.empty() || damage.lost.first == EntryId{1}) continue;
    return found("files were removed out of order: " + to_string(damage));
  }
  return {};
}

Status cut_each_operation(const Image& log, How how, std::uint64_t& states) {
  const auto old = segments_of(log);
  for (std::uint64_t at = 1;; ++at) {
    const auto cut = log->clone();
    cut->cut_power_at(at);
    const Outcome outcome = trim(cut, how);
    for (int sample = 0; sample < kSamples; ++sample) {
      ++states;
      const auto left = cut->crash(sample == 0 ? Crash::process_kill : Crash::power_cut);
      // A power cut brings back any of those whose names were not synced.
      Status ok = sample == 0 ? check_without_manifest(left->clone()) : Status{};
      if (ok) ok = check_entries(left, outcome);
      if (ok) ok = check_names(left, outcome, old);
      if (!ok) {
        Error error = ok.error();
        error.message += " (power lost at operation " + std::to_string(at) + " of a trim)";
        return error;
      }
    }
    if (cut->operation_count() < at) return {};
  }
}

/// Behind a trim the power goes at each operation of a life that appends.
Status cut_next_life(const Image& log, std::uint64_t& states) {
  const auto trimmed = log->clone();
  Outcome outcome = trim(trimmed, How::offline);
  const auto begin = trimmed->crash(Crash::power_cut);
  for (std::uint64_t at = 1;; ++at) {
    const auto cut = begin->clone();
    cut->cut_power_at(at);
    if (auto writer = Writer::open(cut)) writer->append(text_of(kEntries + 1)).ignore("cut");
    for (int sample = 0; sample < kSamples; ++sample) {
      ++states;
      if (Status ok = check_entries(cut->crash(Crash::power_cut), outcome); !ok) return ok;
    }
    if (cut->operation_count() < at) return {};
  }
}

}  // namespace

Status sweep_trims(std::uint64_t& states) {
  const Image log = make_log();
  for (const How how : {How::offline, How::live}) {
    if (Status ok = cut_each_operation(log, how, states); !ok) return ok;
  }
  return cut_next_life(log, states);
}

}  // namespace walkit::crash
