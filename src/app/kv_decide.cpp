#include "app/kv_decide.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace walkit::kv {

namespace {

// How an entry ends for one kind of command: fills in outcome and effect.
class Decision {
 public:
  Decision(const Data& data, const Request& request) : data_(data), request_(request) {
    applied_.term = request.term;
    applied_.outcome.index = request.index;
    applied_.time = request.time.count();
    if (const auto* tick = std::get_if<Tick>(&request.command)) {
      applied_.time = std::max(applied_.time, std::int64_t{tick->now.count()});
    }
  }
  [[nodiscard]] Applied& applied() { return applied_; }

  void of(const Put& put) { write(put.key, put.value, end_of(put.expires_at), put.lease); }
  void of(const Erase& erase) {
    if (!data_.find(erase.key)) return;
    applied_.outcome.number = 1;
    applied_.effect = Erased{erase.key};
  }
  void of(const EraseRange& erase) {
    const std::uint64_t count = data_.count(erase.range);
    if (count == 0) return;
    applied_.outcome.number = static_cast<std::int64_t>(count);
    applied_.effect = RangeErased{erase.range};
  }
  void of(const CompareAndSwap& swap) {
    const auto* found = data_.find(swap.key);
    const bool matches =
        found ? swap.expected && (*found)->value == *swap.expected : !swap.expected.has_value();
    if (!matches) return refuse(Outcome::mismatch, found);
    write(swap.key, swap.value, end_of(swap.expires_at), swap.lease);
  }
  void of(const PutIfRevision& put) {
    const auto* found = data_.find(put.key);
    if ((found ? (*found)->revision : 0) != put.revision) return refuse(Outcome::mismatch, found);
    write(put.key, put.value, end_of(put.expires_at), put.lease);
  }
  void of(const Increment& increment) {
    const auto* found = data_.find(increment.key);
    std::int64_t number = 0;
    if (found) {
      const std::string& text = (*found)->value;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) {
        return refuse(Outcome::not_a_number, found);
      }
    }
    if (__builtin_add_overflow(number, increment.by, &number)) {
      return refuse(Outcome::not_a_number, found);
    }
    applied_.outcome.number = number;
    write(increment.key, std::to_string(number), found ? (*found)->expires_at : 0,
          found ? (*found)->lease : 0);
  }
  void of(const Grant& grant) {
    if (data_.lease_end(grant.lease) != 0) {
      applied_.outcome.code = Outcome::mismatch;
      return;
    }
    applied_.effect = LeaseSet{grant.lease, grant.expires_at.count()};
  }
  void of(const KeepAlive& keep) {
    const std::int64_t end = data_.lease_end(keep.lease);
    if (end == 0) {
      applied_.outcome.code = Outcome::not_found;
      return;
    }
    // A clock that jumped back takes nothing from a lease.
    applied_.effect = LeaseSet{keep.lease, std::max(end, std::int64_t{keep.expires_at.count()})};
  }
  void of(const Revoke& revoke) {
    if (data_.lease_end(revoke.lease) == 0) {
      applied_.outcome.code = Outcome::not_found;
      return;
    }
    applied_.outcome.number = static_cast<std::int64_t>(data_.keys_of(revoke.lease).size());
    applied_.effect = LeaseEnded{revoke.lease};
  }
  void of(const Tick&) {}
  void of(const Noop&) {}
  void of(const Configuration&) {}

 private:
  static std::int64_t end_of(const std::optional<Time>& time) { return time ? time->count() : 0; }

  void refuse(Outcome::Code code, const std::shared_ptr<const Item>* found) {
    applied_.outcome.code = code;
    applied_.outcome.revision = found ? (*found)->revision : 0;
  }
  void write(const std::string& key, std::string value, std::int64_t end, std::uint64_t lease) {
    if (lease != 0 && data_.lease_end(lease) == 0) {
      return refuse(Outcome::not_found, data_.find(key));
    }
    applied_.outcome.revision = end != 0 && end <= data_.now() ? 0 : request_.index;
    applied_.effect = Written{std::make_shared<const Item>(
        Item{key, std::move(value), request_.term, request_.index, end, lease})};
  }

  const Data& data_;
  const Request& request_;
  Applied applied_{};
};

}  // namespace

Applied decide(Data& data, const Request& request) {
  Decision decision(data, request);
  data.advance(decision.applied().time, request.index, nullptr);  // what is over is not seen
  std::visit([&](const auto& command) { decision.of(command); }, request.command);
  apply(data, decision.applied(), nullptr);
  return std::move(decision.applied());
}

void apply(Data& data, const Applied& applied, Changes* changes) {
  const std::uint64_t revision = applied.outcome.index;
  data.advance(applied.time, revision, changes);
  data.apply(applied.effect, revision, changes);
  data.advance(0, revision, changes);  // what was written with an end that is past
  data.finish(revision, applied.term);
}

}  // namespace walkit::kv
