// Index rows and their actor's row are written in one transaction: a sound row tells which there
// are.
#include "cluster/index_rows.hpp"

#include <algorithm>

#include "cluster/state_tables.hpp"

namespace millrace {

namespace {

/// Nothing when the row or its state cannot be read.
std::optional<std::vector<std::string>> values_of_row(const kind& k, bytes_view row) {
  const bytes aligned(row.begin(), row.end());
  flatbuffers::Verifier verifier(aligned.data(), aligned.size());
  if (!verifier.VerifyBuffer<engine::ActorRow>(nullptr)) return std::nullopt;
  const auto* stored = flatbuffers::GetRoot<engine::ActorRow>(aligned.data());
  std::vector<std::string> out;
  if (stored->sequence() > 0) {
    const auto* table = stored->state();
    const auto state = table == nullptr || table->size() == 0
                           ? k.create()
                           : k.load(bytes_view(table->data(), table->size()));
    if (!state) return std::nullopt;
    k.index_values(*state, out);
  }
  out.resize(k.model().indexes.size());
  return out;
}

/// Values of a field under which the actor is listed. Takes one look a value that any actor has.
result<void> find_listed(store_snapshot& state, std::string_view plant, const kind& k,
                         std::uint16_t field, std::string_view id, std::vector<index_change>& out) {
  auto cursor = state.scan(state_table::indexes);
  if (!cursor) return std::move(cursor).error();
  auto prefix = plant_prefix(plant) + index_key(k.model().name, field, {}, {});
  prefix.pop_back();  // what ends a value
  auto at = (*cursor)->seek(as_bytes_view(prefix));
  while (at && *at) {
    const auto key = as_text((*cursor)->key());
    if (!key.starts_with(prefix)) return {};
    const auto rest = key.substr(prefix.size());
    std::string value(rest.substr(0, rest.find('\0')));
    auto listed =
        state.get(state_table::indexes, as_bytes_view(prefix + value + '\0' + std::string(id)));
    if (!listed) return std::move(listed).error();
    const auto behind = prefix + value + '\1';
    if (*listed) out.push_back({field, std::move(value), {}});
    at = (*cursor)->seek(as_bytes_view(behind));
  }
  if (!at) return std::move(at).error();
  return {};
}

}  // namespace

result<std::vector<index_change>> compare_index_rows(store_snapshot& state, std::string_view plant,
                                                     const kind& k, const actor_image& image) {
  const auto id = split_local(image.actor).second;
  const auto after = values_of_row(k, image.row);
  if (!after) return error{"state.damaged", image.actor + ": the image cannot be read"};
  std::vector<index_change> stored;
  auto row = read_actor_row(state, plant, image.actor);
  if (!row && row.error().code != "state.damaged") return std::move(row).error();
  const auto before = row && *row ? values_of_row(k, **row) : std::nullopt;
  const bool damaged = !row || (*row && !before);
  for (std::size_t f = 0; f < after->size(); ++f) {
    const auto field = static_cast<std::uint16_t>(f);
    if (before && !(*before)[f].empty()) stored.push_back({field, (*before)[f], {}});
    if (!damaged) continue;
    if (auto found = find_listed(state, plant, k, field, id, stored); !found)
      return std::move(found).error();
  }
  std::erase_if(stored, [&](const index_change& c) { return c.before == (*after)[c.field]; });
  for (std::size_t f = 0; f < after->size(); ++f)
    if (!(*after)[f].empty()) stored.push_back({static_cast<std::uint16_t>(f), {}, (*after)[f]});
  return stored;
}

}  // namespace millrace
