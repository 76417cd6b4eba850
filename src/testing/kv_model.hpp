#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "walkit/testing/kv_suite.hpp"

namespace walkit::testing {

/// What a key-value state machine shows, told by nothing but what its commands mean: maps, and a
/// look at everything whenever time moves. A value.
class KvModel {
 public:
  /// Of an entry that is new; one that is not has the outcome that it had.
  kv::Outcome apply(const kv::Request& request);
  std::vector<kv::Outcome> apply(const std::vector<kv::Request>& chunk);
  /// decode names the first difference.
  [[nodiscard]] Status compare(KvAdapter& machine) const;

  [[nodiscard]] const std::map<std::string, kv::Value>& values() const { return values_; }
  [[nodiscard]] const std::map<std::uint64_t, kv::Time>& leases() const { return leases_; }
  [[nodiscard]] std::uint64_t last_index() const { return index_; }
  [[nodiscard]] std::uint64_t last_term() const { return term_; }
  [[nodiscard]] kv::Time now() const { return now_; }

 private:
  kv::Outcome decide(const kv::Request& request);
  kv::Outcome write(const kv::Request& request, const std::string& key, kv::Value value);
  kv::Outcome add(const kv::Request& request, const kv::Increment& increment);
  std::int64_t erase_if(const std::function<bool(const std::string&, const kv::Value&)>& goes);
  void move_to(kv::Time time);

  std::map<std::string, kv::Value> values_{};
  std::map<std::uint64_t, kv::Time> leases_{};
  std::map<std::uint64_t, kv::Outcome> outcomes_{};
  std::uint64_t index_ = 0, term_ = 0;
  kv::Time now_{};
  kv::Time next_end_ = kv::Time::max();  // nothing ends before
};

[[nodiscard]] Error kv_differs(std::string message);

}  // namespace walkit::testing
