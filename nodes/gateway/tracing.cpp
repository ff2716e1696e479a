// The reads of a walk: for each lot its state, then its link rows page by page; as many lots at a
// time as keep the plants busy and no more.
#include "nodes/gateway/tracing.hpp"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <utility>

#include "schemas/errors.hpp"
#include "schemas/inventory/batch_generated.h"

namespace millrace::gateway {

namespace {

namespace lot = millrace::batch;

constexpr std::uint32_t rows_a_page = 500;
constexpr std::size_t lots_at_once = 64;

/// The plant cannot answer now, which is not the same as that there is nothing.
bool is_away(const error& e) {
  const auto status = http_status(e.code);
  return e.code == "plant.unknown" || status == 429 || status == 503 || status == 504;
}

actors::lot_facts facts_of(const lot::State& state) {
  actors::lot_facts out;
  const auto text = [](const flatbuffers::String* s) { return s ? s->str() : std::string(); };
  out.material = text(state.material());
  out.unit = text(state.unit());
  if (state.arrived() != nullptr) out.arrived = flatbuffers::UnPack(*state.arrived());
  if (state.holds() != nullptr)
    for (const auto* hold : *state.holds()) out.held |= hold->status() != lot::HoldStatus::future;
  return out;
}

}  // namespace

struct tracing::lot_read {
  actors::lot_id id;
  actors::lot_facts facts;
  std::vector<const char*> tables;  // still to be read, the last first
  std::string after;
  std::vector<lot::GenealogyUpRowT> inputs;
  std::vector<lot::GenealogyDownRowT> outputs;
};

tracing::tracing(core& g, call_ptr c, actors::genealogy_walk walk, actors::walk_direction direction,
                 bool with_shipments)
    : g_(g),
      c_(std::move(c)),
      walk_(std::move(walk)),
      up_(direction != actors::walk_direction::down),
      down_(direction != actors::walk_direction::up),
      with_shipments_(with_shipments) {}

void tracing::run(bool root_must_be, then done) {
  root_must_be_ = root_must_be;
  done_ = std::move(done);
  pump();
}

void tracing::fail(const error& e) {
  if (!std::exchange(failed_, true)) c_->fail(e);
}

void tracing::pump() {
  if (pumping_ || failed_) return;  // an answer that came at once: the loop below goes on
  pumping_ = true;
  while (!failed_ && reading_ < lots_at_once) {
    if (todo_.empty()) {
      todo_ = walk_.take_wanted();
      std::reverse(todo_.begin(), todo_.end());  // taken from the back
    }
    if (todo_.empty()) break;
    auto lot = std::make_shared<lot_read>();
    lot->id = std::move(todo_.back());
    todo_.pop_back();
    read(std::move(lot));
  }
  pumping_ = false;
  if (failed_ || reading_ != 0) return;
  failed_ = true;  // nothing more is read
  done_(walk_.finish(), shipments_);
}

void tracing::read(std::shared_ptr<lot_read> lot) {
  if (!g_.engine.has_plant(lot->id.plant)) return walk_.give_missing(lot->id, {});
  ++reading_;
  const address where{lot->id.plant, "batch", lot->id.batch};
  g_.engine.read(
      where, consistency::leader,
      on_thread_of<actor_view>(c_, [self = shared_from_this(), lot](result<actor_view> view) {
        self->take_lot(lot, view);
      }));
}

void tracing::take_lot(const std::shared_ptr<lot_read>& lot, const result<actor_view>& view) {
  const bool root = std::exchange(first_, false) && root_must_be_;
  if (!view) {
    if (root || (view.error().code != "actor.unknown" && !is_away(view.error())))
      return fail(view.error());
    if (view.error().code == "actor.unknown")
      walk_.give_unknown(lot->id);
    else
      walk_.give_missing(lot->id, {});
    return ended();
  }
  const auto* state = flatbuffers::GetRoot<lot::State>(view->state.data());
  lot->facts = facts_of(*state);
  // Most lots of a large story are its ends: they say so, and their rows need no look.
  if (with_shipments_ && state->shipments() != 0) lot->tables.push_back("shipped");
  if (down_ && state->outputs() != 0) lot->tables.push_back("genealogy_down");
  if (up_ && state->inputs() != 0) lot->tables.push_back("genealogy_up");
  read_rows(lot);
}

void tracing::read_rows(const std::shared_ptr<lot_read>& lot) {
  if (lot->tables.empty()) {
    walk_.give(lot->id, lot->facts, lot->inputs, lot->outputs);
    return ended();
  }
  const address where{lot->id.plant, "batch", lot->id.batch};
  g_.engine.rows(where, lot->tables.back(), lot->after, rows_a_page,
                 on_thread_of<std::vector<row_view>>(
                     c_, [self = shared_from_this(), lot](result<std::vector<row_view>> rows) {
                       if (!rows && !is_away(rows.error())) return self->fail(rows.error());
                       if (!rows) {
                         self->walk_.give_missing(lot->id, {});
                         return self->ended();
                       }
                       self->take_rows(lot, *rows);
                     }));
}

void tracing::take_rows(const std::shared_ptr<lot_read>& lot, const std::vector<row_view>& rows) {
  const std::string_view table = lot->tables.back();
  for (const auto& r : rows) {
    if (table == "genealogy_up")
      flatbuffers::GetRoot<lot::GenealogyUpRow>(r.row.data())
          ->UnPackTo(&lot->inputs.emplace_back());
    else if (table == "genealogy_down")
      flatbuffers::GetRoot<lot::GenealogyDownRow>(r.row.data())
          ->UnPackTo(&lot->outputs.emplace_back());
    else
      flatbuffers::GetRoot<lot::ShippedRow>(r.row.data())
          ->UnPackTo(&shipments_.emplace_back(shipped{lot->id, {}}).row);
  }
  const bool more = rows.size() >= rows_a_page;
  lot->after = more ? rows.back().key : std::string();
  if (!more) lot->tables.pop_back();
  read_rows(lot);
}

void tracing::ended() {
  --reading_;
  pump();
}

}  // namespace millrace::gateway
