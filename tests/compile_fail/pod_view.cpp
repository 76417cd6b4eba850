// expect: walkit: PodCodec<T>: T is not trivially copyable, or is a pointer or view, so its bytes mean nothing after a restart. Use CerealCodec<T>
#include <array>
#include <string_view>

#include "walkit/codec.hpp"

#ifdef WALKIT_FIXED
using Entry = std::array<char, 16>;
#else
using Entry = std::string_view;
#endif

template walkit::Status walkit::encode_entry(const walkit::PodCodec<Entry>&, const Entry&,
                                             walkit::ByteSink&);
template walkit::Result<Entry> walkit::decode_entry<Entry>(const walkit::PodCodec<Entry>&,
                                                           walkit::BytesView, std::uint32_t);
