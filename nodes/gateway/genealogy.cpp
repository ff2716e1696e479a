// Genealogy of a lot over HTTP: reads what the walk of actors/genealogy wants, until it wants
// nothing more. A plant that cannot be asked is named in the answer, never passed over in silence.
#include "actors/genealogy.hpp"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>

#include "nodes/gateway/core.hpp"
#include "schemas/inventory/batch_generated.h"

namespace millrace::gateway {
namespace {

namespace lot = millrace::batch;
constexpr std::uint32_t rows_a_page = 500;

/// One walk under way: lot after lot, first its state, then its link rows page by page.
struct tracing : std::enable_shared_from_this<tracing> {
  core& g;
  call_ptr c;
  actors::genealogy_walk walk;
  bool up, down;
  bool root = true;
  std::vector<actors::lot_id> todo;
  actors::lot_id current;
  std::string material, after;
  std::vector<lot::GenealogyUpRowT> inputs;
  std::vector<lot::GenealogyDownRowT> outputs;

  tracing(core& core_, call_ptr call_, actors::genealogy_walk w, actors::walk_direction d)
      : g(core_),
        c(std::move(call_)),
        walk(std::move(w)),
        up(d != actors::walk_direction::down),
        down(d != actors::walk_direction::up) {}

  void next_lot() {
    if (todo.empty()) {
      todo = walk.take_wanted();
      std::reverse(todo.begin(), todo.end());  // taken from the back
    }
    if (todo.empty()) return c->json(200, actors::to_json(walk.result()));
    current = std::move(todo.back());
    todo.pop_back();
    inputs.clear();
    outputs.clear();
    after.clear();
    if (!g.engine.has_plant(current.plant)) {
      walk.give_missing(current, {});
      return next_lot();
    }
    g.engine.read({current.plant, "batch", current.batch}, consistency::leader,
                  on_thread_of<actor_view>(c, [self = shared_from_this()](result<actor_view> view) {
                    self->take_lot(view);
                  }));
  }
  void take_lot(const result<actor_view>& view) {
    const bool first = std::exchange(root, false);
    if (!view && (first || view.error().code != "actor.unknown")) return c->fail(view.error());
    if (!view) {
      walk.give_unknown(current);
      return next_lot();
    }
    const auto* state = flatbuffers::GetRoot<lot::State>(view->state.data());
    material = state->material() == nullptr ? std::string() : state->material()->str();
    up ? read_inputs() : read_outputs();
  }
  void read_inputs() {
    read("genealogy_up", [this](const std::vector<row_view>& rows) {
      for (const auto& r : rows)
        flatbuffers::GetRoot<lot::GenealogyUpRow>(r.row.data())->UnPackTo(&inputs.emplace_back());
      if (rows.size() >= rows_a_page) return read_inputs();
      after.clear();
      down ? read_outputs() : give();
    });
  }
  void read_outputs() {
    read("genealogy_down", [this](const std::vector<row_view>& rows) {
      for (const auto& r : rows)
        flatbuffers::GetRoot<lot::GenealogyDownRow>(r.row.data())
            ->UnPackTo(&outputs.emplace_back());
      rows.size() >= rows_a_page ? read_outputs() : give();
    });
  }
  void read(const char* table, std::function<void(const std::vector<row_view>&)> then) {
    const address where{current.plant, "batch", current.batch};
    g.engine.rows(where, table, after, rows_a_page,
                  on_thread_of<std::vector<row_view>>(
                      c, [self = shared_from_this(), then = std::move(then)](auto rows) {
                        if (!rows) return self->c->fail(rows.error());
                        if (!rows->empty()) self->after = rows->back().key;
                        then(*rows);
                      }));
  }
  void give() {
    walk.give(current, material, inputs, outputs);
    next_lot();
  }
};

}  // namespace

void get_genealogy(core& g, const call_ptr& c, const address& batch) {
  const auto given = c->target.get("direction");
  const auto direction = actors::parse_direction(given.empty() ? "up" : given);
  if (!direction)
    return c->fail(
        {"request.invalid", "direction is up, down or both", {{"/direction", "unknown value"}}});
  std::uint32_t depth = 0;
  if (c->target.has("depth")) {
    const auto wanted = parse_number(c->target.get("depth"), 1'000'000);
    if (wanted < 1)
      return c->fail({"request.invalid", "depth is a number from 1", {{"/depth", "out of range"}}});
    depth = static_cast<std::uint32_t>(wanted);
  }
  timestamp at;
  if (c->target.has("at")) {
    const auto parsed = timestamp::parse(c->target.get("at"));
    if (!parsed)
      return c->fail({"request.invalid", parsed.error().detail, {{"/at", parsed.error().code}}});
    at = *parsed;
  }
  actors::genealogy_walk walk({batch.plant, batch.id}, *direction, depth, at,
                              g.options.genealogy_nodes_max);
  std::make_shared<tracing>(g, c, std::move(walk), *direction)->next_lot();
}

}  // namespace millrace::gateway
