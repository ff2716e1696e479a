// A plant's rows and log without a host: what snapshots are made of and put into. Shared by the
// tests of snapshots' files, their keeper and the history before them.
#pragma once

#include <map>
#include <string>

#include "cluster/row.hpp"
#include "cluster/snapshot_file.hpp"
#include "cluster/state_tables.hpp"
#include "tests/loop_harness.hpp"

namespace millrace::test {

/// Everything that the state holds of a plant, table and key to value.
using plant_rows = std::map<std::pair<table_id, std::string>, bytes>;

inline plant_rows rows_of(store& state, const std::string& plant) {
  plant_rows out;
  auto snapshot = state.snapshot();
  BOOST_REQUIRE(snapshot);
  const auto prefix = plant_prefix(plant);
  for (table_id table = 0; table < state_table::count; ++table) {
    auto cursor = (*snapshot)->scan(table);
    BOOST_REQUIRE(cursor);
    auto at = (*cursor)->seek(as_bytes_view(prefix));
    for (; *at && as_text((*cursor)->key()).starts_with(prefix); at = (*cursor)->next())
      out[{table, std::string(as_text((*cursor)->key()))}].assign((*cursor)->value().begin(),
                                                                  (*cursor)->value().end());
  }
  return out;
}

/// Rows of `actors` actors and some of other tables, as of `cut`.
inline void fill_state(store& state, const std::string& plant, journal_index cut, int actors,
                       const std::string& say = "x") {
  write_batch batch;
  const auto prefix = plant_prefix(plant);
  for (int i = 0; i < actors; ++i) {
    const auto local = "order/" + std::to_string(i);
    put_checked(batch, state_table::actors, prefix + local, payload(say + local));
    put_checked(batch, state_table::children, child_key(plant, local, "log", "1"), payload(say));
    batch.put(state_table::indexes,
              as_bytes_view(prefix + index_key("order", 1, say, std::to_string(i))), bytes_view());
  }
  batch.put(state_table::timers, as_bytes_view(prefix + "order/1"), row_writer().u64(7).seal());
  batch.put(state_table::plants, as_bytes_view(prefix), row_writer().u8(2).u64(cut).seal());
  BOOST_REQUIRE(state.commit(batch.writes()));
}

/// A log with that many entries and a checkpoint at `cut`.
struct maker_node {
  explicit maker_node(journal_index cut, int actors = 50, std::string plant = "hamburg")
      : name(std::move(plant)), log(std::make_shared<memory_disk>()), state(state_disk) {
    group = log.open(name);
    while (log.core.status(group)->last < cut + 5) {
      log.core.propose(group, entry_of("entry " + std::to_string(log.core.status(group)->last)));
      (void)log.turn();
    }
    BOOST_REQUIRE(log.core.checkpointed(group, cut, log.now));
    (void)log.turn();
    fill_state(state, name, cut, actors);
  }
  [[nodiscard]] snapshot_maker::source source() { return {state, log.store, group, name, 1}; }

  std::string name;
  std::shared_ptr<memory_disk> state_disk = std::make_shared<memory_disk>();
  process log;
  memory_store state;
  group_number group = 0;
};

}  // namespace millrace::test
