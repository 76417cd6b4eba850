#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "cli/output.hpp"
#include "cli/place.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::cli {
namespace {

using Writer = WalWriter<std::string, BytesCodec>;
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
  Appender(Writer& writer, const AppendOptions& options, std::uint32_t line_bytes_max)
      : writer_(writer), options_(options), line_bytes_max_(line_bytes_max) {}

  Status run();
  [[nodiscard]] EntryIdRange safe() const { return safe_; }
  Output& output() { return output_; }

 private:
  Status take(std::string_view bytes);
  Status append_line();
  Status end_group();

  Writer& writer_;
  const AppendOptions& options_;
  const std::uint32_t line_bytes_max_;
  Output output_{};
  std::string line_{};      // without an end yet
  EntryIdRange waiting_{};  // appended, not safe yet
  EntryIdRange safe_{};
};

Status Appender::append_line() {
  const auto id = writer_.append(line_);
  if (!id) return id.error();
  line_.clear();
  if (waiting_.empty()) waiting_.first = *id;
  waiting_.last = *id;
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
  return line_.size() > line_bytes_max_ ? append_line() : Status{};
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
    output_.write(to_string(waiting_) + "\n");
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

void tell_recovery(const RecoveryReport& report) {
  const bool quiet = report.origin != RecoveryReport::Origin::crash && report.warnings.empty() &&
                     report.foreign_files.empty();
  if (!quiet) say(to_string(report));
  for (const Error& warning : report.warnings) say(to_string(warning));
}

}  // namespace

ExitCode append(const AppendOptions& options) {
  const auto place = find_log(options.directory, FsAccess::create_if_missing);
  if (!place) return fail(place.error());
  const WalOptions wal = wal_options(options, *place);
  auto writer = Writer::open(place->parent, wal);
  if (!writer) return fail(writer.error());
  tell_recovery(writer->recovery());

  Appender appender(*writer, options, wal.max_entry_bytes);
  const Status appended = appender.run();
  const Status closed = writer->close();
  if (!options.acks) appender.output().write(to_string(appender.safe()) + "\n");
  const Status printed = appender.output().finish();
  for (const Status* status : {&appended, &closed, &printed}) {
    if (!*status) return fail(status->error());
  }
  return kIntact;
}

}  // namespace walkit::cli
