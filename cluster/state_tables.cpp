// Keys and checked values of the state environment, and how an actor is loaded from it and from the
// journal. Records above a stored row are found backwards, through Record.previous.
#include "cluster/state_tables.hpp"

#include <algorithm>

#include "cluster/crc32c.hpp"
#include "cluster/entry.hpp"
#include "cluster/row.hpp"
#include "cluster/row_names.hpp"

namespace millrace {

namespace {

constexpr std::size_t scan_bytes = 4 * 1024 * 1024;

void append_value(std::string& key, std::string_view value, std::size_t bytes_max) {
  for (const char c : value.substr(0, bytes_max)) key.push_back(c == '\0' ? '\1' : c);
}

/// The actor's records in one entry, newest first; answers the smallest `previous` among them.
journal_index collect(const log_entry& e, std::string_view local, journal_index row_index,
                      std::uint32_t row_ordinal, std::vector<loaded_actor::step>& out) {
  const auto view = entry_view::trusted(*e.payload);
  std::vector<loaded_actor::step> here;
  journal_index previous = e.index;
  for (auto it = view.begin(); it != view.end(); ++it) {
    const auto* r = *it;
    if (r->actor() == nullptr || r->actor()->string_view() != local) continue;
    previous = std::min(previous, r->previous());
    if (e.index < row_index || (e.index == row_index && it.ordinal() <= row_ordinal)) continue;
    here.push_back({e.index, it.ordinal(), view.stamp(), e.payload, r});
  }
  out.insert(out.end(), here.rbegin(), here.rend());
  return previous;
}

result<void> collect_back(journal_reader& journal, std::string_view local, journal_index upto,
                          journal_index row_index, std::uint32_t row_ordinal,
                          std::vector<loaded_actor::step>& out) {
  while (upto > 0 && upto >= row_index) {
    auto entries = journal.read(upto, upto, 0);
    if (!entries) return std::move(entries).error();
    if (entries->empty())
      return error{"journal.damaged", "entry " + std::to_string(upto) + " is missing"};
    const auto previous = collect(entries->front(), local, row_index, row_ordinal, out);
    if (previous >= upto)
      return error{"journal.damaged", "entry " + std::to_string(upto) + " does not lead back"};
    upto = previous;
  }
  std::reverse(out.begin(), out.end());
  return {};
}

result<void> collect_all(journal_reader& journal, std::string_view local, journal_index applied,
                         std::vector<loaded_actor::step>& out) {
  for (journal_index from = 1; from <= applied;) {
    auto entries = journal.read(from, applied, scan_bytes);
    if (!entries) return std::move(entries).error();
    if (entries->empty())
      return error{"journal.damaged", "entry " + std::to_string(from) + " is missing"};
    for (const auto& e : *entries) {
      from = e.index + 1;
      if (e.type != entry_type::command) continue;
      std::vector<loaded_actor::step> here;
      collect(e, local, 0, 0, here);
      out.insert(out.end(), here.rbegin(), here.rend());
    }
  }
  return {};
}

/// False when a child row of the actor does not have its checksum.
result<bool> children_whole(store_snapshot& state, std::string_view plant, std::string_view local) {
  auto cursor = state.scan(state_table::children);
  if (!cursor) return std::move(cursor).error();
  const auto prefix = actor_key(plant, local) + '\0';
  auto at = (*cursor)->seek(as_bytes_view(prefix));
  for (; at && *at && as_text((*cursor)->key()).starts_with(prefix); at = (*cursor)->next())
    if (!checked_body((*cursor)->value(), local)) return false;
  if (!at) return std::move(at).error();
  return true;
}

}  // namespace

std::string plant_prefix(std::string_view plant) {
  std::string key(plant);
  key.push_back('\0');
  return key;
}

std::string actor_key(std::string_view plant, std::string_view local) {
  return plant_prefix(plant).append(local);
}

std::string child_key(std::string_view plant, std::string_view local, std::string_view table,
                      std::string_view key) {
  auto out = actor_key(plant, local);
  out.push_back('\0');
  out.append(table).push_back('\0');
  return out.append(key);
}

std::string index_key(std::string_view kind, std::uint16_t field, std::string_view value,
                      std::string_view id) {
  std::string key(kind);
  key.push_back('\0');
  key.push_back(static_cast<char>(field >> 8));
  key.push_back(static_cast<char>(field));
  append_value(key, value, index_value_bytes_max);
  key.push_back('\0');
  return key.append(id);
}

std::string correlation_name(std::string_view correlation) {
  std::string raw = "u";
  int high = -1;
  for (std::size_t i = 0; i < correlation.size() && correlation.size() == 36; ++i) {
    const char c = correlation[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') break;
      continue;
    }
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) break;
    if (high < 0) {
      high = digit;
    } else {
      raw.push_back(static_cast<char>(high << 4 | digit));
      high = -1;
    }
  }
  if (raw.size() == 17) return raw;
  std::string text = "t";
  append_value(text, correlation, correlation_bytes_max);
  text.push_back('\0');
  return text;
}

