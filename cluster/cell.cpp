// A cell's life: load, evolve what others proposed, show its committed state, be stored.
// How it decides is in cell_run.cpp.
#include "cluster/cell.hpp"

#include <algorithm>
#include <utility>

#include "cluster/cell_parts.hpp"
#include "cluster/check.hpp"

namespace millrace {

namespace {

/// One builder a thread for checkpoint rows.
flatbuffers::FlatBufferBuilder& row_builder() {
  thread_local flatbuffers::FlatBufferBuilder builder(4096);
  builder.Clear();
  return builder;
}

std::vector<index_change> difference(const std::vector<std::string>& before,
                                     const std::vector<std::string>& after) {
  std::vector<index_change> out;
  for (std::size_t i = 0; i < after.size(); ++i)
    if (before[i] != after[i]) out.push_back({static_cast<std::uint16_t>(i), before[i], after[i]});
  return out;
}

}  // namespace

std::string overlay_key(std::string_view table, std::string_view key) {
  std::string out;
  out.reserve(table.size() + 1 + key.size());
  out.append(table).push_back('\0');
  return out.append(key);
}

cell::cell(const kind& k, std::string_view id, environment& env)
    : kind_(&k), env_(&env), local_(k.model().name + '/' + std::string(id)), state_(k.create()) {}
cell::~cell() = default;

std::string_view cell::id() const {
  return std::string_view(local_).substr(kind_->model().name.size() + 1);
}

cell::extras& cell::more() {
  if (!extras_) extras_ = std::make_unique<extras>();
  return *extras_;
}

state_object& cell::state() const {
  if (!state_) {
    state_ = kind_->load(bytes_view(resting_.get(), state_bytes_));
    check(state_ != nullptr);
    resting_.reset();
  }
  return *state_;
}

bytes cell::save() const {
  return state_ ? kind_->save(*state_) : bytes(resting_.get(), resting_.get() + state_bytes_);
}

void cell::rest() {
  if (!idle() || !state_ || sequence_ == 0) return;
  const auto packed_state = kind_->save(*state_);
  state_bytes_ = static_cast<std::uint32_t>(packed_state.size());
  grown_ = 0;
  resting_ = std::make_unique<std::uint8_t[]>(state_bytes_);
  std::copy(packed_state.begin(), packed_state.end(), resting_.get());
  state_.reset();
  shrink();
}

void cell::shrink() {
  if (extras_ && extras_->empty()) extras_.reset();
}

result<void> cell::load(bytes_view actor_row) {
  flatbuffers::Verifier verifier(actor_row.data(), actor_row.size(), 16, 10'000);
  if (!verifier.VerifyBuffer<engine::ActorRow>(nullptr)) return error{"state.damaged", local_};
  const auto* row = flatbuffers::GetRoot<engine::ActorRow>(actor_row.data());
  if (const auto* table = row->state(); table && table->size() > 0) {
    state_ = kind_->load(bytes_view(table->data(), table->size()));
    if (!state_) return error{"state.damaged", local_};
    state_bytes_ = table->size();
    grown_ = 0;
  }
  sequence_ = row->sequence();
  index_ = row->index();
  ordinal_ = row->ordinal();
  parked_total_ = row->parked_total();
  if (row->stamp()) stamp_ = flatbuffers::UnPack(*row->stamp());
  if (row->quarantined() && row->quarantined()->size() > 0)
    more().quarantined = row->quarantined()->str();
  if (row->parked())
    for (const auto* fact : *row->parked()) fact->UnPackTo(&more().parked.emplace_back());
  stored_rows_.listed(std::nullopt);
  return {};
}

void cell::index_values(std::vector<std::string>& out) const {
  out.clear();
  if (sequence_ > 0) kind_->index_values(state(), out);
  out.resize(kind_->model().indexes.size());
}

void cell::note_index_base(const std::vector<std::string>& before) {
  auto& e = more();
  if (e.index_moved) return;
  e.index_moved = true;
  e.index_base = before;
}

void cell::note_parked(engine::ParkedT fact, changes& out) {
  auto& facts = more().parked;
  for (auto& f : facts)
    if (f.exception == fact.exception) {
      f = std::move(fact);
      return;
    }
  ++parked_total_;
  out.parked.push_back(fact.exception);
  facts.push_back(std::move(fact));
}

void cell::note_unparked(std::string_view exception, changes& out) {
  if (!extras_) return;
  std::erase_if(extras_->parked, [&](const auto& f) { return f.exception == exception; });
  out.unparked.emplace_back(exception);
}

changes cell::evolve(const engine::Record& record, std::uint64_t index, std::uint32_t ordinal,
                     timestamp stamp) {
  changes out;
  const bool known = index_ != 0 && (index < index_ || (index == index_ && ordinal <= ordinal_));
  if (known || !quarantined().empty()) return out;
  check(!in_flight());
  const timestamp at =
      record.at() && record.at()->us() != 0 ? timestamp(flatbuffers::UnPack(*record.at())) : stamp;
  auto& [before, after] = index_room::here();
  index_values(before);
  dirty_ = true;
  growth evo(*this, at);
  if (record.events())
    for (const auto* event : *record.events()) {
      const auto* body = event->body();
      const auto view = body ? bytes_view(body->data(), body->size()) : bytes_view();
      grown_ += static_cast<std::uint32_t>(view.size());
      auto done = view.empty() ? result<void>(error{"journal.damaged", "event without body"})
                               : kind_->evolve(state(), event->type(), view, evo);
      if (std::exchange(unreadable_, false)) {  // not the event's fault: loaded anew, its rows are
        lost();                                 // checked and rebuilt
        return out;
      }
      if (!done) {
        more().quarantined = "entry " + std::to_string(index) + ": " + done.error().detail;
        return out;
      }
    }
  sequence_ = record.sequence();
  index_ = index;
  ordinal_ = ordinal;
  stamp_ = at;
  if (record.parked()) {
    engine::ParkedT fact;
    record.parked()->UnPackTo(&fact);
    note_parked(std::move(fact), out);
  }
  if (record.unparked() && record.unparked()->exception())
    note_unparked(record.unparked()->exception()->string_view(), out);
  index_values(after);
  out.indexes = difference(before, after);
  if (!out.indexes.empty()) note_index_base(before);
  if (kind_->model().referenced && sequence_ > 0) out.reference = reference();
  return out;
}

void cell::committed(std::uint64_t index, std::uint32_t ordinal) {
  check(in_flight());
  index_ = index;
  ordinal_ = ordinal + flight_->records - 1;
  dirty_ = true;
  flight_.reset();
}

void cell::lost() {
  flight_.reset();
  spoilt_ = true;
}

bool cell::idle() const {
  return !in_flight() && stash_.empty() && !dirty_ && !spoilt_ &&
         (!extras_ || (extras_->rows.empty() && !extras_->imaged));
}

std::string_view cell::quarantined() const {
  return extras_ ? std::string_view(extras_->quarantined) : std::string_view();
}

std::size_t cell::parked_count() const { return extras_ ? extras_->parked.size() : 0; }

const std::vector<engine::ParkedT>& cell::parked_facts() const {
  static const std::vector<engine::ParkedT> none;
  return extras_ ? extras_->parked : none;
}

const engine::ParkedT* cell::parked(std::string_view exception) const {
  for (const auto& f : parked_facts())
    if (f.exception == exception) return &f;
  return nullptr;
}

actor_view cell::view() const {
  check(!in_flight());
  actor_view out;
  out.where = {std::string(env_->plant()), kind_->model().name, std::string(id())};
  out.generation = env_->generation();
  out.sequence = sequence_;
  out.stamp = stamp_;
  out.state = save();
  out.quarantined = quarantined();
  return out;
}

std::shared_ptr<const reference_state> cell::reference() const {
  auto out = std::make_shared<reference_state>();
  out->state = kind_->load(save());
  out->native = kind_->native(*out->state);
  out->sequence = sequence_;
  return out;
}

std::shared_ptr<const actor_image> cell::image() {
  check(!in_flight());
  auto out = std::make_shared<actor_image>();
  out->actor = local_;
  out->index = index_;
  const auto packed_state = save();
  state_bytes_ = static_cast<std::uint32_t>(packed_state.size());
  grown_ = 0;
  auto& b = row_builder();
  b.ForceVectorAlignment(packed_state.size(), 1, 8);
  const auto table = b.CreateVector(packed_state.data(), packed_state.size());
  std::vector<flatbuffers::Offset<engine::Parked>> facts;
  for (const auto& f : parked_facts()) facts.push_back(engine::Parked::Pack(b, &f));
  const auto parked = facts.empty() ? 0 : b.CreateVector(facts);
  const auto reason = quarantined().empty() ? 0 : b.CreateString(extras_->quarantined);
  const auto stamp = flatbuffers::Pack(stamp_);
  engine::ActorRowBuilder row(b);
  row.add_sequence(sequence_);
  row.add_index(index_);
  row.add_parked_total(parked_total_);
  row.add_stamp(&stamp);
  row.add_state(table);
  row.add_parked(parked);
  row.add_quarantined(reason);
  row.add_ordinal(ordinal_);
  b.Finish(row.Finish());
  out->row.assign(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
  if (extras_) {
    std::vector<std::uint32_t> names;
    for (auto& changed : extras_->rows) {
      if (changed.imaged) continue;
      changed.imaged = true;
      names.push_back(changed.hash);
      const auto zero = changed.name.find('\0');
      out->rows.push_back(
          {changed.name.substr(0, zero), changed.name.substr(zero + 1), changed.row});
    }
    stored_rows_.add(names);
    if (extras_->index_moved) {
      std::vector<std::string> after;
      index_values(after);
      out->indexes = difference(extras_->index_base, after);
      extras_->index_base.clear();
      extras_->index_moved = false;
    }
  }
  more().imaged = true;
  dirty_ = false;
  return out;
}

void cell::stored() {
  if (!extras_) return;
  extras_->imaged = false;
  extras_->rows.erase_imaged();
  shrink();
}

std::optional<bytes> cell::row(std::string_view table, std::string_view key) {
  const auto name = overlay_key(table, key);
  const auto hash = row_names::hash(name);
  if (extras_)
    if (const auto* changed = extras_->rows.find(name, hash))
      return changed->row ? std::optional(*changed->row) : std::nullopt;
  if (!stored_rows_.may_hold(hash)) return std::nullopt;
  auto found = env_->read_row(local_, table, key);
  if (!found) unreadable_ = true;
  return found ? std::move(*found) : std::nullopt;
}

std::vector<actor_image::child_row> cell::overlay(std::string_view table) const {
  std::vector<actor_image::child_row> out;
  if (!extras_) return out;
  const auto prefix = overlay_key(table, {});
  for (const auto& changed : extras_->rows)
    if (changed.name.starts_with(prefix))
      out.push_back({std::string(table), changed.name.substr(prefix.size()), changed.row});
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return out;
}

cell::legacy cell::take_legacy() {
  legacy out;
  out.stash = std::move(stash_);
  stash_.clear();
  if (extras_) out.faults = std::move(extras_->faults);
  for (auto& f : out.faults) f.armed = false;  // with what was not committed
  return out;
}

proposal cell::inherit(legacy from, timestamp now) {
  if (!from.faults.empty()) more().faults = std::move(from.faults);
  return offer(std::move(from.stash), now);
}

std::size_t cell::memory() const {
  // As objects a state takes about three times its bytes; measured over the kinds in actors/.
  std::size_t out = sizeof(cell) + local_.capacity() +
                    (state_ ? 3 * std::size_t{state_bytes_} + 200 : std::size_t{state_bytes_});
  out += stash_.capacity() * sizeof(stimulus) + stored_rows_.memory();
  for (const auto& s : stash_) out += s.body.capacity();
  if (extras_) {
    out += sizeof(extras) + extras_->rows.memory();
    for (const auto& f : extras_->parked)
      out += sizeof f + f.body.capacity() + f.reason.capacity() + f.exception.capacity();
  }
  return out;
}

// ---- what a kind touches while it evolves and decides ----

void cell::growth::write(std::string_view table, std::string_view key,
                         std::shared_ptr<const bytes> row) {
  auto& rows = scratch_ ? *scratch_ : of_.more().rows;
  rows.put(overlay_key(table, key), std::move(row));
}

std::optional<bytes> cell::growth::row_raw(std::string_view table, std::string_view key) {
  if (scratch_) {
    const auto name = overlay_key(table, key);
    if (const auto* changed = scratch_->find(name, row_names::hash(name)))
      return changed->row ? std::optional(*changed->row) : std::nullopt;
  }
  return of_.row(table, key);
}

const void* cell::seen::look_up_raw(std::string_view kind, std::string_view id) {
  auto found = of_.env_->look_up(kind, id);
  auto local = std::string(kind) + '/' + std::string(id);
  if (!found) {
    blind = std::move(local);
    return nullptr;
  }
  references.emplace_back(std::move(local), *found ? (*found)->sequence : 0);
  if (!*found) return nullptr;
  held_.push_back(std::move(*found));
  return held_.back()->native;
}

}  // namespace millrace
