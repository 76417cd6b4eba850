#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "cli/output.hpp"
#include "cli/place.hpp"
#include "cli/report.hpp"

namespace walkit::cli {
namespace {

using Sync = AppendOptions::Sync;

constexpr std::uint64_t kBatchLinesMax = 4096;

// True: a read() would give bytes, or the end of the input, at once.
bool input_is_waiting() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) > 0;
}

// Turns stdin into entries and makes them safe, group by group.
class Appender {
 public:
  Appender(LogWriter& writer, const AppendOptions& options, const Entries& entries)
      : writer_(writer), options_(options), entries_(entries) {}

  Status run();
  [[nodiscard]] EntryIdRange safe() const { return safe_; }
  Output& output() { return output_; }

 private:
  Status take(std::string_view bytes);
  Status append_line();
  Status end_group();

  LogWriter& writer_;
  const AppendOptions& options_;
  const Entries& entries_;
  Output output_{};
  std::string line_{};      // without an end yet
  EntryIdRange waiting_{};  // appended, not safe yet
  EntryIdRange safe_{};
};

Status Appender::append_line() {
  Bytes encoded;
  if (entries_.encode) {
    auto bytes = entries_.encode(line_);
    if (!bytes) return bytes.error();
    encoded = std::move(*bytes);
  }
  const BytesView payload = entries_.encode ? BytesView(encoded) : as_bytes(line_);
  const auto ids = writer_.append({&payload, 1});
  if (!ids) return ids.error();
  line_.clear();
  if (waiting_.empty()) waiting_.first = ids->first;
  waiting_.last = ids->last;
  const bool full = options_.sync == Sync::each || waiting_.size() >= kBatchLinesMax;
  return full ? end_group() : Status{};
}

Status Appender::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (Status ok = append_line(); !ok) return ok;
  }
  // Without this a line without an end would fill the memory; append() says why it is refused.
  return line_.size() > writer_.max_entry_bytes() ? append_line() : Status{};
}

Status Appender::end_group() {
  if (waiting_.empty()) return {};
  Status ok;
  if (options_.sync == Sync::batch) ok = writer_.sync();
  if (options_.sync == Sync::none) ok = writer_.flush();
  if (!ok) return ok;
  if (safe_.empty()) safe_.first = waiting_.first;
  safe_.last = waiting_.last;
  if (options_.acks) {
    output_.write(options_.json ? line_of({{"acknowledged", json_of(waiting_)}})
                                : to_string(waiting_) + "\n");
    output_.flush();
  }
  waiting_ = {};
  return {};
}

Status Appender::run() {
  std::array<char, 64 << 10> buffer;
  for (;;) {
    if (!input_is_waiting()) {
      if (Status ok = end_group(); !ok) return ok;
    }
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int os_error = errno;
      if (Status ok = end_group(); !ok) return ok;
      return Error{.code = Errc::io, .message = "cannot read stdin", .os_error = os_error};
    }
    if (got == 0) break;
    if (Status ok = take({buffer.data(), static_cast<std::size_t>(got)}); !ok) {
      end_group().ignore("the error that stopped the input is told; what was safe stays safe");
      return ok;
    }
  }
  if (!line_.empty()) {
    if (Status ok = append_line(); !ok) return ok;
  }
  return end_group();
}

WalOptions wal_options(const AppendOptions& options, const Place& place) {
  WalOptions wal{.subdirectory = place.subdirectory};
  if (options.sync != Sync::each) wal.flush = FlushPolicy::manual();
  if (options.sync == Sync::none) wal.durability = Durability::flushed;
  return wal;
}

void tell_recovery(Report& report, const RecoveryReport& recovery) {
  report["recovery"] = json_of(recovery);
  const bool quiet = recovery.origin != RecoveryReport::Origin::crash &&
                     recovery.warnings.empty() && recovery.foreign_files.empty();
  if (!quiet) report.note(to_string(recovery));
  for (const Error& warning : recovery.warnings) report.warn(warning);
}

}  // namespace

ExitCode append(const AppendOptions& options, const Entries& entries) {
  Report report("append", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  report["entries"] = Json();
  const auto place = find_log(options.directory, FsAccess::create_if_missing);
  if (!place) return report.finish(report.fail(place.error()));
  const LogWriter::Contents lines{.codec = CodecId{BytesCodec::id}.value};
  auto writer = LogWriter::open(place->parent, wal_options(options, *place),
                                entries.contents.value_or(lines));
  if (!writer) return report.finish(report.fail(writer.error()));
  tell_recovery(report, writer->recovery());

  Appender appender(*writer, options, entries);
  const Status appended = appender.run();
  const Status closed = writer->close();
  const Status acknowledged = appender.output().finish();
  report["entries"] = json_of(appender.safe());
  ExitCode code = kIntact;
  for (const Status* status : {&appended, &closed, &acknowledged}) {
    if (!*status && code == kIntact) code = report.fail(status->error());
  }
  return report.finish(code, options.acks ? "" : to_string(appender.safe()) + "\n");
}

}  // namespace walkit::cli
