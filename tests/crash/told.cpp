#include "crash/told.hpp"

#include <algorithm>
#include <optional>

#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using Writer = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;

Error violation(std::string message) {
  return {.code = Errc::corrupt, .message = std::move(message)};
}

// What a reader sees: an error, or so many entries; wrong: which one nobody submitted.
struct Seen {
  std::optional<Error> refusal{};
  std::size_t entries = 0;
  std::string wrong{};
};

Seen read_all(const std::shared_ptr<Directory>& directory, const Model& model) {
  Seen seen;
  const auto reader = Reader::open(directory);
  if (!reader) return {.refusal = reader.error()};
  const auto summary =
      reader->replay_each(ReplayMode::best_effort, [&](const WalRecord<std::string>& record) {
        const std::size_t n = ++seen.entries;
        const bool right = record.entry_id.value == n && n <= model.submitted.size() &&
                           record.payload == model.submitted[n - 1];
        if (!right) seen.wrong = "entry " + std::to_string(n) + " is none that was submitted";
        return right ? Step::next : Step::stop;
      });
  if (!summary) seen.refusal = summary.error();
  return seen;
}

Status check_names_what(const Error& error) {
  // That there is no log at all is said of the folder that was asked for.
  if (!error.file.empty() || !error.lost.empty() || error.code == Errc::not_found) return {};
  return violation("a refusal that names neither file nor ids: " + to_string(error));
}

bool is_older_state(const Model& model, std::size_t n) {
  return n == 0 || std::ranges::count(model.closes, n) > 0;
}

// Behind what open showed, the log goes on.
Status check_goes_on(Writer writer, const std::shared_ptr<Directory>& directory, std::size_t n) {
  const auto id = writer.append("behind it all");
  if (!id) return id.error();
  if (id->value != n + 1) return violation("the next id was " + walkit::to_string(*id));
  if (Status ok = writer.close(); !ok) return ok;
  const auto reader = Reader::open(directory);
  if (!reader) return reader.error();
  const auto summary = reader->replay_each(
      ReplayMode::strict, [](const WalRecord<std::string>&) { return Step::next; });
  if (!summary) return summary.error();
  if (summary->entries.last == *id) return {};
  return violation("replay ends at " + walkit::to_string(summary->entries.last));
}

}  // namespace

Status check_is_told(const std::shared_ptr<Directory>& directory, const Setup& setup,
                     const Model& model, ToldTotals& totals) {
  const Seen seen = read_all(directory, model);
  if (!seen.wrong.empty()) return violation(seen.wrong);
  if (seen.refusal) {
    if (Status ok = check_names_what(*seen.refusal); !ok) return ok;
  }
  auto writer = Writer::open(directory, setup.options());
  if (!writer) {
    ++totals.refused;
    return check_names_what(writer.error());
  }
  // Open looks at the newest segments only; what it passes over replay must find.
  const std::size_t n = (writer->next_entry_id() - 1).value;
  const bool nothing_was = seen.refusal && seen.refusal->code == Errc::not_found && n == 0;
  if (seen.refusal && !nothing_was) {
    ++totals.refused;
    return {};
  }
  if (n != seen.entries) {
    return violation("replay saw " + std::to_string(seen.entries) + " entries, open " +
                     std::to_string(n));
  }
  if (n >= model.acknowledged) {
    ++totals.same;
  } else if (writer->recovery().origin == RecoveryReport::Origin::crash) {
    ++totals.reported;
  } else if (is_older_state(model, n)) {
    ++totals.rolled_back;
  } else {
    return violation("in silence there are " + std::to_string(n) + " entries, acknowledged were " +
                     std::to_string(model.acknowledged));
  }
  return check_goes_on(std::move(*writer), directory, n);
}

}  // namespace walkit::crash
