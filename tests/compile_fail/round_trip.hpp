#pragma once

#include "walkit/cereal_codec.hpp"

/// Instantiates both directions, as a writer and a reader of E would.
template <class E>
void round_trip(const E& entry, walkit::ByteSink& sink) {
  walkit::encode_entry(walkit::CerealCodec<E>{}, entry, sink).ignore("only compiled");
  walkit::decode_entry<E>(walkit::CerealCodec<E>{}, {}, 1).ignore("only compiled");
}
