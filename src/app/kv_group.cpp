#include "app/kv_group.hpp"

#include <new>
#include <utility>

namespace walkit::kv {

namespace {

// Of its record, at most.
std::size_t bytes_of(const Command& command) {
  constexpr std::size_t kBesideTexts = 128;
  return std::visit(
      [](const auto& what) {
        std::size_t bytes = kBesideTexts;
        if constexpr (requires { what.key; }) bytes += what.key.size();
        if constexpr (requires { what.value; }) bytes += what.value.size();
        if constexpr (requires { what.range; }) {
          bytes += what.range.begin.size() + what.range.end.value_or("").size();
        }
        return bytes;
      },
      command);
}

}  // namespace

void ChunkGroups::wait_for(std::uint32_t group) const {
  const std::atomic<std::uint32_t>& over = over_[group % 2];
  for (std::uint32_t seen = over; static_cast<std::int32_t>(seen - group) < 0; seen = over) {
    over.wait(seen);
  }
}

Result<std::vector<Outcome>> ChunkGroups::apply(std::span<Command> commands, Time time) {
  std::size_t bytes = 0;
  for (const Command& command : commands) {  // one caller's mistake is not everybody's
    if (Status ok = validate(command); !ok) return std::move(ok).error();
    bytes += bytes_of(command);
  }
  Member me{.commands = commands, .time = time, .bytes = bytes};
  std::unique_lock lock(mutex_);
  const std::uint32_t group = group_;
  const bool is_first = first_ == nullptr;
  *last_ = &me;
  last_ = &me.next;
  lock.unlock();
  if (is_first) {
    wait_for(group - 1);
    lead(group);
  } else {
    wait_for(group);
  }
  if (!me.status) return std::move(me.status).error();
  return std::move(me.outcomes);
}

void ChunkGroups::lead(std::uint32_t group) {
  std::unique_lock lock(mutex_);
  Member* member = std::exchange(first_, nullptr);
  last_ = &first_;
  ++group_;
  lock.unlock();
  while (member != nullptr) {
    Member* const begin = member;
    std::size_t bytes = 0, count = 0;
    do {
      bytes += member->bytes;
      count += member->commands.size();
      member = member->next;
    } while (member != nullptr && bytes + member->bytes <= chunk_bytes_);
    apply_chunk(begin, member, count);
  }
  over_[group % 2] = group;  // from here on its members may be gone
  over_[group % 2].notify_all();
}

void ChunkGroups::apply_chunk(Member* first, const Member* end, std::size_t count) {
  Status failed;
  try {
    std::vector<Request> chunk;
    chunk.reserve(count);
    std::uint64_t index = machine_.last_index();
    const std::uint64_t term = machine_.last_term();
    for (Member* member = first; member != end; member = member->next) {
      member->outcomes.reserve(member->commands.size());
      for (Command& command : member->commands) {
        chunk.push_back({++index, std::move(command), term, member->time});
      }
    }
    auto outcomes = machine_.apply(chunk);
    if (outcomes) {
      auto outcome = outcomes->begin();
      for (Member* member = first; member != end; member = member->next) {
        for (std::size_t n = 0; n < member->commands.size(); ++n) {
          member->outcomes.push_back(*outcome++);
        }
      }
      return;
    }
    failed = std::move(outcomes).error();
  } catch (const std::bad_alloc&) {
    failed = Error{.code = Errc::no_memory, .message = "out of memory"};
  }
  for (Member* member = first; member != end; member = member->next) {
    member->status = copy_of(failed.error());
  }
}

}  // namespace walkit::kv
