#pragma once

#if !defined(__cpp_rtti) || !defined(__cpp_exceptions)
#error \
    "walkit/cereal_codec.hpp: cereal needs RTTI. Under -fno-rtti include walkit/wal_writer.hpp and name another codec: WalWriter<E, MyCodec>"
#else

#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <type_traits>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/cereal_archive.hpp"
#include "walkit/cereal_archive_inl.hpp"
#include "walkit/codec.hpp"

namespace walkit {

/// The default codec, for E with `template <class A> void serialize(A& a) { a(field, other_field);
/// }`. Little-endian. Hostile bytes give `decode`, left-over bytes too: elements take at most 4 x
/// the payload + 1 MiB of memory (the nodes of lists, sets and maps come on top, some 40 bytes for
/// each element that the payload holds), nesting ends at 64 levels; an entry beyond these limits is
/// refused by encode.
/// Fields added at an entry's end, or at that of a block of sized(), keep their defaults when an
/// older schema number is read; for a std::variant, at the end of an alternative. Needs RTTI and
/// exceptions. Any thread.
template <class E>
class CerealCodec {
 public:
  static constexpr CodecId id{"cere"};

  /// encode: a serialize threw, or the entry could not be read again; no_memory. What does not fit
  /// is dropped by the sink, which then says overflowed().
  Status encode(const E& entry, ByteSink& out) const;

  /// decode: the bytes are no E; incompatible: `schema` is newer than E's; no_memory.
  Result<E> decode(BytesView bytes, std::uint32_t schema = entry_type<E>.schema) const;

  /// This codec, reading entries of newer schemas as told. A WalReader does it by its ReadOptions.
  /// skip_unknown_fields: incompatible where a std::variant holds an alternative that E lacks.
  [[nodiscard]] CerealCodec with(NewerSchema newer) const {
    CerealCodec codec = *this;
    codec.newer_ = newer;
    return codec;
  }

 private:
  NewerSchema newer_ = NewerSchema::refuse;
  static Error newer_schema(std::uint32_t schema);
};

/// A thread's archive of one kind, lent for one entry. It is kept since cereal's archives hold
/// several containers that are costly to make and that stay empty here. A serialize that uses a
/// codec itself finds the archive taken and gets a fresh one.
template <class Archive>
class LentArchive {
 public:
  /// Calls use(Archive&); what it throws passes through.
  template <class F>
  static void lend(F&& use) {
    LentArchive& mine = of_thread();
    if (mine.taken_) return lend_fresh(use);
    if (mine.archive_ == nullptr) mine.archive_ = ::new (mine.storage_) Archive;
    const Taken taken(mine);
    use(*mine.archive_);
  }

 private:
  struct Taken {
    explicit Taken(LentArchive& lent) : archive(lent) { archive.taken_ = true; }
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    ~Taken() { archive.taken_ = false; }
    LentArchive& archive;
  };

  // Apart, so that the usual path need not make room for an archive on its stack.
  template <class F>
  [[gnu::noinline]] static void lend_fresh(F& use) {
    Archive fresh;
    use(fresh);
  }
  static LentArchive& of_thread() {
    static thread_local constinit LentArchive mine;
    return mine;
  }

  /// Without a destructor, so that a log may be used while a thread or the program ends. Nothing
  /// leaks: an archive that remembers nothing owns no memory.
  alignas(Archive) std::byte storage_[sizeof(Archive)]{};
  Archive* archive_ = nullptr;
  bool taken_ = false;
};

template <class E>
Status CerealCodec<E>::encode(const E& entry, ByteSink& out) const {
  return call_codec<Status>(Errc::encode, [&]() -> Status {
    LentArchive<EntryOutputArchive>::lend([&](auto& archive) { archive.write(entry, out); });
    return {};
  });
}

template <class E>
Result<E> CerealCodec<E>::decode(BytesView bytes, std::uint32_t schema) const {
  static_assert(std::is_default_constructible_v<E>,
                "walkit: CerealCodec reads into a fresh E: give E a default constructor, or name "
                "another codec: WalWriter<E, MyCodec>");
  constexpr std::uint32_t known = entry_type<E>.schema;
  if (schema > known && newer_ == NewerSchema::refuse) return newer_schema(schema);
  if constexpr (std::is_default_constructible_v<E>) {
    return call_codec<Result<E> >(Errc::decode, [&]() -> Result<E> {
      using Schema = EntryInputArchive::Schema;
      Result<E> entry{E{}};
      try {
        LentArchive<EntryInputArchive>::lend([&](auto& archive) {
          archive.read(bytes, *entry,
                       schema == known  ? Schema::same
                       : schema < known ? Schema::older
                                        : Schema::newer);
        });
      } catch (const UnknownAlternative& unknown) {
        if (schema <= known) throw;
        Error error = newer_schema(schema);
        error.message += std::string(": ") + unknown.what();
        return error;
      }
      return entry;
    });
  }
}

template <class E>
Error CerealCodec<E>::newer_schema(std::uint32_t schema) {
  return Error{.code = Errc::incompatible,
               .message = "the entry was written with schema " + std::to_string(schema) +
                          ", this program knows " + std::to_string(entry_type<E>.schema),
               .next_step = "read it with the newer program"};
}

}  // namespace walkit
#endif
