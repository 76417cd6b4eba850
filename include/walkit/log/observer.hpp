#pragma once

#include <chrono>
#include <cstdint>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

/// Is told what a writer does, for metrics, traces and logs: WalOptions::observer. Every call does
/// nothing unless overridden. None may throw, call the writer, or wait for somebody who does:
/// appends may be waiting for it. The writer has no thread for them: they come on the threads that
/// do the work. on_append and may_trim may come from any number of threads at once, in any order;
/// on_flush, on_sync and on_rotate come one at a time, in order, before those who wait for that
/// group return.
class WalObserver {
 public:
  virtual ~WalObserver() = default;

  /// A call that gave these ids is about to succeed, at the level of its policy.
  virtual void on_append(EntryIdRange /*ids*/, std::uint64_t /*payload_bytes*/) noexcept {}
  /// A group is with the operating system: all up to that id; `bytes` were written for it.
  virtual void on_flush(EntryId /*through*/, std::uint64_t /*bytes*/) noexcept {}
  /// A group is durable: all up to that id; its sync took so long. (The syncs of a new segment, a
  /// marker and a close are nobody's group.)
  virtual void on_sync(EntryId /*through*/, std::chrono::nanoseconds /*took*/) noexcept {}
  /// A segment begins, empty: the first one of this writer's life too.
  virtual void on_rotate(const SegmentInfo& /*begun*/) noexcept {}
  /// publish_checkpoint() is done: a checkpoint complete through that id; the oldest entry left.
  virtual void on_checkpoint(EntryId /*through*/, EntryId /*oldest*/) noexcept {}
  /// Asked for each segment that a trim beside this writer would remove, oldest first, once or
  /// more. false: it stays, and all behind it.
  virtual bool may_trim(const SegmentInfo& /*segment*/) noexcept { return true; }
  /// It is no part of the log any more, and its file is about to go.
  virtual void on_trim(const SegmentInfo& /*segment*/) noexcept {}
  /// The writer refuses all work from here on. Called once, under the writer's mutex.
  virtual void on_poison(const Error& /*why*/) noexcept {}
};

}  // namespace walkit
