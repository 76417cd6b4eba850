#include "walkit/testing/codec_trial.hpp"

#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace walkit::testing {
namespace {

constexpr std::size_t kSinkBytes = std::size_t{1} << 30;
constexpr std::size_t kTrialsMax = 1 << 16;  // of one kind, over one payload
constexpr std::size_t kThreads = 4, kRounds = 100;

Error failure(std::size_t sample, const std::string& what) {
  return Error{.code = Errc::not_supported,
               .message = "sample " + std::to_string(sample) + ": " + what,
               .next_step = "make the codec do what walkit::Codec in walkit/codec.hpp says"};
}

std::string answered(const Error& error) {
  return std::string(to_string(error.code)) + " (" + error.message + ")";
}

class Suite {
 public:
  explicit Suite(const CodecTrial& trial) : trial_(trial) {}

  Status run();

 private:
  using Encode = std::function<Status(std::size_t, ByteSink&)>;

  Status encode_alone();
  Status comes_back(std::size_t sample) const;
  Status same_bytes(std::size_t sample, const Encode& encode, const std::string& when) const;
  Status small_sinks(std::size_t sample) const;
  Status truncations(std::size_t sample) const;
  Status flipped_bits(std::size_t sample) const;
  Status damaged(std::size_t sample, BytesView bytes, const std::string& how) const;
  Status one_after_the_other() const;
  Status at_once() const;

  const CodecTrial& trial_;
  std::vector<Bytes> payloads_{};
};

Status Suite::run() {
  if (trial_.samples == 0) {
    return Error{.code = Errc::invalid_argument, .message = "codec_suite got no samples"};
  }
  if (Status ok = encode_alone(); !ok) return ok;
  for (std::size_t i = 0; i != trial_.samples; ++i) {
    for (const auto check :
         {&Suite::comes_back, &Suite::small_sinks, &Suite::truncations, &Suite::flipped_bits}) {
      if (Status ok = (this->*check)(i); !ok) return ok;
    }
  }
  if (Status ok = one_after_the_other(); !ok) return ok;
  return at_once();
}

Status Suite::encode_alone() {
  for (std::size_t i = 0; i != trial_.samples; ++i) {
    ByteSink sink(payloads_.emplace_back(), kSinkBytes);
    const Status ok = trial_.encode_fresh(i, sink);
    if (!ok) return failure(i, "encode answered " + answered(ok.error()));
    // Bytes that were never set are noticed where memory is handed out again.
    if (Status same = same_bytes(i, trial_.encode_fresh, "by another copy of the codec"); !same) {
      return same;
    }
  }
  return {};
}

Status Suite::comes_back(std::size_t sample) const {
  const auto equal = trial_.decodes_to(payloads_[sample], sample);
  if (!equal) return failure(sample, "its own bytes are refused: " + answered(equal.error()));
  if (!*equal) return failure(sample, "it comes back as another value");
  return {};
}

/// Behind bytes that are there already, as in a batch.
Status Suite::same_bytes(std::size_t sample, const Encode& encode, const std::string& when) const {
  const Bytes before(3, std::byte{0x5a});
  Bytes bytes = before;
  ByteSink sink(bytes, kSinkBytes);
  if (Status ok = encode(sample, sink); !ok) {
    return failure(sample, "encode " + when + " answered " + answered(ok.error()));
  }
  const BytesView all(bytes);
  const Bytes head(all.begin(), all.begin() + 3), tail(all.begin() + 3, all.end());
  if (head != before || tail != payloads_[sample]) {
    return failure(sample, "encode " + when + " gives other bytes");
  }
  return {};
}

Status Suite::small_sinks(std::size_t sample) const {
  const std::size_t size = payloads_[sample].size();
  for (std::size_t limit = 0; limit < size; limit += 1 + size / kTrialsMax) {
    Bytes bytes;
    ByteSink sink(bytes, limit);
    const Status full = trial_.encode(sample, sink);
    if (!full && full.error().code == Errc::too_large) continue;
    return failure(sample, "encode of " + std::to_string(size) + " bytes into " +
                               std::to_string(limit) + " answered " +
                               (full ? "ok" : answered(full.error())) + ", not too_large");
  }
  return {};
}

Status Suite::damaged(std::size_t sample, BytesView bytes, const std::string& how) const {
  const Status decoded = trial_.decode(bytes);
  if (decoded || decoded.error().code == Errc::decode) return {};
  return failure(
      sample, how + ", decode answered " + answered(decoded.error()) + ", not a value or decode");
}

Status Suite::truncations(std::size_t sample) const {
  const Bytes& whole = payloads_[sample];
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / kTrialsMax) {
    // A copy of just this size, so that a sanitizer sees a byte that is read beyond it.
    const Bytes piece(whole.data(), whole.data() + size);
    const std::string how =
        "cut to " + std::to_string(size) + " of " + std::to_string(whole.size()) + " bytes";
    if (Status ok = damaged(sample, piece, how); !ok) return ok;
  }
  return {};
}

Status Suite::flipped_bits(std::size_t sample) const {
  Bytes bytes = payloads_[sample];
  const std::size_t bits = bytes.size() * 8;
  for (std::size_t bit = 0; bit < bits; bit += 1 + bits / kTrialsMax) {
    const auto mask = static_cast<std::byte>(1 << (bit % 8));
    bytes[bit / 8] ^= mask;
    const std::string how =
        "bit " + std::to_string(bit % 8) + " of byte " + std::to_string(bit / 8) + " flipped";
    if (Status ok = damaged(sample, bytes, how); !ok) return ok;
    bytes[bit / 8] ^= mask;
  }
  return {};
}

/// Each sample after each other one, and after an entry that failed in either direction.
Status Suite::one_after_the_other() const {
  for (std::size_t first = 0; first != trial_.samples; ++first) {
    for (std::size_t second = 0; second != trial_.samples; ++second) {
      Bytes bytes;
      ByteSink sink(bytes, payloads_[first].size() / 2);
      trial_.encode(first, sink).ignore("only what it leaves behind matters");
      const BytesView half = BytesView(payloads_[first]).first(payloads_[first].size() / 2);
      trial_.decode(half).ignore("only what it leaves behind matters");
      const std::string when = "after sample " + std::to_string(first);
      if (Status ok = same_bytes(first, trial_.encode, "after a failed one"); !ok) return ok;
      if (Status ok = same_bytes(second, trial_.encode, when); !ok) return ok;
      const auto equal = trial_.decodes_to(payloads_[second], second);
      if (!equal || !*equal) return failure(second, "decoded " + when + " it is another value");
    }
  }
  return {};
}

Status Suite::at_once() const {
  std::array<Status, kThreads> results;
  std::vector<std::thread> threads;
  threads.reserve(results.size());
  for (Status& result : results) {
    threads.emplace_back([this, &result] {
      for (std::size_t round = 0; result && round != kRounds; ++round) {
        const std::size_t sample = round % trial_.samples;
        result = same_bytes(sample, trial_.encode, "by several threads at once");
        if (result) result = comes_back(sample);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Status& result : results) {
    if (!result) return std::move(result);
  }
  return {};
}

}  // namespace

Status codec_trial(const CodecTrial& trial) { return Suite(trial).run(); }

}  // namespace walkit::testing
