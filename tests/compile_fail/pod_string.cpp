// expect: walkit: PodCodec<T>: T is not trivially copyable, or is a pointer or view, so its bytes mean nothing after a restart. Use CerealCodec<T>
#include <string>

#include "walkit/codec.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  char name[16] = "";
#else
  std::string name{};
#endif
};

template walkit::Status walkit::encode_entry(const walkit::PodCodec<Entry>&, const Entry&,
                                             walkit::ByteSink&);
template walkit::Result<Entry> walkit::decode_entry<Entry>(const walkit::PodCodec<Entry>&,
                                                           walkit::BytesView, std::uint32_t);
