// Genealogy of a lot: inputs, outputs or both, to any depth and over plants, as a graph.
// Walked lot by lot over their link rows; a plant that cannot be asked is named, never passed over in silence.
#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <deque>
#include <set>

#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "schemas/inventory/batch_generated.h"

namespace millrace::gateway {
namespace {

namespace lot = millrace::batch;
using lot_name = std::pair<std::string, std::string>;  // plant, batch

struct edge {
  lot_name from, to;
  decimal quantity;
  std::string unit, order, operation, report;
  timestamp at;
  lot::Basis basis = lot::Basis::order;
  auto key() const { return std::tie(from, to, order, report); }
};

struct visit {
  lot_name name;
  std::string material;
  long long depth = 0;
};

/// Breadth first, so that a limit on depth means what it says.
struct tracing : std::enable_shared_from_this<tracing> {
  core& g;
  call_ptr c;
  lot_name root;
  bool up = true, down = false;
  long long depth_max = 1000;
  timestamp at;                        // the view as of then; not given = now
  std::deque<visit> queue;
  std::set<lot_name> known;
  std::vector<visit> nodes;
  std::vector<edge> edges;
  std::set<std::string> missing;
  bool truncated = false;
  visit current;
  std::vector<std::string> tables;     // still to be read of the current lot
  std::string after;

  tracing(core& core_, call_ptr call_) : g(core_), c(std::move(call_)) {}

  void meet(lot_name name, std::string material, long long depth) {
    if (!known.insert(name).second) return;
    if (nodes.size() >= g.options.genealogy_nodes_max) {
      truncated = true;
      return;
    }
    nodes.push_back({name, material, depth});
    queue.push_back({std::move(name), std::move(material), depth});
  }
  void next_lot() {
    if (queue.empty()) return finish();
    current = std::move(queue.front());
    queue.pop_front();
    if (current.depth >= depth_max) return next_lot();
    if (!g.engine.has_plant(current.name.first)) {
      missing.insert(current.name.first);
      return next_lot();
    }
    tables.clear();
    if (up) tables.push_back("genealogy_up");
    if (down) tables.push_back("genealogy_down");
    after.clear();
    next_page();
  }
  void next_page() {
    if (tables.empty()) return next_lot();
    const address where{current.name.first, "batch", current.name.second};
    g.engine.rows(where, tables.back(), after, 500, on_thread_of<std::vector<row_view>>(c, [self = shared_from_this()](auto rows) {
                    if (!rows && rows.error().code != "actor.unknown") return self->c->fail(rows.error());
                    self->take(rows ? *rows : std::vector<row_view>());
                  }));
  }
  void take(const std::vector<row_view>& rows) {
    const bool upward = tables.back() == "genealogy_up";
    for (const auto& r : rows) {
      if (upward) add(flatbuffers::GetRoot<lot::GenealogyUpRow>(r.row.data()), true);
      else add(flatbuffers::GetRoot<lot::GenealogyDownRow>(r.row.data()), false);
    }
    if (rows.size() >= 500) {
      after = rows.back().key;
    } else {
      tables.pop_back();
      after.clear();
    }
    next_page();
  }
  template <class Row>
  void add(const Row* row, bool upward) {
    if (row->link() == nullptr) return;
    lot::LinkT link;
    row->link()->UnPackTo(&link);
    const auto removed = row->removed_at() == nullptr ? timestamp() : flatbuffers::UnPack(*row->removed_at());
    if (at.given() ? (link.at > at || (removed.given() && removed <= at)) : removed.given()) return;
    lot_name other{link.plant.empty() ? current.name.first : link.plant, link.batch};
    edge e;
    e.from = upward ? other : current.name;
    e.to = upward ? current.name : other;
    e.quantity = link.quantity;
    e.unit = link.unit;
    e.order = link.order;
    e.operation = link.operation;
    e.report = link.report;
    e.at = link.at;
    e.basis = link.basis;
    const bool twice = up && down && std::any_of(edges.begin(), edges.end(), [&](const edge& x) { return x.key() == e.key(); });
    if (!twice) edges.push_back(std::move(e));
    meet(std::move(other), link.material, current.depth + 1);
  }
  void append_lot(std::string_view name, const lot_name& l, json_object& o) const {
    o.text(name, l.second);
    if (l.first != root.first) o.text(std::string(name) + "_plant", l.first);
  }
  void finish() {
    std::string out;
    {
      json_object o(out);
      o.text("root", root.second).text("plant", root.first);
      o.text("direction", up && down ? "both" : up ? "up" : "down");
      {
        json_array all(o.key("nodes"));
        for (const auto& n : nodes) {
          json_object i(all.next());
          i.text("batch", n.name.second).text("material", n.material).text("plant", n.name.first);
        }
      }
      {
        json_array all(o.key("edges"));
        for (const auto& e : edges) {
          json_object i(all.next());
          append_lot("from", e.from, i);
          append_lot("to", e.to, i);
          i.text("quantity", e.quantity.to_string()).text("unit", e.unit).text("order", e.order);
          i.some("operation", e.operation).some("report", e.report).when("at", e.at);
          i.text("basis", lot::EnumNameBasis(e.basis));
        }
      }
      o.flag("complete", missing.empty() && !truncated);
      if (truncated) o.flag("truncated", true);
      json_array all(o.key("missing"));
      for (const auto& plant : missing) json_object(all.next()).text("plant", plant);
    }
    c->json(200, std::move(out));
  }
};

}  // namespace

void get_genealogy(core& g, const call_ptr& c, const address& batch) {
  auto t = std::make_shared<tracing>(g, c);
  const auto direction = c->target.get("direction");
  if (!direction.empty() && direction != "up" && direction != "down" && direction != "both")
    return c->fail({"request.invalid", "direction is up, down or both", {{"/direction", "unknown value"}}});
  t->up = direction != "down";
  t->down = direction == "down" || direction == "both";
  if (c->target.has("depth")) {
    t->depth_max = parse_number(c->target.get("depth"), 1'000'000);
    if (t->depth_max < 1) return c->fail({"request.invalid", "depth is a number from 1", {{"/depth", "out of range"}}});
  }
  if (c->target.has("at")) {
    const auto at = timestamp::parse(c->target.get("at"));
    if (!at) return c->fail({"request.invalid", at.error().detail, {{"/at", at.error().code}}});
    t->at = *at;
  }
  t->root = {batch.plant, batch.id};
  g.engine.read(batch, consistency::leader, on_thread_of<actor_view>(c, [t](result<actor_view> view) {
    if (!view) return t->c->fail(view.error());
    const auto* state = flatbuffers::GetRoot<lot::State>(view->state.data());
    t->meet(t->root, state->material() == nullptr ? std::string() : state->material()->str(), 0);
    t->next_lot();
  }));
}

}  // namespace millrace::gateway
