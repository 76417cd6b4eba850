#include "app/kv_data.hpp"

#include <algorithm>
#include <utility>

namespace walkit::kv {

namespace {

constexpr char kKey = 'k', kLease = 'l';

// Numbers as texts of the same order.
std::string sortable(std::uint64_t value) {
  std::string text(8, '\0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 8) {
    *at = static_cast<char>(value & 0xff);
  }
  return text;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string due_mark(std::int64_t end, char kind, std::string_view what) {
  return sortable(static_cast<std::uint64_t>(end)).append(1, kind).append(what);
}

std::string attached_mark(std::uint64_t lease, std::string_view key) {
  return sortable(lease).append(key);
}

}  // namespace

std::int64_t Data::lease_end(std::uint64_t lease) const {
  const auto* found = leases_.find(sortable(lease));
  return found ? (*found)->expires_at : 0;
}

std::int64_t Data::next_expiry() const {
  std::int64_t first = 0;
  due_.visit({}, [&](const std::shared_ptr<const Mark>& mark) {
    first = static_cast<std::int64_t>(number_of(mark->key));
    return false;
  });
  return first;
}

std::uint64_t Data::count(const KeyRange& range) const {
  std::uint64_t count = 0;
  items_.visit(range.begin, [&](const std::shared_ptr<const Item>& item) {
    if (range.end && item->key >= *range.end) return false;
    return ++count > 0;
  });
  return count;
}

std::vector<std::string> Data::keys_of(std::uint64_t lease) const {
  const std::string prefix = sortable(lease);
  std::vector<std::string> keys;
  attached_.visit(prefix, [&](const std::shared_ptr<const Mark>& mark) {
    if (!mark->key.starts_with(prefix)) return false;
    keys.push_back(mark->key.substr(prefix.size()));
    return true;
  });
  return keys;
}

// Takes it out of the indexes beside the keys.
void Data::forget(const Item& item) {
  if (item.expires_at != 0) due_.erase(due_mark(item.expires_at, kKey, item.key));
  if (item.lease != 0) attached_.erase(attached_mark(item.lease, item.key));
}

void Data::write(const std::shared_ptr<const Item>& item) {
  if (const auto before = items_.put(item)) forget(*before);
  if (item->expires_at != 0) {
    due_.put(std::make_shared<Mark>(Mark{due_mark(item->expires_at, kKey, item->key)}));
  }
  if (item->lease != 0) {
    attached_.put(std::make_shared<Mark>(Mark{attached_mark(item->lease, item->key)}));
  }
}

void Data::erase(std::string_view key, Change::Kind kind, std::uint64_t revision,
                 Changes* changes) {
  const auto* found = items_.find(key);
  if (!found) return;
  const std::shared_ptr<const Item> item = *found;
  forget(*item);
  items_.erase(key);
  if (changes) changes->push_back({kind, revision, item});
}

void Data::end_lease(std::uint64_t lease, Change::Kind kind, std::uint64_t revision,
                     Changes* changes) {
  const std::int64_t end = lease_end(lease);
  if (end == 0) return;
  for (const std::string& key : keys_of(lease)) erase(key, kind, revision, changes);
  due_.erase(due_mark(end, kLease, sortable(lease)));
  leases_.erase(sortable(lease));
}

void Data::advance(std::int64_t time, std::uint64_t revision, Changes* changes) {
  now_ = std::max(now_, time);
  for (std::int64_t end = next_expiry(); end != 0 && end <= now_; end = next_expiry()) {
    std::string mark;
    due_.visit({}, [&](const std::shared_ptr<const Mark>& first) {
      mark = first->key;
      return false;
    });
    const std::string what = mark.substr(9);
    if (mark[8] == kKey) {
      erase(what, Change::Kind::expired, revision, changes);
    } else {
      end_lease(number_of(what), Change::Kind::expired, revision, changes);
    }
  }
}

void Data::apply(const Effect& effect, std::uint64_t revision, Changes* changes) {
  if (const auto* written = std::get_if<Written>(&effect)) {
    write(written->item);
    if (changes) changes->push_back({Change::Kind::written, revision, written->item});
  } else if (const auto* erased = std::get_if<Erased>(&effect)) {
    erase(erased->key, Change::Kind::erased, revision, changes);
  } else if (const auto* all = std::get_if<RangeErased>(&effect)) {
    std::vector<std::shared_ptr<const Item>> gone;
    items_.visit(all->range.begin, [&](const std::shared_ptr<const Item>& item) {
      if (all->range.end && item->key >= *all->range.end) return false;
      gone.push_back(item);
      return true;
    });
    for (const auto& item : gone) erase(item->key, Change::Kind::erased, revision, changes);
  } else if (const auto* set = std::get_if<LeaseSet>(&effect)) {
    const std::string key = sortable(set->lease);
    if (const std::int64_t end = lease_end(set->lease)) due_.erase(due_mark(end, kLease, key));
    leases_.put(std::make_shared<Lease>(Lease{key, set->lease, set->expires_at}));
    due_.put(std::make_shared<Mark>(Mark{due_mark(set->expires_at, kLease, key)}));
  } else if (const auto* ended = std::get_if<LeaseEnded>(&effect)) {
    end_lease(ended->lease, Change::Kind::erased, revision, changes);
  }
}

std::vector<std::string> Data::check_invariants() const {
  std::vector<std::string> wrong;
  items_.check_invariants(wrong);
  leases_.check_invariants(wrong);
  attached_.check_invariants(wrong);
  due_.check_invariants(wrong);
  std::size_t due = leases_.size(), attached = 0;
  items_.visit({}, [&](const std::shared_ptr<const Item>& item) {
    if (item->expires_at != 0) {
      ++due;
      if (!due_.find(due_mark(item->expires_at, kKey, item->key))) {
        wrong.push_back("a key that ends is not due");
      }
    }
    if (item->lease != 0) {
      ++attached;
      if (!attached_.find(attached_mark(item->lease, item->key)) || lease_end(item->lease) == 0) {
        wrong.push_back("a key is not attached to its lease");
      }
    }
    if (item->revision > index_) wrong.push_back("a key is of an entry that is yet to come");
    return true;
  });
  visit_leases([&](std::uint64_t lease, std::int64_t end) {
    if (!due_.find(due_mark(end, kLease, sortable(lease)))) wrong.push_back("a lease is not due");
  });
  if (due != due_.size()) wrong.push_back("something is due that is not there");
  if (attached != attached_.size()) wrong.push_back("something is attached that is not there");
  if (next_expiry() != 0 && next_expiry() <= now_) wrong.push_back("what is over is there");
  return wrong;
}

}  // namespace walkit::kv
