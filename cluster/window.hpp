// The idempotency window of a plant: which client keys were executed, where their outcome stands in
// the journal. Part of the replicated state: filled and evicted by journal position only, so that
// every replica has the same one.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/flat_map.hpp"
#include "cluster/row.hpp"
#include "schemas/engine/journal_generated.h"

namespace millrace {

struct window_limits {
  std::size_t ids_max = 262'144;  // of one plant; the oldest entry's ids go first
  std::int64_t age_us_max = 14ll * 24 * 3600 * 1'000'000;  // by the stamps of entries
};

/// Where the outcome of an id stands.
struct window_hit {
  std::uint64_t index =
      0;  // entry and place of the record that has the outcome (the settling one once settled)
  std::uint32_t ordinal = 0;
  std::uint64_t fingerprint = 0;
  engine::Outcome outcome = engine::Outcome::accepted;  // pending: not settled yet
};

/// id -> (index, ordinal, fingerprint, outcome). 40 bytes a row and 8 bytes of table: 48 bytes an
/// id, and 32 more for an id that was pending once. Not thread-safe.
class idempotency_window {
 public:
  explicit idempotency_window(window_limits limits = {});

  /// What the journal says about `id`; false when it is not in the window.
  [[nodiscard]] bool find(hash128 id, window_hit& out) const;
  /// Files a keyed outcome of the record (index, ordinal). Positions never go back. `ordinal` up to
  /// 65,535. `stamp` is the entry's. Ids that are older than the limits, seen from here, go: whole
  /// entries at a time.
  void add(hash128 id, std::uint64_t index, std::uint32_t ordinal, std::uint64_t fingerprint,
           engine::Outcome outcome, timestamp stamp);
  /// A pending id got its outcome in the record (index, ordinal). Unknown ids are none of the
  /// window's business, and an outcome that a client may have been told stays: what becomes of a
  /// parked fact later is not the answer to its key.
  void settle(hash128 id, std::uint64_t index, std::uint32_t ordinal, engine::Outcome outcome);

  /// True for a client key that is a UUIDv7 made before what the window still remembers: never
  /// executed (command.expired).
  [[nodiscard]] bool expired(std::string_view key, timestamp now) const;
  [[nodiscard]] std::size_t size() const { return live_; }
  /// First entry that still has ids; rows of the state environment below it are void.
  [[nodiscard]] std::uint64_t first_index() const;
  /// Stamp of the youngest entry that was evicted; 0 = none was.
  [[nodiscard]] timestamp horizon() const { return horizon_; }

  /// The ids of entry `index` as a row of the state environment; empty when it filed and settled
  /// none.
  [[nodiscard]] bytes entry_row(std::uint64_t index) const;
  /// Takes a row back, in the order of the entries. Error: state.damaged.
  [[nodiscard]] result<void> load_entry(std::uint64_t index, bytes_view row);
  void set_horizon(timestamp horizon) { horizon_ = horizon; }
  /// Hash over everything that a replica must have alike.
  [[nodiscard]] std::uint64_t hash() const;
  /// Bytes held, for the budget of the plant.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct row {
    hash128 id;
    std::uint64_t fingerprint = 0;
    std::uint64_t index : 48 = 0;
    std::uint64_t ordinal : 16 = 0;
  };
  static_assert(sizeof(row) == 32,
                "32 bytes of row, 5 alongside and 8 of table make 45 bytes an id");
  struct settled {
    std::uint64_t index = 0;
    hash128 id;
    std::uint32_t ordinal = 0;
    engine::Outcome outcome = engine::Outcome::accepted;
  };
  struct place {
    std::uint64_t index = 0;
    std::uint32_t ordinal = 0;
  };

  [[nodiscard]] std::size_t position(std::uint64_t number) const {
    return number & (rows_.size() - 1);
  }
  [[nodiscard]] std::size_t slot_of(hash128 id) const;
  [[nodiscard]] std::uint64_t number_at(std::size_t slot) const;
  void insert(const row& r, std::uint32_t stamp_s, engine::Outcome outcome);
  void apply_settle(const settled& s);
  void evict_first_entry();
  void erase_slot(std::size_t slot);
  void grow_rows();
  void rebuild_table(std::size_t slots);

  window_limits limits_;
  std::vector<row> rows_;                  // ring, by row number
  std::vector<engine::Outcome> outcomes_;  // rings alongside
  std::vector<std::uint32_t> stamps_;      // seconds since 1970 of the row's entry
  std::uint64_t first_ = 0;                // number of the oldest row
  std::size_t live_ = 0;
  std::vector<std::uint32_t> table_;  // open addressing: position in the ring + 1, 0 = empty
  std::deque<settled> settles_;       // in journal order, of entries that are still in the window
  flat_map<hash128, place> settled_;  // ids that were pending: where the outcome stands
  timestamp horizon_;
};

/// Command id of a client's key: hash of (principal, plant, key).
[[nodiscard]] hash128 command_key(std::string_view principal, std::string_view plant,
                                  std::string_view key);
/// Fingerprint of a request: hash of address, command and body.
[[nodiscard]] std::uint64_t command_fingerprint(std::string_view local_address,
                                                std::uint8_t command, bytes_view body);
/// Time inside a UUIDv7 ("01890a5d-ac96-774b-bcce-b302099a8057"); not given for anything else.
[[nodiscard]] timestamp uuid7_time(std::string_view key);

}  // namespace millrace
