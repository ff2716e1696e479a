// Merging scans over stored index rows and the overlay, both in the order of their keys.
// The overlay wins: it is newer by definition.
#include "cluster/list_overlay.hpp"

#include "cluster/state_tables.hpp"

namespace millrace {

void list_overlay::add(std::string_view kind, std::string_view id, std::uint16_t field,
                       std::string_view value, journal_index index) {
  rows_[index_key(kind, field, value, id)] = {true, index};
}

void list_overlay::apply(std::string_view kind, std::string_view id, const index_change& c,
                         journal_index index) {
  if (!c.before.empty()) rows_[index_key(kind, c.field, c.before, id)] = {false, index};
  if (!c.after.empty()) rows_[index_key(kind, c.field, c.after, id)] = {true, index};
}

void list_overlay::stored(journal_index index) {
  std::erase_if(rows_, [&](const auto& row) { return row.second.index <= index; });
}

result<std::vector<std::string>> list_overlay::scan(store_snapshot& state, std::string_view plant,
                                                    std::string_view kind, std::uint16_t field,
                                                    std::string_view value, std::string_view after,
                                                    std::size_t limit) const {
  const auto prefix = index_key(kind, field, value, {});
  const auto full = plant_prefix(plant) + prefix;
  auto cursor = state.scan(state_table::indexes);
  if (!cursor) return std::move(cursor).error();
  auto stored = (*cursor)->seek(as_bytes_view(full + std::string(after)));
  auto mine = rows_.lower_bound(prefix + std::string(after));
  const auto stored_id = [&]() -> std::string_view {
    if (!stored || !*stored) return {};
    const auto key = as_text((*cursor)->key());
    return key.starts_with(full) ? key.substr(full.size()) : std::string_view();
  };
  const auto my_id = [&]() -> std::string_view {
    return mine != rows_.end() && mine->first.starts_with(prefix)
               ? std::string_view(mine->first).substr(prefix.size())
               : std::string_view();
  };
  std::vector<std::string> out;
  while (out.size() < limit) {
    const auto theirs = stored_id();
    const auto ours = my_id();
    if (theirs.empty() && ours.empty()) break;
    const bool take_mine = !ours.empty() && (theirs.empty() || ours <= theirs);
    const auto id = take_mine ? ours : theirs;
    if (id > after && (!take_mine || mine->second.present)) out.emplace_back(id);
    const bool both = take_mine && ours == theirs;
    if (take_mine) ++mine;
    if (!take_mine || both) stored = (*cursor)->next();
  }
  if (!stored) return std::move(stored).error();
  return out;
}

result<bool> list_overlay::contains(store_snapshot& state, std::string_view plant,
                                    std::string_view kind, std::uint16_t field,
                                    std::string_view value, std::string_view id) const {
  const auto key = index_key(kind, field, value, id);
  if (const auto it = rows_.find(key); it != rows_.end()) return it->second.present;
  auto row = state.get(state_table::indexes, as_bytes_view(plant_prefix(plant) + key));
  if (!row) return std::move(row).error();
  return row->has_value();
}

}  // namespace millrace
