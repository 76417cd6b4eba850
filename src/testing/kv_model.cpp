#include "testing/kv_model.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace walkit::testing {

namespace {

using kv::Outcome;
using kv::Request;
using kv::Value;

// A decimal number of 64 bits, read by hand.
std::optional<std::int64_t> number_of(const std::string& text) {
  const bool is_negative = !text.empty() && text[0] == '-';
  const std::size_t begin = is_negative ? 1 : 0;
  if (text.size() == begin) return std::nullopt;
  __int128 number = 0;
  for (std::size_t n = begin; n < text.size(); ++n) {
    if (text[n] < '0' || text[n] > '9' || number > std::numeric_limits<std::int64_t>::max()) {
      return std::nullopt;
    }
    number = number * 10 + (text[n] - '0');
  }
  if (is_negative) number = -number;
  const auto value = static_cast<std::int64_t>(number);
  return value == number ? std::optional(value) : std::nullopt;
}

}  // namespace

Error kv_differs(std::string message) {
  return {.code = Errc::decode, .message = std::move(message)};
}

std::int64_t KvModel::erase_if(const std::function<bool(const std::string&, const Value&)>& goes) {
  return static_cast<std::int64_t>(
      std::erase_if(values_, [&](const auto& item) { return goes(item.first, item.second); }));
}

void KvModel::move_to(kv::Time time) {
  now_ = std::max(now_, time);
  if (now_ < next_end_) return;
  std::erase_if(leases_, [&](const auto& lease) { return lease.second <= now_; });
  erase_if([&](const std::string&, const Value& value) {
    return (value.expires_at && *value.expires_at <= now_) ||
           (value.lease != 0 && !leases_.contains(value.lease));
  });
  next_end_ = kv::Time::max();
  for (const auto& [lease, end] : leases_) next_end_ = std::min(next_end_, end);
  for (const auto& [key, value] : values_) {
    if (value.expires_at) next_end_ = std::min(next_end_, *value.expires_at);
  }
}

Outcome KvModel::write(const Request& request, const std::string& key, Value value) {
  Outcome outcome{.index = request.index};
  if (value.lease != 0 && !leases_.contains(value.lease)) {
    outcome.code = Outcome::not_found;
  } else {
    value.term = request.term;
    value.revision = request.index;
    if (value.expires_at) next_end_ = std::min(next_end_, *value.expires_at);
    values_[key] = std::move(value);
    move_to(now_);
  }
  const auto found = values_.find(key);
  outcome.revision = found == values_.end() ? 0 : found->second.revision;
  return outcome;
}

Outcome KvModel::add(const Request& request, const kv::Increment& increment) {
  const auto found = values_.find(increment.key);
  const auto before = found == values_.end() ? 0 : number_of(found->second.value);
  const __int128 sum = before ? static_cast<__int128>(*before) + increment.by : 0;
  const auto number = static_cast<std::int64_t>(sum);
  if (!before || number != sum) {
    return {Outcome::not_a_number, request.index, found->second.revision, 0};
  }
  Value value;
  if (found != values_.end()) value = found->second;
  value.value = std::to_string(number);
  Outcome outcome = write(request, increment.key, value);
  outcome.number = number;
  return outcome;
}

