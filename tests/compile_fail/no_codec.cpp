// expect: walkit: C is no codec for E. It needs "static constexpr walkit::CodecId id{"mine"}; walkit::Status encode(const E&, walkit::ByteSink&) const; walkit::Result<E> decode(walkit::BytesView) const;"
#include "walkit/codec.hpp"

struct Entry {};

struct MyCodec {
  static constexpr walkit::CodecId id{"mine"};
  walkit::Status encode(const Entry&, walkit::ByteSink&) const;
#ifdef WALKIT_FIXED
  walkit::Result<Entry> decode(walkit::BytesView) const;
#endif
};

template walkit::Status walkit::encode_entry(const MyCodec&, const Entry&, walkit::ByteSink&);
