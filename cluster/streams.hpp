// Streams of messages between actors: one per (source plant, generation, target plant, lane),
// numbered from 1 without gaps in journal order. Messages within one plant are the same stream
// without the wire.
//
// The sender keeps a message until the receiver's watermark passes it; the receiver keeps the
// watermark (all up to it are done) and which of the numbers above it are done. Both change by
// journaled records only; what was handed out or sent since the leader began is volatile and is
// forgotten by `restart`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/row.hpp"
#include "schemas/engine/journal_generated.h"

namespace millrace {

inline constexpr std::uint64_t stream_window =
    4096;  // numbers above the watermark that may be under way or done
inline constexpr std::size_t stream_history =
    1024;  // acknowledged messages kept for a receiver that goes back
inline constexpr std::size_t stream_frame_messages = 256;
inline constexpr std::size_t stream_frame_bytes = 1 << 20;
inline constexpr std::int64_t stream_resend_us = 1'000'000;

using shared_message = std::shared_ptr<const engine::MessageT>;

/// A message with its number.
struct numbered_message {
  std::uint64_t number = 0;
  shared_message message;
  std::uint64_t index = 0;  // of the entry that filed it, 0 = not known
};
/// About what it costs to keep or send.
[[nodiscard]] std::size_t message_bytes(const engine::MessageT& m);

/// Sender's side of one stream.
class out_stream {
 public:
  /// Files the next message, which entry `index` has; answers its number.
  std::uint64_t file(shared_message message, std::uint64_t index = 0);
  /// Journaled: the receiver has everything up to `watermark`. False when that is nothing new.
  bool acknowledge(std::uint64_t watermark, std::size_t keep);
  /// The receiver stands below what was acknowledged here: its watermark counts, for the leader
  /// that hears it. False when a message that it lacks is no longer kept (the operator must resolve
  /// it).
  bool rewind(std::uint64_t watermark);
  /// It comes on again, up to what was acknowledged.
  void advance(std::uint64_t watermark);

  /// What may be handed over now: the next messages after those already handed over, within the
  /// window. They count as handed over.
  [[nodiscard]] std::vector<numbered_message> take(std::size_t limit, std::size_t bytes_max);
  [[nodiscard]] bool has_work() const {
    return taken_ + 1 < next_ && taken_ < acked() + stream_window;
  }
  /// Everything above the watermark is handed over anew.
  void restart() { taken_ = acked(); }
  [[nodiscard]] const numbered_message* find(std::uint64_t number) const;

  [[nodiscard]] std::uint64_t next() const { return next_; }
  /// What the receiver has as far as is known, and what the journal says that it has.
  [[nodiscard]] std::uint64_t acked() const { return std::min(acked_, rewound_to_); }
  [[nodiscard]] std::uint64_t journaled() const { return acked_; }
  [[nodiscard]] std::uint64_t waiting() const { return next_ - 1 - acked(); }
  [[nodiscard]] std::uint64_t waiting_bytes() const { return bytes_; }
  [[nodiscard]] bool under_way() const { return taken_ > acked(); }

 private:
  friend class stream_table;
  static constexpr std::uint64_t nowhere = ~std::uint64_t{0};
  std::uint64_t next_ = 1;
  std::uint64_t acked_ = 0;
  std::uint64_t rewound_to_ = nowhere;  // volatile: only a leader hears its receivers
  std::uint64_t taken_ = 0;             // volatile
  std::uint64_t bytes_ = 0;             // of what waits
  std::int64_t sent_at_us_ = 0;         // volatile
  std::deque<numbered_message> kept_;   // consecutive: some acknowledged ones, then those that wait
  std::uint64_t written_to_ = 0;  // rows of the state environment hold [erased_to_, written_to_)
  std::uint64_t erased_to_ = 0;
  bool dirty_ = false;
};

/// Receiver's side of one stream.
class in_stream {
 public:
  /// True when `number` was not done yet and is now. Numbers beyond the window are refused.
  bool finish(std::uint64_t number);
  [[nodiscard]] bool is_done(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t watermark() const { return watermark_; }
  /// Takes only the next number on the wire (or what is under way already): true = hand it to its
  /// actor.
  bool receive(std::uint64_t number);
  void restart() { received_ = watermark_; }

 private:
  friend class stream_table;
  std::uint64_t watermark_ = 0;
  std::uint64_t received_ = 0;  // volatile
  std::deque<bool> above_;      // above_[i]: watermark_ + 1 + i is done
  bool dirty_ = false;
};

/// All streams of one plant.
class stream_table {
 public:
  struct in_key {
    std::string plant;
    std::uint32_t generation = 0;
    Lane lane = Lane::rest;
    auto operator<=>(const in_key&) const = default;
  };
  struct out_key {
    std::string plant;
    Lane lane = Lane::rest;
    auto operator<=>(const out_key&) const = default;
  };
  [[nodiscard]] out_stream& out(std::string_view plant, Lane lane);
  [[nodiscard]] in_stream& in(std::string_view plant, std::uint32_t generation, Lane lane);
  [[nodiscard]] std::map<out_key, out_stream>& outgoing() { return out_; }
  [[nodiscard]] std::map<in_key, in_stream>& incoming() { return in_; }
  /// Forgets what was handed over: a new leader, a lost actor.
  void restart();
  /// Streams on the wire whose receiver has been silent since `stream_resend_us` go over anew.
  void resend(std::string_view own_plant, std::int64_t now_us);
  void sent(out_stream& s, std::int64_t now_us) { s.sent_at_us_ = now_us; }
  [[nodiscard]] std::uint64_t waiting(std::string_view plant, Lane lane) const;
  [[nodiscard]] std::uint64_t waiting_to(std::string_view plant) const;

  /// The oldest entry of the journal with a message that is not acknowledged; 0 = none is known.
  [[nodiscard]] std::uint64_t oldest_index() const;

  /// Rows that changed, without the plant's prefix: key, row (empty = erase).
  [[nodiscard]] std::vector<std::pair<std::string, bytes>> take_dirty();
  [[nodiscard]] result<void> load(std::string_view key, bytes_view row);
  [[nodiscard]] std::uint64_t hash() const;

 private:
  std::map<out_key, out_stream> out_;
  std::map<in_key, in_stream> in_;
};

}  // namespace millrace
