// The cut: what the state environment gets of a plant, in slices, and how a host begins from it.
// Actors answer with images as of the cut or later (their rows carry their stamp); everything else
// is taken at the cut. Rows that may lie ahead of the cut go with the slices, changes and erasures
// of older rows with the last transaction.
#include <algorithm>

#include "cluster/check.hpp"
#include "cluster/host.hpp"
#include "cluster/index_rows.hpp"
#include "cluster/row.hpp"

namespace millrace {

namespace {

// plants: version:u8=2 cut:u64 stamp outbox_next:u64 horizon pauses:u32 (system:u8 until reason)*
// journal_size; version 1 ends before it
constexpr std::uint8_t meta_version = 2;

constexpr std::size_t images_at_once_max = 128;    // rows asked for and not answered, about
constexpr std::size_t images_sorted_max = 16'384;  // a sort of so many takes a few milliseconds

void put(write_batch& to, table_id table, const std::string& key, const bytes& row) {
  if (row.empty())
    to.erase(table, as_bytes_view(key));
  else
    to.put(table, as_bytes_view(key), row);
}

std::string id_key(hash128 id) {
  std::string key;
  append_key(key, id.hi);
  append_key(key, id.lo);
  return key;
}

template <class Ask>
bytes ask_row(const Ask& a) {
  row_writer row;
  row.text(a.reply_to).text(a.tag).text(a.correlation).u8(static_cast<std::uint8_t>(a.lane));
  return row.id(a.origin).seal();
}

template <class OpenException>
bytes exception_row(const OpenException& e) {
  return row_writer().text(e.actor).text(e.code).u64(e.index).u32(e.ordinal).seal();
}

}  // namespace

void plant_host::checkpoint(timestamp now, std::function<void()> done_cb) {
  if (cut_) {
    if (done_cb) cut_->done.push_back(std::move(done_cb));
    return;
  }
  cut_ = std::make_unique<cut>();
  cut_->index = applied_;
  cut_->outbox_next = outbox_.next_number();
  cut_->slice = std::make_shared<write_batch>();
  cut_->last = std::make_shared<write_batch>();
  if (done_cb) cut_->done.push_back(std::move(done_cb));
  records_since_cut_ = 0;
  cut_at_ = now;
  put_tables();
  auto& wanted = cut_->to_ask;
  for (const auto slot : std::exchange(dirty_slots_, {})) {
    auto& s = slots_[slot];
    if (!s.dirty || s.imaging || s.state == slot_state::phase::broken) continue;
    s.imaging = true;
    wanted.push_back(slot);
  }
  cut_->images = wanted.size();
  for (const auto& [slot, b] : broken_)
    if (slots_[slot].dirty && !slots_[slot].imaging) leave_behind(slot);
  // Rows of neighbours lie on the same pages: in order, a page is written once. What is too much to
  // be sorted within a turn is written as it comes.
  if (wanted.size() <= images_sorted_max)
    std::sort(wanted.begin(), wanted.end(),
              [&](auto a, auto b) { return slots_[a].local > slots_[b].local; });
  ask_images();
  advance_cut(now);
}

/// A few actors a turn are asked for their images, so that commands go on in between. One that has
/// not been asked yet still counts as changed: what it does meanwhile will be in its image.
void plant_host::ask_images() {
  while (cut_ && !cut_->to_ask.empty() && cut_->under_way < images_at_once_max) {
    const auto slot = cut_->to_ask.back();
    cut_->to_ask.pop_back();
    auto& s = slots_[slot];
    if (!s.imaging) continue;  // it broke meanwhile: the cut goes on without it
    s.dirty = false;
    s.asked = std::exchange(s.unsaved, 0) + 1;
    cut_->under_way += s.asked;
    port_->image(slot);
  }
}

void plant_host::put_tables() {
  const auto plant = plant_prefix(options_.plant);
  const auto numbered = [&](std::uint64_t n) {
    auto key = plant;
    append_key(key, n);
    return key;
  };
  const auto first = window_.first_index();
  for (auto i = std::max(window_written_ + 1, first); first > 0 && i <= applied_; ++i) {
    if (const auto row = window_.entry_row(i); !row.empty())
      put(*cut_->slice, state_table::window, numbered(i), row);
    send_slice(false);
  }
  window_written_ = applied_;
  if (first > window_erased_) {
    cut_->last->erase_range(state_table::window, as_bytes_view(plant),
                            as_bytes_view(numbered(first)));
    window_erased_ = first;
  }
  for (const auto& [number, row] : outbox_.take_dirty()) {
    const bool ahead = number >= outbox_stored_ && !row.empty();
    put(ahead ? *cut_->slice : *cut_->last, state_table::outbox, numbered(number), row);
    send_slice(false);
  }
  for (const auto& c : correlations_) {
    auto key = plant + c.name;
    append_key(key, c.index);
    append_key32(key, c.ordinal);
    cut_->slice->put(state_table::correlations, as_bytes_view(key), bytes_view());
    send_slice(false);
  }
  for (const auto& [key, row] : timers_.take_dirty())
    put(*cut_->last, state_table::timers, plant + key, row);
  for (const auto& [key, row] : streams_.take_dirty())
    put(*cut_->last, state_table::streams, plant + key, row);
  for (const auto& id : dirty_asks_) {
    const auto it = asks_.find(id);
    bytes row;
    if (it != asks_.end()) row = ask_row(it->second);
    put(*cut_->last, state_table::asks, plant + id_key(id), row);
  }
  dirty_asks_.clear();
  for (const auto& id : dirty_exceptions_) {
    const auto it = exceptions_.find(id);
    bytes row;
    if (it != exceptions_.end()) row = exception_row(it->second);
    put(*cut_->last, state_table::exceptions, plant + id, row);
  }
  dirty_exceptions_.clear();
  row_writer meta;
  meta.u8(meta_version)
      .u64(cut_->index)
      .time(stamp_)
      .u64(cut_->outbox_next)
      .time(window_.horizon());
  meta.u32(static_cast<std::uint32_t>(pauses_.size()));
  for (const auto& [system, p] : pauses_)
    meta.u8(static_cast<std::uint8_t>(system)).time(p.until).text(p.reason);
  journal_size_.save(meta);
  put(*cut_->last, state_table::plants, plant, meta.seal());
}

void plant_host::send_slice(bool force) {
  if (cut_->slice->empty() || (!force && cut_->slice->size_bytes() < options_.slice_bytes_max))
    return;
  ++cut_->slices;
  port_->write(std::exchange(cut_->slice, std::make_shared<write_batch>()));
}

void plant_host::on_image(slot_number slot, std::shared_ptr<const actor_image> image,
                          std::size_t cell_bytes) {
  auto& s = slots_[slot];
  if (s.asked == 0) return;
  if (!image) {
    port_->alarm("state.damaged", s.local + " has no state to store: its row stays behind");
    no_image(slot);
    return;
  }
  auto indexes = index_changes_of(slot, *image);
  if (!indexes) {
    port_->alarm(indexes.error().code, s.local + ": " + indexes.error().detail);
    no_image(slot);
    return;
  }
  s.imaging = false;
  s.storing = true;
  cut_->under_way -= std::exchange(s.asked, 0);
  --cut_->images;
  caught_up(s.local);
  resident_bytes_ += cell_bytes - s.size;
  s.size = static_cast<std::uint32_t>(cell_bytes);
  auto& to = *cut_->slice;
  const auto plant = plant_prefix(options_.plant);
  put_checked(to, state_table::actors, actor_key(options_.plant, image->actor),
              shared_bytes(image, &image->row));
  for (const auto& row : image->rows) {
    const auto key = child_key(options_.plant, image->actor, row.table, row.key);
    if (row.row)
      put_checked(to, state_table::children, key, row.row);
    else
      to.erase(state_table::children, as_bytes_view(key));
  }
  const auto [kind_name, id] = split_local(image->actor);
  for (const auto& c : *indexes) {
    if (!c.before.empty())
      to.erase(state_table::indexes,
               as_bytes_view(plant + index_key(kind_name, c.field, c.before, id)));
    if (!c.after.empty())
      to.put(state_table::indexes,
             as_bytes_view(plant + index_key(kind_name, c.field, c.after, id)), bytes_view());
  }
  if (s.fresh) {
    s.fresh = false;
    to.put(state_table::indexes, as_bytes_view(plant + index_key(kind_name, every_actor, {}, id)),
           bytes_view());
  }
  cut_->slots.push_back(slot);
  send_slice(false);
  if (cut_->images == 0) advance_cut(cut_at_);
}

/// A cell that was loaded anew counts from the row that it found, which was perhaps older than an
/// image on its way to the disk, or damaged.
result<std::vector<index_change>> plant_host::index_changes_of(slot_number slot,
                                                               const actor_image& image) {
  auto& s = slots_[slot];
  if (!s.relist) return image.indexes;
  if (s.state != slot_state::phase::loading) s.relist = false;  // else it is the last cell's
  auto snapshot = state_->snapshot();
  if (!snapshot) return std::move(snapshot).error();
  return compare_index_rows(**snapshot, options_.plant, *s.what, image);
}

void plant_host::on_written(timestamp now) {
  if (!cut_) return;
  check(cut_->slices > 0);
  --cut_->slices;
  advance_cut(now);
  end_turn(now);
}

void plant_host::advance_cut(timestamp) {
  if (cut_->images > 0) return;
  if (!cut_->last_sent) {
    send_slice(true);
    if (cut_->slices > 0) return;
    cut_->last_sent = true;
    ++cut_->slices;
    port_->write(cut_->last);
    return;
  }
  if (cut_->slices > 0) return;
  auto finished = std::move(cut_);
  checkpoint_ = finished->index;
  outbox_stored_ = finished->outbox_next;
  overlay_.stored(checkpoint_);
  outbox_.rows_written(outbox_stored_);
  std::erase_if(correlations_, [&](const correlated& c) { return c.index <= checkpoint_; });
  for (const auto slot : finished->slots) {
    slots_[slot].storing = false;
    port_->stored(slot);
  }
  ++counters_.checkpoints;
  port_->checkpointed(checkpoint_);
  for (auto& f : finished->done) f();
}

// ---- beginning from it ----

outbox::fetch plant_host::fetcher() const {
  const auto row = [this](std::uint64_t number) -> std::shared_ptr<const bytes> {
    auto key = plant_prefix(options_.plant);
    append_key(key, number);
    auto snapshot = state_->snapshot();
    if (!snapshot) return nullptr;
    const auto found = (*snapshot)->get(state_table::outbox, as_bytes_view(key));
    if (!found || !*found) return nullptr;
    return std::make_shared<const bytes>((*found)->begin(), (*found)->end());
  };
  return {row, [this](std::uint64_t number, const delivery_origin& from) {
            return filed_effect(number, from);
          }};
}

result<void> plant_host::load_meta(store_snapshot& from) {
  auto row = from.get(state_table::plants, as_bytes_view(plant_prefix(options_.plant)));
  if (!row) return std::move(row).error();
  if (!*row) return {};
  auto in = row_reader::open(**row, "plant");
  if (!in) return std::move(in).error();
  const auto version = in->u8();
  if (version < 1 || version > meta_version)
    return error{"state.damaged", "plant: the row has an unknown version"};
  applied_ = checkpoint_ = window_written_ = in->u64();
  stamp_ = in->time();
  outbox_stored_ = in->u64();
  window_.set_horizon(in->time());
  for (auto n = in->u32(); n > 0 && in->ok(); --n) {
    const auto system = static_cast<System>(in->u8());
    const auto until = in->time();
    const std::string reason(in->text());
    pauses_[system] = {until, reason};
    outbox_.pause(system, until, reason);
  }
  if (version > 1) journal_size_.load(*in);
  if (!in->ok()) return error{"state.damaged", "plant: the row is short"};
  return {};
}

result<void> plant_host::load_table(
    store_snapshot& from, table_id table,
    const std::function<result<void>(std::string_view, bytes_view)>& take_row) {
  auto cursor = from.scan(table);
  if (!cursor) return std::move(cursor).error();
  const auto plant = plant_prefix(options_.plant);
  auto at = (*cursor)->seek(as_bytes_view(plant));
  for (; at && *at; at = (*cursor)->next()) {
    const auto key = as_text((*cursor)->key());
    if (!key.starts_with(plant)) return {};
    if (auto taken = take_row(key.substr(plant.size()), (*cursor)->value()); !taken) return taken;
  }
  if (!at) return std::move(at).error();
  return {};
}

result<void> plant_host::load() {
  auto snapshot = state_->snapshot();
  if (!snapshot) return std::move(snapshot).error();
  auto& from = **snapshot;
  if (auto meta = load_meta(from); !meta) return meta;
  auto loaded = load_table(
      from, state_table::window, [&](std::string_view key, bytes_view row) -> result<void> {
        return key_number(key) > checkpoint_ ? result<void>()
                                             : window_.load_entry(key_number(key), row);
      });
  if (!loaded) return loaded;
  loaded = load_table(
      from, state_table::outbox, [&](std::string_view key, bytes_view row) -> result<void> {
        return key_number(key) >= outbox_stored_ ? result<void>()
                                                 : outbox_.load(key_number(key), row);
      });
  if (!loaded) return loaded;
  if (outbox_stored_ > 0) outbox_.set_next(outbox_stored_);
  loaded = load_table(from, state_table::timers,
                      [&](std::string_view key, bytes_view row) { return timers_.load(key, row); });
  if (!loaded) return loaded;
  loaded = load_table(from, state_table::streams, [&](std::string_view key, bytes_view row) {
    return streams_.load(key, row);
  });
  if (!loaded) return loaded;
  loaded = load_table(from, state_table::asks,
                      [&](std::string_view key, bytes_view row) -> result<void> {
                        auto in = row_reader::open(row, "ask");
                        if (!in) return std::move(in).error();
                        if (key.size() != 16)
                          return error{"state.damaged", "ask: the key is not an id"};
                        ask a;
                        a.reply_to = in->text();
                        a.tag = in->text();
                        a.correlation = in->text();
                        a.lane = static_cast<Lane>(in->u8());
                        a.origin = in->id();
                        asks_[{key_number(key), key_number(key.substr(8))}] = std::move(a);
                        return {};
                      });
  if (!loaded) return loaded;
  loaded = load_table(from, state_table::exceptions,
                      [&](std::string_view key, bytes_view row) -> result<void> {
                        auto in = row_reader::open(row, "exception");
                        if (!in) return std::move(in).error();
                        open_exception e;
                        e.actor = in->text();
                        e.code = in->text();
                        e.index = in->u64();
                        e.ordinal = in->u32();
                        exceptions_[std::string(key)] = std::move(e);
                        return {};
                      });
  if (!loaded) return loaded;
  return load_behind(from);
}

}  // namespace millrace