void put_checked(write_batch& to, table_id table, std::string_view key, shared_bytes body) {
  const std::uint32_t crc = crc32c(*body);
  std::uint8_t head[sizeof crc];
  std::memcpy(head, &crc, sizeof crc);
  to.put(table, as_bytes_view(key), head, std::move(body));
}

result<bytes_view> checked_body(bytes_view value, std::string_view what) {
  std::uint32_t crc = 0;
  if (value.size() < sizeof crc)
    return error{"state.damaged", std::string(what) + ": the row is too short"};
  std::memcpy(&crc, value.data(), sizeof crc);
  const auto body = value.subspan(sizeof crc);
  if (crc32c(body) != crc)
    return error{"state.damaged", std::string(what) + ": the row's checksum does not match"};
  return body;
}

result<std::optional<bytes_view>> read_actor_row(store_snapshot& state, std::string_view plant,
                                                 std::string_view local) {
  auto value = state.get(state_table::actors, as_bytes_view(actor_key(plant, local)));
  if (!value) return std::move(value).error();
  if (!*value) return std::optional<bytes_view>();
  auto body = checked_body(**value, local);
  if (!body) return std::move(body).error();
  return std::optional<bytes_view>(*body);
}

result<actor_view> read_actor(store_snapshot& state, std::string_view plant,
                              std::uint32_t generation, std::string_view local) {
  auto row = read_actor_row(state, plant, local);
  if (!row) return std::move(row).error();
  if (!*row) return error{"actor.unknown", std::string(plant) + '/' + std::string(local)};
  const bytes copy((*row)->begin(), (*row)->end());  // aligned, as FlatBuffers want it
  flatbuffers::Verifier verifier(copy.data(), copy.size());
  if (!verifier.VerifyBuffer<engine::ActorRow>(nullptr))
    return error{"state.damaged", std::string(local) + ": not a row"};
  const auto* stored = flatbuffers::GetRoot<engine::ActorRow>(copy.data());
  if (stored->sequence() == 0)
    return error{"actor.unknown", std::string(plant) + '/' + std::string(local)};
  actor_view out;
  const auto [kind, id] = split_local(local);
  out.where = {std::string(plant), std::string(kind), std::string(id)};
  out.generation = generation;
  out.sequence = stored->sequence();
  if (stored->stamp() != nullptr) out.stamp = flatbuffers::UnPack(*stored->stamp());
  if (stored->state() != nullptr)
    out.state.assign(stored->state()->begin(), stored->state()->end());
  if (stored->quarantined() != nullptr) out.quarantined = stored->quarantined()->str();
  return out;
}

