#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"
#include "walkit/codec.hpp"
#include "walkit/io/directory.hpp"

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp; walkit.hpp includes it

/// A state that was loaded.
template <class State>
struct Checkpoint {
  EntryId entry_id{};  // complete up to this entry; EntryId{}: before the first
  State state{};
  std::vector<Error> skipped{};  // newer ones that are damaged
  LogIdentity log{};             // whose state it is; zeros: the saver did not say
};

/// States, each complete up to an entry id: the checkpoints of one log. One store of a folder saves
/// at a time (`locked` else); any number may read. Saving needs memory for two parts of 1 MiB
/// beside what the codec takes, loading needs the state's bytes beside the state. Any thread.
///
/// C encodes and decodes State as it would an entry. Equal states give equal bytes if it is written
/// that way: std::map is, std::unordered_map is not.
template <class State, class C = CerealCodec<State>>
class CheckpointStore {
  static_assert(
      requires { sizeof(C); },
      "walkit: CerealCodec is not there. Include walkit/cereal_codec.hpp, which needs RTTI "
      "and exceptions, or name another codec: CheckpointStore<State, MyCodec>");

 public:
  /// Changes nothing: the folder is made by the first save. invalid_argument names the option.
  static Result<CheckpointStore> open(std::shared_ptr<Directory> directory,
                                      CheckpointOptions options = {}, C codec = {});

  /// Durable on return, whole or not at all, and read back; then the oldest beyond
  /// CheckpointOptions::keep go. It replaces one of the same id. invalid_argument: the log is not
  /// durable through it, as the caller says. too_large: more than max_bytes. no_space, io, encode:
  /// the checkpoints before are as they were. poisoned: a sync of the folder failed before.
  Status save(EntryId through, const State& state, EntryId log_durable_through) {
    return save_for(LogIdentity{}, through, state, log_durable_through);
  }
  /// The same for a state whose bytes are not made by the codec: write(ByteSink&) returns Status
  /// and may hand over more than memory holds, piece by piece. It must not throw.
  template <class F>
  Status save_stream(EntryId through, EntryId log_durable_through, F&& write) {
    return files_.save({through, log_durable_through, {}}, std::ref(write));
  }
  /// save(), with the identity of the log that it belongs to, which recovery then compares.
  Status save_for(const LogIdentity& log, EntryId through, const State& state,
                  EntryId log_durable_through);

  /// The newest good one up to `until`. not_found: none was saved; corrupt: none is good.
  /// incompatible: the newest is of another type, codec or a newer schema, which is no damage.
  Result<Checkpoint<State>> load_latest(EntryId until = EntryId::max()) const;
  /// corrupt: it is damaged. not_found: there is none at this id.
  Result<Checkpoint<State>> load(EntryId id) const;
  /// take(BytesView) returns Status and gets the state's bytes piece by piece, each verified. After
  /// an error what it was given is part of a state only.
  template <class F>
  Result<CheckpointInfo> load_stream(EntryId id, F&& take) const;

  Result<std::vector<CheckpointInfo>> list() const { return files_.list(); }  // oldest first
  /// What else stands in the folder: leftovers of a save that was stopped, which the next one
  /// removes, and files that are not walkit's.
  Result<std::vector<std::string>> other_files() const { return files_.other_files(); }
  /// Reads all of them: an error for each that is damaged.
  Result<std::vector<Error>> verify() const { return files_.verify(); }
  /// What prune() would remove; changes nothing.
  Result<std::vector<CheckpointInfo>> plan_prune() const { return files_.plan_prune(); }
  /// Removes what is older than the newest good ones that are to be kept; which those were.
  Result<std::vector<CheckpointInfo>> prune() { return files_.prune(); }
  /// Up to here the log is not needed even if all but the oldest of the kept ones were lost;
  /// EntryId{}: there are fewer good ones than CheckpointOptions::keep. Reads those that this store
  /// has not verified yet.
  Result<EntryId> covered_through() const { return files_.covered_through(); }
  /// What it is but for the State, for back_up().
  [[nodiscard]] const CheckpointFiles& files() const { return files_; }

 private:
  CheckpointStore(CheckpointFiles files, C codec)
      : files_(std::move(files)), codec_(std::move(codec)) {}
  Result<Checkpoint<State>> decode(CheckpointFiles::Found found, BytesView bytes) const;

  CheckpointFiles files_;
  C codec_;
};

template <class State, class C>
Result<CheckpointStore<State, C>> CheckpointStore<State, C>::open(
    std::shared_ptr<Directory> directory, CheckpointOptions options, C codec) {
  require_codec<C, State>();
  auto files =
      CheckpointFiles::open(std::move(directory), std::move(options),
                            CheckpointFiles::Contents{CodecId{C::id}.value, entry_type<State>});
  if (!files) return std::move(files).error();
  return CheckpointStore(std::move(*files), std::move(codec));
}

template <class State, class C>
Status CheckpointStore<State, C>::save_for(const LogIdentity& log, EntryId through,
                                           const State& state, EntryId log_durable_through) {
  const auto write = [&](ByteSink& sink) -> Status {
    return call_codec<Status>(Errc::encode, [&]() -> Status { return codec_.encode(state, sink); });
  };
  // By reference: it takes no memory.
  return files_.save({through, log_durable_through, log}, std::cref(write));
}

template <class State, class C>
Result<Checkpoint<State>> CheckpointStore<State, C>::decode(CheckpointFiles::Found found,
                                                            BytesView bytes) const {
  auto state = decode_entry<State>(codec_, bytes, found.schema);
  return call_codec<Result<Checkpoint<State>>>(Errc::decode, [&]() -> Result<Checkpoint<State>> {
    if (state) {
      return Checkpoint<State>{found.info.entry_id, std::move(*state), std::move(found.skipped),
                               found.log};
    }
    Error error = std::move(state).error();
    error.file = std::move(found.info.file);
    error.message = "the state at entry " + to_string(found.info.entry_id) + ": " + error.message;
    return error;
  });
}

template <class State, class C>
Result<Checkpoint<State>> CheckpointStore<State, C>::load_latest(EntryId until) const {
  Bytes bytes;
  auto found = files_.load_latest(until, bytes);
  if (!found) return std::move(found).error();
  return decode(std::move(*found), bytes);
}

template <class State, class C>
Result<Checkpoint<State>> CheckpointStore<State, C>::load(EntryId id) const {
  Bytes bytes;
  auto found = files_.load(id, bytes);
  if (!found) return std::move(found).error();
  return decode(std::move(*found), bytes);
}

template <class State, class C>
template <class F>
Result<CheckpointInfo> CheckpointStore<State, C>::load_stream(EntryId id, F&& take) const {
  auto found = files_.read(id, std::ref(take));
  if (!found) return std::move(found).error();
  return std::move(found->info);
}

}  // namespace walkit
