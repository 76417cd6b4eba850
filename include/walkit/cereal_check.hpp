#pragma once

#include <cereal/cereal.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>

namespace cereal::memory_detail {
template <class T>
struct PtrWrapper;  // as in <cereal/types/memory.hpp>, which an entry without pointers need not
                    // have
}

namespace walkit {

class EntryOutputArchive;
class EntryInputArchive;

/// What the archives ask about the type of a field, before cereal sees it: its own messages for the
/// same mistakes run to hundreds of lines.
namespace cereal_check {

template <class T>
inline constexpr bool is_shared_pointer = false;
template <class T>
inline constexpr bool is_shared_pointer<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_shared_pointer<std::weak_ptr<T>> = true;
template <class T, class D>
inline constexpr bool is_shared_pointer<std::unique_ptr<T, D>> = std::is_polymorphic_v<T>;

template <class T>
inline constexpr bool is_unique_pointer = false;
template <class T, class D>
inline constexpr bool is_unique_pointer<std::unique_ptr<T, D>> = !std::is_array_v<T>;

/// What cereal wraps around a field. It is looked through: no level of its own, no check.
template <class T>
inline constexpr bool is_wrapper = false;
template <class T>
inline constexpr bool is_wrapper<cereal::base_class<T>> = true;
template <class K, class V>
inline constexpr bool is_wrapper<cereal::MapItem<K, V>> = true;
template <class T>
inline constexpr bool is_wrapper<cereal::memory_detail::PtrWrapper<T>> = true;
template <class A, class T>
inline constexpr bool is_wrapper<cereal::memory_detail::LoadAndConstructLoadWrapper<A, T>> = true;

/// What the archives write themselves.
template <class T>
inline constexpr bool is_leaf = std::is_arithmetic_v<T>;
template <class T>
inline constexpr bool is_leaf<cereal::SizeTag<T>> = true;
template <class T>
inline constexpr bool is_leaf<cereal::BinaryData<T>> = true;

/// The element behind the T of cereal::BinaryData<T>, a pointer or an array.
template <class T>
using ElementOf =
    std::remove_cv_t<std::remove_all_extents_t<std::remove_pointer_t<std::remove_cvref_t<T>>>>;

template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

/// A class version would be written once per archive, so the next entry would lack it.
template <class T, class Out = EntryOutputArchive, class In = EntryInputArchive>
inline constexpr bool is_versioned =
    cereal::traits::has_member_versioned_serialize<T, Out>::value ||
    cereal::traits::has_non_member_versioned_serialize<T, Out>::value ||
    cereal::traits::has_member_versioned_save<T, Out>::value ||
    cereal::traits::has_non_member_versioned_save<T, Out>::value ||
    cereal::traits::has_member_versioned_save_minimal<T, Out>::value ||
    cereal::traits::has_non_member_versioned_save_minimal<T, Out>::value ||
    cereal::traits::has_member_versioned_load<T, In>::value ||
    cereal::traits::has_non_member_versioned_load<T, In>::value;

template <class T>
inline constexpr bool is_serializable =
    (cereal::traits::is_output_serializable<T, EntryOutputArchive>::value &&
     cereal::traits::is_input_serializable<T, EntryInputArchive>::value && !is_versioned<T>) ||
    (std::is_empty_v<T> && !is_versioned<T>);

template <class T>
concept SerializesConst = std::is_class_v<T> && !std::is_empty_v<T> &&
                          requires(EntryOutputArchive & archive, const T& field) {
  cereal::access::member_serialize(archive, field);
};

template <class T>
constexpr bool reads_fresh() {
  if constexpr (is_unique_pointer<T>) {
    using Pointee = std::remove_const_t<typename T::element_type>;
    return cereal::traits::is_default_constructible<Pointee>::value ||
           cereal::traits::has_load_and_construct<Pointee, EntryInputArchive>::value;
  } else if constexpr (requires { typename T::value_type; }) {
    return std::is_default_constructible_v<typename T::value_type>;
  } else {
    return true;
  }
}

enum class Refusal { none, pointer, shared, wide, const_serialize, no_serialize, not_fresh };

template <class T>
constexpr Refusal refusal_of() {
  if (std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>) {
    return Refusal::pointer;
  }
  if (is_shared_pointer<T>) return Refusal::shared;
  if (std::is_same_v<T, wchar_t> || std::is_same_v<T, long double>) return Refusal::wide;
  if constexpr (!is_wrapper<T> && !std::is_arithmetic_v<T> && !is_shared_pointer<T> &&
                !std::is_pointer_v<T>) {
    if (SerializesConst<T>) return Refusal::const_serialize;
    if (!is_serializable<T>) return Refusal::no_serialize;
    if (!reads_fresh<T>()) return Refusal::not_fresh;
  }
  return Refusal::none;
}

template <class T>
inline constexpr bool is_field = refusal_of<T>() == Refusal::none;

/// Whether a member serialize is how cereal would write it.
template <class T>
inline constexpr bool has_own_serialize =
    cereal::traits::has_member_serialize<T, EntryOutputArchive>::value &&
    (cereal::traits::is_specialized_member_serialize<T, EntryOutputArchive>::value ||
     !cereal::traits::is_specialized<T, EntryOutputArchive>::value);

/// A field whose bytes can be counted before it is written.
template <class T>
inline constexpr bool is_flat = is_field<T> &&
                                (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>);

/// Stops the compiler with one sentence. Both archives call it: one instantiation, one message.
template <class T>
void refuse_field() {
  constexpr Refusal refusal = refusal_of<T>();
  static_assert(
      refusal != Refusal::no_serialize,
      "walkit: this type cannot be written to a log. Give it a public \"template <class "
      "A> void serialize(A& a) { a(field, other_field); }\" (a standard type: include its "
      "<cereal/types/...>), or name another codec: WalWriter<E, MyCodec>");
  static_assert(refusal != Refusal::const_serialize,
                "walkit: serialize must not be const: it also reads");
  static_assert(refusal != Refusal::shared,
                "walkit: an entry must not hold a shared_ptr, a weak_ptr or a unique_ptr to a "
                "polymorphic class: its bytes would choose the object. Hold the value, a "
                "std::optional, a std::variant or a unique_ptr to a plain struct");
  static_assert(refusal != Refusal::pointer,
                "walkit: an entry must not hold a pointer: it means nothing after a restart. Hold "
                "the value, a std::string or a std::vector");
  static_assert(refusal != Refusal::wide,
                "walkit: wchar_t and long double differ between machines. Use char32_t or double");
  static_assert(refusal != Refusal::not_fresh,
                "walkit: CerealCodec reads into a fresh E: give E a default constructor, or name "
                "another codec: WalWriter<E, MyCodec>");
}

}  // namespace cereal_check
}  // namespace walkit
