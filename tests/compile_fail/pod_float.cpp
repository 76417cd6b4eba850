// expect: walkit: PodCodec<T>: T has padding or floating point, so equal values may differ in bytes. Fill the padding with named fields, or use CerealCodec<T>
#include "walkit/codec.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  std::int64_t cents = 0;
#else
  double price = 0;
#endif
};

template walkit::Status walkit::encode_entry(const walkit::PodCodec<Entry>&, const Entry&,
                                             walkit::ByteSink&);
template walkit::Result<Entry> walkit::decode_entry<Entry>(const walkit::PodCodec<Entry>&,
                                                           walkit::BytesView, std::uint32_t);
