#pragma once

#include "walkit/cereal_archive.hpp"
#include "walkit/cereal_leaves.hpp"

namespace walkit {

namespace cereal_limits {
/// One level of nesting; left again when a serialize throws, too.
class Level {
 public:
  explicit Level(std::size_t& depth) : depth_(depth) {
    if (depth_ == kDepthMax) {
      throw cereal::Exception("the entry nests deeper than " + std::to_string(kDepthMax) +
                              " levels");
    }
    ++depth_;
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --depth_; }

 private:
  std::size_t& depth_;
};

/// Leaves a field as it is. A compiler that sees through a load function would warn that its local
/// variables may stay unset (they never do: is_missing() knows them), so it must not see that.
template <class T>
void keep_value(T& field) {
  void* volatile where = std::addressof(field);  // may now point to any of its bytes
  std::memmove(where, where, 1);
}
}  // namespace cereal_limits

inline void EntryOutputArchive::write_bytes(const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (bytes > buffer_.size() - used_) {
    flush();
    if (bytes > buffer_.size()) {
      sink_->write(BytesView(static_cast<const std::byte*>(from), bytes));
      flushed_ += bytes;
      return;
    }
  }
  std::memcpy(buffer_.data() + used_, from, bytes);
  used_ += bytes;
}

inline void EntryOutputArchive::write_count(std::uint64_t count) {
  const auto cost = std::exchange(element_, {});
  memory_ += count * cost.memory;
  save(*this, count);
  payload_min_ = std::max(payload_min_, flushed_ + used_ + count * cost.payload_min);
}

inline void EntryOutputArchive::require_elements_with_bytes() const {
  if (flushed_ < payload_min_) {
    throw cereal::Exception("the entry has a container whose elements take no bytes");
  }
}

inline void EntryOutputArchive::flush() {
  sink_->write(BytesView(buffer_.data(), used_));
  flushed_ += used_;
  used_ = 0;
}

template <class T>
void EntryOutputArchive::put(T& field) {
  using Field = std::remove_cv_t<T>;
  if constexpr (cereal_check::is_wrapper<Field>) {
    OutputArchive::operator()(field);
  } else if constexpr (cereal_check::is_leaf<Field>) {
    save(*this, field);
  } else if constexpr (std::is_same_v<Field, std::string>) {
    put_flat(field);
  } else if constexpr (cereal_check::is_field<Field>) {
    if constexpr (cereal_check::is_unique_pointer<Field>) {
      if (field != nullptr) memory_ += sizeof(*field);
    }
    const cereal_limits::Level level(depth_);
    element_ = cereal_limits::element_cost<Field>();
    if constexpr (cereal_check::has_own_serialize<Field>) {
      // At once: cereal goes through a pointer to this archive, which hides what it does.
      cereal::access::member_serialize(*this, const_cast<Field&>(field));
    } else {
      OutputArchive::operator()(field);
    }
  } else {
    cereal_check::refuse_field<Field>();
  }
}

/// Where they fit into the buffer, all at once: most entries are numbers and short texts, and the
/// place that is written to then stays in a register.
template <class... T>
void EntryOutputArchive::put_flat(const T&... fields) {
  using Text = std::string;
  constexpr auto text_bytes = []<class F>(const F& field) -> std::size_t {
    if constexpr (std::is_same_v<F, Text>) return field.size();
    return 0;
  };
  const std::size_t texts = (text_bytes(fields) + ...);
  const std::size_t bytes =
      texts + ((std::is_same_v<T, Text> ? sizeof(std::uint64_t) : sizeof(T)) + ...);
  if (bytes > buffer_.size() - used_) {
    const auto put_apart = [this]<class F>(const F& field) {
      if constexpr (std::is_same_v<F, Text>) {
        element_ = cereal_limits::element_cost<Text>();
        write_count(field.size());
        write_bytes(field.data(), field.size());
      } else {
        save(*this, field);
      }
    };
    (put_apart(fields), ...);
    return;
  }
  std::byte* to = buffer_.data() + used_;
  const auto copy_number = [&to](auto number) {
    cereal_limits::to_or_from_little_endian(&number, 1);
    std::memcpy(to, &number, sizeof number);
    to += sizeof number;
  };
  const auto copy = [&]<class F>(const F& field) {
    if constexpr (std::is_same_v<F, Text>) {
      copy_number(std::uint64_t{field.size()});
      std::memcpy(to, field.data(), field.size());
      to += field.size();
    } else {
      copy_number(field);
    }
  };
  (copy(fields), ...);
  memory_ += texts * cereal_limits::element_cost<Text>().memory;
  used_ += bytes;
}

template <class E>
void EntryOutputArchive::write(const E& entry, ByteSink& sink) {
  sink_ = &sink;
  flushed_ = memory_ = payload_min_ = 0;
  depth_ = used_ = 0;
  put(entry);
  flush();
  require_elements_with_bytes();
  if (memory_ > cereal_limits::decoded_bytes_max(flushed_)) {
    throw cereal::Exception("the entry would take " + std::to_string(memory_) +
                            " bytes of memory to read, more than 4 x its " +
                            std::to_string(flushed_) + " bytes + 1 MiB");
  }
}

inline void EntryInputArchive::fail(const std::string& what) const {
  throw cereal::Exception(what + " at byte " + std::to_string(at_) + " of " +
                          std::to_string(payload_.size()));
}

inline void EntryInputArchive::read_bytes(void* into, std::size_t bytes) {
  if (bytes > left()) fail("the entry needs " + std::to_string(bytes) + " more bytes");
  if (bytes == 0) return;
  std::memcpy(into, payload_.data() + at_, bytes);
  at_ += bytes;
}

inline void EntryInputArchive::charge(std::uint64_t count, std::size_t each) {
  if (count > budget_ / each) {
    fail("the entry takes more memory than 4 x its bytes + 1 MiB");
  }
  budget_ -= count * each;
}

inline bool EntryInputArchive::read_bool() {
  std::uint8_t value = 0;
  read_bytes(&value, 1);
  if (value > 1) fail("a bool is " + std::to_string(value) + ", not 0 or 1,");
  return value == 1;
}

inline std::uint64_t EntryInputArchive::read_count() {
  const auto cost = std::exchange(element_, {});
  std::uint64_t count = 0;
  load(*this, count);
  if (cost.payload_min != 0 && count > left() / cost.payload_min) {
    fail("a count is " + std::to_string(count) + ", more than the bytes that follow,");
  }
  charge(count, cost.memory);
  return count;
}

/// Whether the payload ended before this field. Only a field inside the entry has a default to
/// keep: what a load function holds in a local variable (a count, an index) has none.
inline bool EntryInputArchive::is_missing(const void* field) const {
  if (at_ != payload_.size() || depth_ == 0 || depth_ > missing_depth_) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(field);
  return entry_begin_ <= address && address < entry_end_;
}

template <class T>
void EntryInputArchive::get(T& field) {
  using Field = std::remove_cv_t<T>;
  if constexpr (cereal_check::is_wrapper<Field>) {
    InputArchive::operator()(field);
  } else if constexpr (std::is_const_v<T>) {
    static_assert(!std::is_const_v<T>, "walkit: serialize must not be const: it also reads");
  } else if constexpr (cereal_check::is_leaf<Field>) {
    if constexpr (std::is_arithmetic_v<Field>) {
      if (is_missing(&field)) return cereal_limits::keep_value(field);
    }
    load(*this, field);
  } else if constexpr (cereal_check::is_field<Field>) {
    if (is_missing(std::addressof(field))) return cereal_limits::keep_value(field);
    if constexpr (cereal_check::is_unique_pointer<Field>) {
      const bool has_value = left() != 0 && payload_[at_] != std::byte{0};
      if (has_value) charge(1, sizeof(typename Field::element_type));
    }
    const cereal_limits::Level level(depth_);
    element_ = cereal_limits::element_cost<Field>();
    InputArchive::operator()(field);
  } else {
    cereal_check::refuse_field<Field>();
  }
}

inline void EntryInputArchive::skip_unknown(std::string_view where) {
  if (left() == 0) return;
  if (schema_ != Schema::newer) {
    fail(std::to_string(left()) + " bytes are left over at the end of " + std::string(where));
  }
  at_ = payload_.size();
}

template <class E>
void EntryInputArchive::read(BytesView payload, E& entry, Schema schema) {
  schema_ = schema;
  payload_ = payload;
  at_ = 0;
  depth_ = 0;
  budget_ = cereal_limits::decoded_bytes_max(payload.size());
  begin_object(entry);
  get(entry);
  skip_unknown("the entry");
}

}  // namespace walkit

#include "walkit/cereal_sized_inl.hpp"
#include "walkit/cereal_std.hpp"
