#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cereal/cereal.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "walkit/base/bytes.hpp"
#include "walkit/cereal_check.hpp"
#include "walkit/cereal_sized.hpp"

namespace walkit {

/// The same limits hold when writing and when reading, so that no entry is written that could not
/// be read again.
namespace cereal_limits {
inline constexpr std::size_t kDepthMax = 64;  // classes inside classes; bounds the stack

/// Memory that the containers and pointers of an entry may ask for.
constexpr std::uint64_t decoded_bytes_max(std::uint64_t payload_bytes) {
  return 4 * payload_bytes + (std::uint64_t{1} << 20);
}

/// What one element of a counted container costs: in memory, and at least in the payload.
struct ElementCost {
  std::size_t memory = 1, payload_min = 1;
};

template <class T>
constexpr ElementCost element_cost() {
  if constexpr (requires { typename T::value_type; }) {
    using V = typename T::value_type;
    // Hash tables reserve a bucket for each element before they read one.
    constexpr std::size_t bucket = requires { typename T::hasher; }
    ? sizeof(void*) : 0;
    constexpr std::size_t payload = std::is_arithmetic_v<V> ? sizeof(V) : !std::is_empty_v<V>;
    // No byte stands behind an empty element, so the node that holds it has to count.
    constexpr bool has_nodes = payload == 0 && !requires(T & t) { t.data(); };
    return {sizeof(V) + bucket + (has_nodes ? 4 * sizeof(void*) : 0), payload};
  } else {
    return {};
  }
}
}  // namespace cereal_limits

/// The fields of one entry as bytes: little-endian, counts as 64 bits, no padding, no versions, no
/// tracking of pointers. Reused from entry to entry; every write() starts afresh. One thread.
class EntryOutputArchive
    : public cereal::OutputArchive<EntryOutputArchive, cereal::AllowEmptyClassElision> {
 public:
  EntryOutputArchive() : OutputArchive(this) {}

  /// Throws what a serialize throws, and cereal::Exception where the entry could not be read again.
  template <class E>
  void write(const E& entry, ByteSink& sink);

  template <class... T>
  EntryOutputArchive& operator()(T&&... fields) {
    if constexpr (sizeof...(T) > 0 && (cereal_check::is_flat<std::remove_cvref_t<T>> && ...)) {
      put_flat(fields...);
    } else {
      (put(fields), ...);
    }
    return *this;
  }
  template <class T>
  EntryOutputArchive& operator&(T&& field) {
    return (*this)(field);
  }
  template <class T>
  EntryOutputArchive& operator<<(T&& field) {
    return (*this)(field);
  }

  void write_bytes(const void* from, std::size_t bytes);
  void write_count(std::uint64_t count);

  // What cereal would remember from one entry to the next.
  template <class... T>
  void registerSharedPointer(T&&...) = delete;
  template <class... T>
  void registerPolymorphicType(T&&...) = delete;

 private:
  template <class T>
  void put(T& field);
  template <class... T>
  void put_flat(const T&... fields);
  template <class T>
  void put(cereal::NameValuePair<T>& pair) {
    put(pair.value);
  }
  template <class T>
  void put(const cereal::NameValuePair<T>& pair) {
    put(pair.value);
  }
  template <class... T>
  void put(const Sized<T...>& block) {
    put_sized(block);
  }
  template <class... T>
  void put(Sized<T...>& block) {
    put_sized(block);
  }
  template <class... T>
  void put_sized(const Sized<T...>& block);
  void require_elements_with_bytes() const;
  void flush();

  class Block;

  ByteSink* sink_ = nullptr;
  std::uint64_t flushed_ = 0;      // bytes the sink has
  std::uint64_t memory_ = 0;       // what a reader will be charged
  std::uint64_t payload_min_ = 0;  // where the payload must end at the earliest
  std::size_t depth_ = 0, used_ = 0;
  cereal_limits::ElementCost element_;
  std::array<std::byte, 512> buffer_;  // most fields are small, and a sink is a call for each
};

/// Reads what EntryOutputArchive wrote, whatever the bytes are: every count is checked against the
/// bytes that are left and against a budget of memory before anything is allocated. Reused from
/// entry to entry; every read() starts afresh. One thread.
class EntryInputArchive
    : public cereal::InputArchive<EntryInputArchive, cereal::AllowEmptyClassElision> {
 public:
  /// That of the payload, beside the entry's own. older: fields at the end may be missing and keep
  /// their defaults. newer: there may be more fields than are known, which are skipped.
  enum class Schema { same, older, newer };

  EntryInputArchive() : InputArchive(this) {}

  /// Throws cereal::Exception where the bytes are no E, and what a serialize throws.
  template <class E>
  void read(BytesView payload, E& entry, Schema schema);

  template <class... T>
  EntryInputArchive& operator()(T&&... fields) {
    (get(fields), ...);
    return *this;
  }
  template <class T>
  EntryInputArchive& operator&(T&& field) {
    return (*this)(field);
  }
  template <class T>
  EntryInputArchive& operator>>(T&& field) {
    return (*this)(field);
  }

  void read_bytes(void* into, std::size_t bytes);
  bool read_bool();
  std::uint64_t read_count();

  // What cereal would remember from one entry to the next.
  template <class... T>
  void registerSharedPointer(T&&...) = delete;
  template <class... T>
  void registerPolymorphicName(T&&...) = delete;

 private:
  template <class T>
  void get(T& field);
  template <class T>
  void get(cereal::NameValuePair<T>& pair) {
    get(pair.value);
  }
  template <class... T>
  void get(Sized<T...>& block) {
    get_sized(block);
  }
  template <class... T>
  void get_sized(const Sized<T...>& block);
  template <class T>
  void get_grown(T& field);
  template <class T>
  void begin_object(T& object);
  void skip_unknown(std::string_view where);
  [[nodiscard]] std::size_t left() const { return payload_.size() - at_; }
  [[nodiscard]] bool is_missing(const void* field) const;
  void charge(std::uint64_t count, std::size_t each);
  [[noreturn]] void fail(const std::string& what) const;

  Schema schema_ = Schema::same;
  BytesView payload_;  // up to the end of the innermost block
  std::size_t at_ = 0;
  std::uint64_t budget_ = 0;
  std::size_t depth_ = 0;
  std::size_t missing_depth_ = 0;  // fields down to this level may be missing; 0: none
  std::uintptr_t entry_begin_ = 0, entry_end_ = 0;
  cereal_limits::ElementCost element_;
};

}  // namespace walkit

CEREAL_SETUP_ARCHIVE_TRAITS(walkit::EntryInputArchive, walkit::EntryOutputArchive)
