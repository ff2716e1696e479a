// Compares tables of the state environment row by row.

#include "tests/simulation/rows.hpp"

#include <map>
#include <set>
#include <tuple>

#include "cluster/list_overlay.hpp"
#include "cluster/state_tables.hpp"

namespace millrace::simulation {
namespace {

using keys = std::set<std::string>;

std::string readable(std::string key) {
  for (auto& c : key)
    if (static_cast<unsigned char>(c) < ' ') c = '|';
  return key;
}

/// Keys of a plant's rows, without its prefix; the handler gets each row.
template <class Take>
void each_row(store_snapshot& state, table_id table, const std::string& plant, Take take) {
  const auto prefix = plant_prefix(plant);
  auto cursor = state.scan(table);
  if (!cursor) return;
  auto at = (*cursor)->seek(as_bytes_view(prefix));
  for (; at && *at && as_text((*cursor)->key()).starts_with(prefix); at = (*cursor)->next())
    take(std::string(as_text((*cursor)->key()).substr(prefix.size())), (*cursor)->value());
}

/// The actor that an index row lists.
std::string listed_actor(const std::string& key) {
  return key.substr(0, key.find('\0')) + '/' + key.substr(key.rfind('\0') + 1);
}

void compare(const keys& wanted, const keys& there, const keys& exempt, const std::string& where,
             findings& found) {
  for (const auto& key : wanted)
    if (!there.contains(key) && !exempt.contains(listed_actor(key)))
      found.add("I5: " + where + ": the index row " + readable(key) + " is missing");
  for (const auto& key : there)
    if (!wanted.contains(key) && !exempt.contains(listed_actor(key)))
      found.add("I5: " + where + ": the index row " + readable(key) +
                " is of a value that the actor has not");
}

void add_values(const kind& k, std::string_view id, const state_object& state, keys& wanted) {
  std::vector<std::string> values;
  k.index_values(state, values);
  for (std::size_t field = 0; field < values.size(); ++field)
    if (!values[field].empty())
      wanted.insert(
          index_key(k.model().name, static_cast<std::uint16_t>(field), values[field], id));
}

/// A child row is as the journal's evolution left it.
void compare_child(store_snapshot& state, const std::string& plant, const std::string& actor,
                   const actor_image::child_row& row, bool damaged, const std::string& where,
                   findings& found) {
  const auto stored = read_child_row(state, plant, actor, row.table, row.key);
  if (!stored) {
    if (!damaged) found.add(where + ": " + stored.error().detail);
    return;
  }
  const bool same = row.row ? *stored && **stored == *row.row : !stored->has_value();
  if (!same)
    found.add("I5: " + where + ": the row " + row.table + ' ' + readable(row.key) + " of " + actor +
              (row.row ? *stored ? " differs" : " is missing" : " was erased") +
              ", says the journal");
}

}  // namespace

void check_rows(node& n, const std::string& plant, const account& book, bool damaged,
                findings& found) {
  const auto where = plant + " on node " + std::to_string(n.number());
  auto snapshot = n.state_store().snapshot();
  if (!snapshot) return found.add("the state environment cannot be read");
  keys wanted, there, exempt, children;
  for (const auto& [actor, evolved] : book.cells()) {
    if (evolved->sequence() == 0) continue;
    const auto stored = read_actor(**snapshot, plant, 1, actor);
    if (damaged && stored && !stored->quarantined.empty()) {
      exempt.insert(actor);
      continue;
    }
    const auto [kind_name, id] = split_local(actor);
    const auto image = evolved->image();  // all rows, and index values against none
    wanted.insert(index_key(kind_name, every_actor, {}, id));
    for (const auto& c : image->indexes)
      if (!c.after.empty()) wanted.insert(index_key(kind_name, c.field, c.after, id));
    for (const auto& row : image->rows) {
      compare_child(**snapshot, plant, actor, row, damaged, where, found);
      if (row.row) children.insert(child_key({}, actor, row.table, row.key).substr(1));
    }
  }
  each_row(**snapshot, state_table::indexes, plant,
           [&](std::string key, bytes_view) { there.insert(std::move(key)); });
  compare(wanted, there, exempt, where, found);
  each_row(**snapshot, state_table::children, plant, [&](const std::string& key, bytes_view) {
    if (!children.contains(key) && !exempt.contains(key.substr(0, key.find('\0'))))
      found.add("I5: " + where + ": the row " + readable(key) + " is not in the journal");
  });
}

void check_lists(node& n, const std::string& plant, const kind_registry& kinds, const account& book,
                 findings& found) {
  const auto where = plant + " on node " + std::to_string(n.number());
  using ids = std::set<std::string>;
  std::map<std::tuple<std::string, std::string, std::string>, ids> wanted;  // kind, field, value
  for (const auto& [actor, evolved] : book.cells()) {
    if (evolved->sequence() == 0) continue;
    const auto [kind_name, id] = split_local(actor);
    const auto* k = kinds.find(kind_name);
    const auto state = k->load(evolved->view().state);
    std::vector<std::string> values;
    if (state) k->index_values(*state, values);
    for (std::size_t f = 0; f < values.size(); ++f)
      if (!values[f].empty())
        wanted[{std::string(kind_name), k->model().indexes[f].field, values[f]}].emplace(id);
  }
  for (const auto& [which, expected] : wanted) {
    const auto& [kind_name, field, value] = which;
    list_query q;
    q.kind = kind_name;
    q.filters = {{field, value}};
    q.limit = 1'000;  // the most that a list gives; a run has fewer
    const auto page = n.host_of(plant)->list(q);
    if (!page) return found.add(where + ": " + kind_name + " is not listed");
    if (ids(page->ids.begin(), page->ids.end()) != expected)
      found.add("I5: " + where + ": the list of " + kind_name + " with " + field + ' ' + value +
                " shows " + std::to_string(page->ids.size()) + ", there are " +
                std::to_string(expected.size()));
  }
}

void check_index_rows(store& state, const std::string& plant, const kind_registry& kinds,
                      const std::string& where, findings& found) {
  auto snapshot = state.snapshot();
  if (!snapshot) return found.add("the state environment cannot be read");
  keys wanted, there, exempt;
  each_row(**snapshot, state_table::actors, plant, [&](const std::string& actor, bytes_view) {
    const auto [kind_name, id] = split_local(actor);
    const auto* k = kinds.find(kind_name);
    const auto row = read_actor(**snapshot, plant, 1, actor);
    if (!row || !row->quarantined.empty() || k == nullptr) return void(exempt.insert(actor));
    wanted.insert(index_key(kind_name, every_actor, {}, id));
    if (const auto object = k->load(row->state)) add_values(*k, id, *object, wanted);
  });
  each_row(**snapshot, state_table::indexes, plant, [&](std::string key, bytes_view) {
    const auto kind_name = key.substr(0, key.find('\0'));
    const auto field = key.substr(kind_name.size() + 1, 2);
    if (field == "\xFF\xFF" && !wanted.contains(key)) return;  // it is behind: listed all the same
    there.insert(std::move(key));
  });
  compare(wanted, there, exempt, where, found);
}

}  // namespace millrace::simulation
