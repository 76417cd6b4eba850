#include "app/raft_leadership.hpp"

#include <new>
#include <string>
#include <utility>

#include "app/shared_log.hpp"

namespace walkit::raft {

namespace {

Error over_in(std::uint64_t term) noexcept try {
  return {.code = Errc::closed,
          .message = "the leadership of term " + std::to_string(term) + " is over",
          .next_step = "hand the command to the new leader, or begin again with lead()"};
} catch (const std::bad_alloc&) {
  return {.code = Errc::closed};
}

}  // namespace

Ended::~Ended() {
  for (auto& [index, pending] : waiting_) {
    if (pending.done) pending.done(copy_of(why_));
  }
}

Leadership::Core::~Core() { const Ended ended(std::move(waiting), over_in(term)); }

Result<Leadership> Group::lead(const std::shared_ptr<Group>& self, std::uint64_t term) try {
  Ended ended;
  const std::lock_guard lock(mutex_);
  if (Status ok = usable(); !ok) return std::move(ok).error();
  if (term != hard_.term || term == 0) {
    return invalid("a leader of term " + std::to_string(term) + " in term " +
                   std::to_string(hard_.term) + ": save the term first");
  }
  if (known_term(last()).value_or(0) > term) {
    return invalid("a leader of term " + std::to_string(term) + ", where the last entry is of " +
                   std::to_string(*known_term(last())));
  }
  ended = end_leadership();
  auto core = std::make_shared<Leadership::Core>(self, term, last() + 1);
  leader_ = core;
  return Leadership(std::move(core));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Ended Group::end_leadership() {
  const auto leader = leader_.lock();
  leader_.reset();
  return leader ? leader->end(over_in(leader->term)) : Ended();
}

Ended Leadership::Core::end(const Error& why) noexcept {
  is_over = true;
  for (auto& [index, pending] : waiting) {
    if (pending.waiter != nullptr) pending.waiter->answer = Result<Ticket>(copy_of(why));
  }
  told.notify_all();
  return {std::exchange(waiting, {}), copy_of(why)};
}

Ended Group::end(Leadership::Core& leader, const Error& why) {
  const std::lock_guard lock(leader.group->mutex_);
  return leader.end(why);
}

void Leadership::Core::enter(std::vector<Entered>& entered, Ended& ended) {
  while (!waiting.empty() && waiting.begin()->first == to_enter) {
    Pending& pending = waiting.begin()->second;
    const EntryBytes entry{to_enter, term, pending.kind, pending.payload};
    auto ticket = group->enter(entry);
    if (!ticket) {  // a later index would leave a hole
      ended = end(ticket.error());
      return;
    }
    if (pending.waiter != nullptr) {
      pending.waiter->answer = *ticket;
      told.notify_all();
    }
    if (pending.done) entered.push_back({to_enter, std::move(*ticket), std::move(pending.done)});
    waiting.erase(waiting.begin());
    ++to_enter;
  }
}

void Leadership::Core::tell(std::vector<Entered>& entered) {
  for (Entered& one : entered) {
    one.ticket.on_durable([done = std::move(one.done), index = one.index](Status status) {
      if (status) return done(index);
      done(std::move(status).error());
    });
  }
}

Status Leadership::Core::add(std::uint64_t index, Pending pending, std::vector<Entered>& entered,
                             Ended& ended) {
  if (is_over) return over_in(term);
  if (index < to_enter || index >= next.load() || waiting.contains(index)) {
    return invalid("index " + std::to_string(index) + " was not reserved, or is complete already");
  }
  if (pending.kind < EntryKind::command || pending.kind > EntryKind::configuration) {
    return invalid("an entry of no kind");
  }
  entered.reserve(waiting.size() + 1);
  waiting.emplace(index, std::move(pending));
  enter(entered, ended);
  return {};
}

std::uint64_t Leadership::term() const { return core_->term; }

std::uint64_t Leadership::reserve() const noexcept { return core_->next.fetch_add(1); }

namespace {

Error too_large(std::uint64_t index, std::size_t bytes, std::uint32_t bytes_max) {
  return {.code = Errc::too_large,
          .message = "a command of " + std::to_string(bytes) + " bytes; " +
                     std::to_string(bytes_max) + " is the limit. Index " + std::to_string(index) +
                     " is a noop",
          .next_step = "raise WalOptions::max_entry_bytes on all servers, or split the command"};
}

}  // namespace

Result<std::uint64_t> Leadership::complete(std::uint64_t index, EntryKind kind,
                                           BytesView payload) const try {
  const std::uint32_t bytes_max = core_->group->max_command_bytes();
  if (payload.size() > bytes_max) {
    abandon(index);
    return too_large(index, payload.size(), bytes_max);
  }
  Waiter waiter;
  std::vector<Core::Entered> entered;
  {
    Ended ended;
    std::unique_lock lock(core_->group->mutex_);
    Pending pending{.kind = kind, .payload = Bytes(payload.begin(), payload.end())};
    pending.waiter = &waiter;
    if (Status ok = core_->add(index, std::move(pending), entered, ended); !ok) {
      return std::move(ok).error();
    }
    core_->told.wait(lock, [&] { return waiter.answer.has_value(); });
  }
  Core::tell(entered);
  if (!*waiter.answer) return std::move(*waiter.answer).error();
  if (Status ok = (*waiter.answer)->wait(); !ok) return std::move(ok).error();
  return index;
} catch (const std::bad_alloc&) {
  abandon(index);
  return no_memory();
}

Status Leadership::complete_async(std::uint64_t index, EntryKind kind, BytesView payload,
                                  Done done) const try {
  const std::uint32_t bytes_max = core_->group->max_command_bytes();
  if (payload.size() > bytes_max) {
    abandon(index);
    return too_large(index, payload.size(), bytes_max);
  }
  std::vector<Core::Entered> entered;
  Pending pending{
      .kind = kind, .payload = Bytes(payload.begin(), payload.end()), .done = std::move(done)};
  {
    Ended ended;
    const std::lock_guard lock(core_->group->mutex_);
    Status ok = core_->add(index, std::move(pending), entered, ended);
    if (!ok) return ok;
  }
  Core::tell(entered);
  return {};
} catch (const std::bad_alloc&) {
  abandon(index);
  return no_memory();
}

void Leadership::abandon(std::uint64_t index) const noexcept {
  try {
    std::vector<Core::Entered> entered;
    {
      Ended ended;
      const std::lock_guard lock(core_->group->mutex_);
      core_->add(index, {.kind = EntryKind::noop}, entered, ended)
          .ignore("over, so that nobody waits behind it");
    }
    Core::tell(entered);
  } catch (const std::bad_alloc&) {
    // Without memory for it nothing can come behind it: those who wait must not wait for ever.
    const Ended ended = Group::end(*core_, no_memory());
  }
}

}  // namespace walkit::raft
