// The tables of the state environment and the grammar of their keys and values.
// Everything here is derivable from the journal: damaged, it is wiped and rebuilt.
//
//   plant   := name NUL                               every key begins with its plant
//   actors       plant "kind/id"                      -> checked engine.ActorRow
//   children     plant "kind/id" NUL table NUL key    -> checked row
//   indexes      plant kind NUL field:u16 value NUL id -> (nothing)    value: at most 128 bytes,
//   NUL as 0x01 window       plant index:u64                      -> sealed ids of that entry
//   (window.hpp) timers       plant "kind/id" NUL name             -> sealed due outbox       plant
//   number:u64                     -> sealed delivery (outbox_rows.cpp) streams      plant ... ->
//   sealed (streams.cpp) asks         plant id:16                          -> sealed reply_to ask
//   lane correlation origin exceptions   plant id                             -> sealed actor code
//   index ordinal correlations plant name NUL index:u64 ordinal:u32 -> (nothing)     name: 16 raw
//   bytes of a UUID after 'u', else 't' text plants       plant                                ->
//   sealed cut: what the checkpoint contains behind       plant "kind/id"                      ->
//   sealed needed:u64 last:u64: an actor whose row lacks records up to `last`, which the journal
//   has from `needed` on
//   installed    plant                                -> the head of the snapshot that the state
//   began from last (snapshot_file.hpp)
//
// Numbers in keys are big-endian. sealed: row.hpp. checked := crc32c:u32 bytes. Rows may be ahead
// of the cut: actors, children and their indexes carry their stamp in the actor's row; of window,
// outbox and correlations what lies above the cut is ignored and overwritten by the replay.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/journal_reader.hpp"
#include "cluster/kind.hpp"
#include "cluster/store.hpp"
#include "cluster/write_batch.hpp"
#include "schemas/result.hpp"

namespace millrace {

namespace state_table {
inline constexpr table_id actors = 0;
inline constexpr table_id children = 1;
inline constexpr table_id indexes = 2;
inline constexpr table_id window = 3;
inline constexpr table_id timers = 4;
inline constexpr table_id outbox = 5;
inline constexpr table_id streams = 6;
inline constexpr table_id asks = 7;
inline constexpr table_id exceptions = 8;
inline constexpr table_id correlations = 9;
inline constexpr table_id plants = 10;
inline constexpr table_id behind = 11;
inline constexpr table_id count = 12;  // of those that hold rows of plants
inline constexpr table_id node = 12;   // the directory's identity (identity.hpp)
inline constexpr table_id installed = 13;
}  // namespace state_table

inline constexpr std::size_t index_value_bytes_max = 128;
inline constexpr std::size_t correlation_bytes_max =
    128;  // of the name in a key; what is longer is cut

[[nodiscard]] inline bytes_view as_bytes_view(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
[[nodiscard]] inline std::string_view as_text(bytes_view b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

/// "plant NUL"; other keys append to it.
[[nodiscard]] std::string plant_prefix(std::string_view plant);
[[nodiscard]] std::string actor_key(std::string_view plant, std::string_view local);
[[nodiscard]] std::string child_key(std::string_view plant, std::string_view local,
                                    std::string_view table, std::string_view key);
/// Without the plant's prefix.
[[nodiscard]] std::string index_key(std::string_view kind, std::uint16_t field,
                                    std::string_view value, std::string_view id);
[[nodiscard]] std::string correlation_name(std::string_view correlation);

/// crc32c ++ body, and back. Error: state.damaged.
void put_checked(write_batch& to, table_id table, std::string_view key, shared_bytes body);
[[nodiscard]] result<bytes_view> checked_body(bytes_view value, std::string_view what);

/// The stored ActorRow, nothing when there is none; the view lives as long as the snapshot. Error:
/// state.damaged.
[[nodiscard]] result<std::optional<bytes_view>> read_actor_row(store_snapshot& state,
                                                               std::string_view plant,
                                                               std::string_view local);
/// The same as a reader sees it. Errors: actor.unknown, state.damaged.
[[nodiscard]] result<actor_view> read_actor(store_snapshot& state, std::string_view plant,
                                            std::uint32_t generation, std::string_view local);
/// A stored child row. Error: state.damaged.
[[nodiscard]] result<std::optional<bytes>> read_child_row(store_snapshot& state,
                                                          std::string_view plant,
                                                          std::string_view local,
                                                          std::string_view table,
                                                          std::string_view key);
/// Stored child rows of a table above `after`, by key.
[[nodiscard]] result<std::vector<row_view>> read_child_rows(
    store_snapshot& state, std::string_view plant, std::string_view local, std::string_view table,
    std::string_view after, std::size_t limit);

/// Hashes of the names of an actor's stored child rows (row_names); nothing when they are more than
/// `limit` or cannot be read.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> hash_child_rows(store_snapshot& state,
                                                                        std::string_view plant,
                                                                        std::string_view local,
                                                                        std::size_t limit);

/// What a cell is made from: its row, then the records above it, oldest first.
struct loaded_actor {
  bytes row;  // ActorRow; empty = none
  struct step {
    journal_index index = 0;
    std::uint32_t ordinal = 0;
    timestamp stamp;
    shared_bytes entry;
    const engine::Record* record = nullptr;  // inside `entry`
  };
  std::vector<step> records;
};
/// Loads an actor as of `upto`, the index of its last committed record (0: the row alone is
/// current). A row that is damaged is rebuilt from the whole journal up to `applied`; likewise an
/// actor one of whose child rows is, when they are looked at: with `check_rows`, or when there are
/// records to evolve. Errors: journal.damaged, disk.failed, cursor.expired.
[[nodiscard]] result<loaded_actor> load_actor(store_snapshot& state, journal_reader& journal,
                                              std::string_view plant, std::string_view local,
                                              journal_index upto, journal_index applied,
                                              bool check_rows = false);

/// Erases all rows of a plant.
void wipe_plant(write_batch& to, std::string_view plant);

}  // namespace millrace
