// expect: walkit/cereal_codec.hpp: cereal needs RTTI. Under -fno-rtti include walkit/wal_writer.hpp and name another codec: WalWriter<E, MyCodec>
// flags: -fno-rtti
#ifdef WALKIT_FIXED
#include <string>

#include "walkit/codec.hpp"

template walkit::Status walkit::encode_entry(const walkit::BytesCodec&, const std::string&,
                                             walkit::ByteSink&);
template walkit::Result<std::string> walkit::decode_entry<std::string>(const walkit::BytesCodec&,
                                                                       walkit::BytesView,
                                                                       std::uint32_t);
template walkit::Status walkit::encode_entry(const walkit::PodCodec<int>&, const int&,
                                             walkit::ByteSink&);
template walkit::Result<int> walkit::decode_entry<int>(const walkit::PodCodec<int>&,
                                                       walkit::BytesView, std::uint32_t);
#else
#include "walkit/cereal_codec.hpp"
#endif
