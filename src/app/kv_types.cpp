#include "walkit/app/kv_types.hpp"

#include <type_traits>

#include "app/kv_record.hpp"

namespace walkit::kv {

namespace {

Error refused(std::string why) {
  return {.code = Errc::invalid_argument,
          .message = std::move(why),
          .next_step = "nothing of its chunk was applied; fix the command"};
}

bool is_time(Time time, std::int64_t least) {
  return time.count() >= least && time.count() <= kTimeMax;
}

// A key or an end of a range, whatever the command.
Status check_key(const std::string& key) {
  if (key.size() <= kKeyBytesMax) return {};
  Error error = refused("a key of " + std::to_string(key.size()) + " bytes; at most " +
                        std::to_string(kKeyBytesMax));
  error.code = Errc::too_large;
  return error;
}

template <class C>
Status check(const C& command) {
  if constexpr (requires { command.key; }) {
    if (Status ok = check_key(command.key); !ok) return ok;
  }
  if constexpr (requires { *command.expires_at; }) {
    if (command.expires_at && !is_time(*command.expires_at, 1)) {
      return refused("expires_at: above 0, at most 2^62");
    }
  }
  if constexpr (std::is_same_v<C, EraseRange>) {
    if (Status ok = check_key(command.range.begin); !ok) return ok;
    if (command.range.end) {
      if (Status ok = check_key(*command.range.end); !ok) return ok;
    }
  }
  if constexpr (std::is_same_v<C, Grant> || std::is_same_v<C, KeepAlive>) {
    if (command.lease == 0) return refused("a lease has an id above 0");
    if (!is_time(command.expires_at, 1)) return refused("expires_at: above 0, at most 2^62");
  }
  if constexpr (std::is_same_v<C, Tick>) {
    if (!is_time(command.now, 0)) return refused("now: 0 to 2^62");
  }
  return {};
}

}  // namespace

KeyRange with_prefix(std::string_view prefix) {
  KeyRange range{.begin = std::string(prefix)};
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return range;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  range.end = std::move(end);
  return range;
}

Status validate(const Command& command) {
  if (command.valueless_by_exception()) return refused("no command");
  return std::visit([](const auto& what) { return check(what); }, command);
}

Status validate(const Request& request) {
  Status ok = validate(request.command);
  if (request.index == 0 || request.index > kIndexMax) ok = refused("an index is 1 to 2^62");
  if (!is_time(request.time, 0)) ok = refused("time: 0 to 2^62");
  if (!ok) {
    ok.error().message = "entry " + std::to_string(request.index) + ": " + ok.error().message;
  }
  return ok;
}

}  // namespace walkit::kv
