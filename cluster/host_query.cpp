// What readers ask of a plant: lists, events, transactions, exceptions, dead letters, endpoints.
// Nobody reads above the applied index. The platform's own events are derived from the same records
// as the kinds' events.
#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cluster/host.hpp"
#include "cluster/journal_events.hpp"

namespace millrace {

namespace {
constexpr std::uint32_t list_max = 1000;
constexpr std::size_t hops_entries_max = 2'000;  // entries of one transaction
constexpr std::size_t history_entries_max =
    10'000;  // entries walked back for one page of an actor's events

}  // namespace

result<id_page> plant_host::list(const list_query& q) const {
  const auto* k = kinds_->find(q.kind);
  if (k == nullptr) return error{"route.unknown", "no kind " + q.kind};
  std::vector<std::pair<std::uint16_t, std::string>> filters;
  for (const auto& [name, value] : q.filters) {
    const auto& indexes = k->model().indexes;
    const auto it = std::find_if(indexes.begin(), indexes.end(),
                                 [&](const index_model& i) { return i.field == name; });
    if (it == indexes.end())
      return error{"request.invalid", q.kind + " has no indexed field " + name};
    filters.emplace_back(static_cast<std::uint16_t>(it - indexes.begin()), value);
  }
  if (filters.empty()) filters.emplace_back(every_actor, std::string());
  auto snapshot = state_->snapshot();
  if (!snapshot) return std::move(snapshot).error();
  const auto limit = std::clamp<std::uint32_t>(q.limit, 1, list_max);
  id_page page;
  std::string after = q.after;
  while (page.ids.size() <= limit) {
    auto ids = overlay_.scan(**snapshot, options_.plant, q.kind, filters[0].first,
                             filters[0].second, after, limit + 1);
    if (!ids) return std::move(ids).error();
    for (const auto& id : *ids) {
      bool matches = true;
      for (std::size_t i = 1; i < filters.size() && matches; ++i) {
        auto has = overlay_.contains(**snapshot, options_.plant, q.kind, filters[i].first,
                                     filters[i].second, id);
        if (!has) return std::move(has).error();
        matches = *has;
      }
      if (matches) page.ids.push_back(id);
      if (page.ids.size() > limit) break;
    }
    if (ids->size() <= limit) break;
    after = ids->back();
  }
  if (page.ids.size() > limit) {
    page.ids.resize(limit);
    page.next = page.ids.back();
  }
  return page;
}

// ---- events ----

result<event_page> plant_host::events(const event_query& q) const {
  if (!q.actor.empty()) {
    auto where = history(q.actor, std::max<journal_index>(q.index, 1));
    if (!where) return std::move(where).error();
    return events_at(q, *where);
  }
  if (!q.correlation.empty()) {
    auto where = correlated_entries(q.correlation);
    if (!where) return std::move(where).error();
    return events_at(q, *where);
  }
  return read_events(*kinds_, options_.plant, *journal_, q, applied_);
}

result<event_page> plant_host::events_at(const event_query& q,
                                         const std::vector<journal_index>& where) const {
  event_page page;
  const auto limit = std::clamp<std::uint32_t>(q.limit, 1, 1000);
  page.next_index = q.index;
  page.next_ordinal = q.ordinal;
  std::size_t kept = 0;
  for (const auto index : where) {
    if (index < q.index) continue;
    auto entries = journal_->read(index, index, 0);
    if (!entries && entries.error().code == "cursor.expired") continue;  // left with retention
    if (!entries) return std::move(entries).error();
    if (entries->empty())
      return error{"journal.damaged", "entry " + std::to_string(index) + " is missing"};
    const auto before = page.events.size();
    if (!append_events(*kinds_, options_.plant, entries->front(), q, limit, page)) return page;
    kept += bytes_from(page, before);
    if (kept > page_bodies_max && index != where.back()) return page;
  }
  page.at_head = true;
  return page;
}

result<std::vector<journal_index>> plant_host::history(std::string_view local,
                                                       journal_index from) const {
  journal_index at = 0;
  if (const auto slot = resident(local)) at = slots_[*slot].last_index;
  auto snapshot = state_->snapshot();
  if (!snapshot) return std::move(snapshot).error();
  auto row = read_actor_row(**snapshot, options_.plant, local);
  if (!row) return std::move(row).error();
  if (*row) {
    const bytes aligned((*row)->begin(), (*row)->end());
    at = std::max<journal_index>(at,
                                 flatbuffers::GetRoot<engine::ActorRow>(aligned.data())->index());
  }
  std::vector<journal_index> where;
  while (at >= from && at > 0 && where.size() < history_entries_max) {
    where.push_back(at);
    auto entries = journal_->read(at, at, 0);
    if (!entries && entries.error().code == "cursor.expired")
      break;  // older ones left with retention
    if (!entries) return std::move(entries).error();
    if (entries->empty()) break;
    const auto view = entry_view::trusted(*entries->front().payload);
    auto previous = at;
    for (const auto* r : view)
      if (r->actor() != nullptr && r->actor()->string_view() == local)
        previous = std::min(previous, r->previous());
    if (previous >= at) break;
    at = previous;
  }
  std::reverse(where.begin(), where.end());
  return where;
}

result<std::vector<journal_index>> plant_host::correlated_entries(
    std::string_view correlation) const {
  const auto name = correlation_name(correlation);
  const auto prefix = plant_prefix(options_.plant) + name;
  auto snapshot = state_->snapshot();
  if (!snapshot) return std::move(snapshot).error();
  auto cursor = (*snapshot)->scan(state_table::correlations);
  if (!cursor) return std::move(cursor).error();
  std::set<journal_index> where;
  auto at = (*cursor)->seek(as_bytes_view(prefix));
  for (; at && *at && where.size() < hops_entries_max; at = (*cursor)->next()) {
    const auto key = as_text((*cursor)->key());
    if (!key.starts_with(prefix) || key.size() != prefix.size() + 12) break;
    if (const auto index = key_number(key.substr(prefix.size())); index <= applied_)
      where.insert(index);
  }
  if (!at) return std::move(at).error();
  for (const auto& c : correlations_)
    if (c.name == name && where.size() < hops_entries_max) where.insert(c.index);
  return std::vector<journal_index>(where.begin(), where.end());
}

result<std::vector<hop>> plant_host::transaction(std::string_view correlation) const {
  auto where = correlated_entries(correlation);
  if (!where) return std::move(where).error();
  std::vector<hop> hops;
  for (const auto index : *where) {
    auto entries = journal_->read(index, index, 0);
    if (!entries && entries.error().code == "cursor.expired") continue;  // left with retention
    if (!entries) return std::move(entries).error();
    if (entries->empty())
      return error{"journal.damaged", "entry " + std::to_string(index) + " is missing"};
    append_hops(*kinds_, entries->front(), correlation, hops);
  }
  return hops;
}

// ---- exceptions, dead letters, endpoints ----

result<std::vector<exception_view>> plant_host::exceptions(std::string_view code,
                                                           std::string_view after,
                                                           std::uint32_t limit) const {
  std::vector<exception_view> out;
  for (auto it = exceptions_.upper_bound(after);
       it != exceptions_.end() && out.size() < std::clamp(limit, 1u, list_max); ++it) {
    const auto& [id, where] = *it;
    if (!code.empty() && where.code != code) continue;
    exception_view v;
    v.id = id;
    v.plant = options_.plant;
    v.actor = where.actor;
    v.code = where.code;
    auto entries = journal_->read(where.index, where.index, 0);
    if (!entries) return std::move(entries).error();
    if (entries->empty())
      return error{"journal.damaged", "entry " + std::to_string(where.index) + " is missing"};
    append_parked(*kinds_, entries->front(), where.ordinal, v);
    out.push_back(std::move(v));
  }
  return out;
}

std::string plant_host::exception_actor(std::string_view id) const {
  const auto it = exceptions_.find(id);
  return it == exceptions_.end() ? std::string() : it->second.actor;
}

std::vector<delivery_view> plant_host::deadletters(std::uint64_t after, std::uint32_t limit) const {
  std::vector<delivery_view> out;
  const auto load_row = fetcher();
  for (const auto number : outbox_.dead(after, std::clamp(limit, 1u, list_max))) {
    delivery_view v;
    if (!outbox_.view(number, load_row, v)) continue;
    const auto* k = kinds_->find(v.kind);
    if (const auto* model = k != nullptr ? k->model().delivery(v.member) : nullptr)
      v.type = model->wire_name;
    out.push_back(std::move(v));
  }
  return out;
}

std::vector<endpoint_view> plant_host::endpoints(timestamp now) const {
  std::vector<endpoint_view> out;
  for (const auto system : outbox_.systems()) out.push_back(outbox_.view(system, now));
  return out;
}

journal_index plant_host::needed_from() const {
  auto first = checkpoint_ + 1;
  if (window_.size() > 0) first = std::min<journal_index>(first, window_.first_index());
  for (const auto& [id, e] : exceptions_) first = std::min(first, e.index);
  for (const auto& [actor, b] : behind_) first = std::min(first, b.needed);
  for (const journal_index oldest : {outbox_.oldest_index(), streams_.oldest_index()})
    if (oldest > 0) first = std::min(first, oldest);
  return first;
}

std::uint64_t plant_host::hash() const {
  std::uint64_t h = 0;
  const auto mix = [&](const void* data, std::size_t size) {
    h = XXH3_64bits_withSeed(data, size, h);
  };
  for (const std::uint64_t part_hash :
       {window_.hash(), timers_.hash(), streams_.hash(), outbox_.hash(), applied_})
    mix(&part_hash, sizeof part_hash);
  for (const auto& [id, a] : asks_) {
    mix(&id, sizeof id);
    mix(a.reply_to.data(), a.reply_to.size());
    mix(a.tag.data(), a.tag.size());
  }
  for (const auto& [id, e] : exceptions_) {
    mix(id.data(), id.size());
    mix(&e.index, sizeof e.index);
    mix(&e.ordinal, sizeof e.ordinal);
  }
  return h;
}

}  // namespace millrace