Outcome KvModel::decide(const Request& request) {
  Outcome outcome{.index = request.index};
  const auto revision_of = [&](const std::string& key) {
    return values_.contains(key) ? values_[key].revision : 0;
  };
  if (const auto* put = std::get_if<kv::Put>(&request.command)) {
    return write(request, put->key, {put->value, 0, 0, put->expires_at, put->lease});
  }
  if (const auto* erase = std::get_if<kv::Erase>(&request.command)) {
    outcome.number = static_cast<std::int64_t>(values_.erase(erase->key));
  } else if (const auto* range = std::get_if<kv::EraseRange>(&request.command)) {
    outcome.number = erase_if([&](const std::string& key, const Value&) {
      return key >= range->range.begin && (!range->range.end || key < *range->range.end);
    });
  } else if (const auto* swap = std::get_if<kv::CompareAndSwap>(&request.command)) {
    std::optional<std::string> there;
    if (values_.contains(swap->key)) there = values_[swap->key].value;
    if (there != swap->expected) {
      return {Outcome::mismatch, request.index, revision_of(swap->key), 0};
    }
    return write(request, swap->key, {swap->value, 0, 0, swap->expires_at, swap->lease});
  } else if (const auto* next = std::get_if<kv::PutIfRevision>(&request.command)) {
    if (revision_of(next->key) != next->revision) {
      return {Outcome::mismatch, request.index, revision_of(next->key), 0};
    }
    return write(request, next->key, {next->value, 0, 0, next->expires_at, next->lease});
  } else if (const auto* increment = std::get_if<kv::Increment>(&request.command)) {
    return add(request, *increment);
  } else if (const auto* grant = std::get_if<kv::Grant>(&request.command)) {
    const bool is_new = leases_.emplace(grant->lease, grant->expires_at).second;
    if (!is_new) outcome.code = Outcome::mismatch;
    if (is_new) next_end_ = std::min(next_end_, grant->expires_at);
  } else if (const auto* keep = std::get_if<kv::KeepAlive>(&request.command)) {
    const auto lease = leases_.find(keep->lease);
    if (lease == leases_.end()) return {Outcome::not_found, request.index, 0, 0};
    lease->second = std::max(lease->second, keep->expires_at);
  } else if (const auto* revoke = std::get_if<kv::Revoke>(&request.command)) {
    if (leases_.erase(revoke->lease) == 0) return {Outcome::not_found, request.index, 0, 0};
    outcome.number = erase_if(
        [&](const std::string&, const Value& value) { return value.lease == revoke->lease; });
  }
  return outcome;
}

Outcome KvModel::apply(const Request& request) {
  if (request.index <= index_) {
    const auto known = outcomes_.find(request.index);
    if (known != outcomes_.end()) return known->second;
    return {.code = Outcome::duplicate, .index = request.index};
  }
  const auto* tick = std::get_if<kv::Tick>(&request.command);
  move_to(tick ? std::max(tick->now, request.time) : request.time);
  const Outcome outcome = decide(request);
  move_to(now_);
  index_ = request.index;
  term_ = request.term;
  outcomes_.emplace(request.index, outcome);
  if (outcomes_.size() > kv::kOutcomesRemembered) outcomes_.erase(outcomes_.begin());
  return outcome;
}

std::vector<Outcome> KvModel::apply(const std::vector<Request>& chunk) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(chunk.size());
  for (const Request& request : chunk) outcomes.push_back(apply(request));
  return outcomes;
}

Status KvModel::compare(KvAdapter& machine) const {
  if (machine.last_index() != index_ || machine.last_term() != term_) {
    return kv_differs("it is at entry " + std::to_string(machine.last_index()) + " of term " +
                      std::to_string(machine.last_term()) + ", not " + std::to_string(index_) +
                      " of term " + std::to_string(term_));
  }
  auto value = values_.begin();
  kv::KeyRange range;
  for (bool more = true; more;) {
    kv::Page page = machine.scan(range, 100);
    if (page.revision != index_) return kv_differs("a page is of another moment");
    for (const auto& [key, found] : page.entries) {
      if (value == values_.end()) return kv_differs("key \"" + key + "\" should not be there");
      if (key != value->first || found != value->second) {
        return kv_differs("key \"" + key + "\" is \"" + found.value + "\" of entry " +
                          std::to_string(found.revision) + ", expected was \"" + value->first +
                          "\", \"" + value->second.value + "\" of entry " +
                          std::to_string(value->second.revision));
      }
      if (machine.find(key) != found) return kv_differs("find() and scan() differ");
      ++value;
    }
    more = page.next.has_value();
    if (more) range.begin = *page.next;
  }
  if (value != values_.end()) return kv_differs("key \"" + value->first + "\" is gone");
  for (const auto& [lease, end] : leases_) {
    if (machine.lease_end(lease) != end) return kv_differs("a lease ends at another time");
  }
  return {};
}

}  // namespace walkit::testing