result<std::optional<bytes>> read_child_row(store_snapshot& state, std::string_view plant,
                                            std::string_view local, std::string_view table,
                                            std::string_view key) {
  auto value = state.get(state_table::children, as_bytes_view(child_key(plant, local, table, key)));
  if (!value) return std::move(value).error();
  if (!*value) return std::optional<bytes>();
  auto body = checked_body(**value, local);
  if (!body) return std::move(body).error();
  return std::optional<bytes>(bytes(body->begin(), body->end()));
}

result<std::vector<row_view>> read_child_rows(store_snapshot& state, std::string_view plant,
                                              std::string_view local, std::string_view table,
                                              std::string_view after, std::size_t limit) {
  auto cursor = state.scan(state_table::children);
  if (!cursor) return std::move(cursor).error();
  const auto prefix = child_key(plant, local, table, {});
  std::vector<row_view> out;
  auto at = (*cursor)->seek(as_bytes_view(prefix + std::string(after)));
  for (; at && *at && out.size() < limit; at = (*cursor)->next()) {
    const auto key = as_text((*cursor)->key());
    if (!key.starts_with(prefix)) break;
    const auto name = key.substr(prefix.size());
    if (!after.empty() && name <= after) continue;
    auto body = checked_body((*cursor)->value(), local);
    if (!body) return std::move(body).error();
    out.push_back({std::string(name), bytes(body->begin(), body->end())});
  }
  if (!at) return std::move(at).error();
  return out;
}

std::optional<std::vector<std::uint32_t>> hash_child_rows(store_snapshot& state,
                                                          std::string_view plant,
                                                          std::string_view local,
                                                          std::size_t limit) {
  const auto cursor = state.scan(state_table::children);
  if (!cursor) return std::nullopt;
  const auto prefix = actor_key(plant, local) + '\0';
  std::vector<std::uint32_t> out;
  auto at = (*cursor)->seek(as_bytes_view(prefix));
  for (; at && *at; at = (*cursor)->next()) {
    const auto key = as_text((*cursor)->key());
    if (!key.starts_with(prefix)) return out;
    if (out.size() >= limit) return std::nullopt;
    out.push_back(row_names::hash(key.substr(prefix.size())));
  }
  if (!at) return std::nullopt;
  return out;
}

result<loaded_actor> load_actor(store_snapshot& state, journal_reader& journal,
                                std::string_view plant, std::string_view local, journal_index upto,
                                journal_index applied, bool check_rows) {
  loaded_actor out;
  auto row = read_actor_row(state, plant, local);
  journal_index row_index = 0;
  std::uint32_t row_ordinal = 0;
  bool damaged = !row && row.error().code == "state.damaged";
  if (!row && !damaged) return std::move(row).error();
  if (row && *row) {
    out.row.assign((*row)->begin(), (*row)->end());
    flatbuffers::Verifier verifier(out.row.data(), out.row.size());
    damaged = !verifier.VerifyBuffer<engine::ActorRow>(nullptr);
    if (!damaged) {
      const auto* stored = flatbuffers::GetRoot<engine::ActorRow>(out.row.data());
      row_index = stored->index();
      row_ordinal = stored->ordinal();
    }
  }
  if (!damaged && !out.row.empty() && (check_rows || upto > row_index)) {
    auto whole = children_whole(state, plant, local);
    if (!whole) return std::move(whole).error();
    damaged = !*whole;
  }
  if (damaged) {
    out.row.clear();
    auto all = collect_all(journal, local, applied, out.records);
    if (!all) return std::move(all).error();
    return out;
  }
  if (upto < row_index || (upto == 0)) return out;
  auto back = collect_back(journal, local, upto, row_index, row_ordinal, out.records);
  if (!back) return std::move(back).error();
  return out;
}

void wipe_plant(write_batch& to, std::string_view plant) {
  const auto from = plant_prefix(plant);
  const auto end = std::string(plant) + '\1';
  for (table_id table = 0; table < state_table::count; ++table)
    to.erase_range(table, as_bytes_view(from), as_bytes_view(end));
  to.erase(state_table::installed, as_bytes_view(from));
}

}  // namespace millrace
