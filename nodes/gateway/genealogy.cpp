// Genealogy of a lot over HTTP, and the recall's question: what holds anything of a supplier's lot,
// and where has it gone.
#include "actors/genealogy.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/tracing.hpp"

namespace millrace::gateway {
namespace {

/// The options of a walk; false when the call has been answered.
bool walk_options(const call_ptr& c, std::uint32_t& depth, timestamp& at) {
  if (c->target.has("depth")) {
    const auto wanted = parse_number(c->target.get("depth"), 1'000'000);
    if (wanted < 1) {
      c->fail({"request.invalid", "depth is a number from 1", {{"/depth", "out of range"}}});
      return false;
    }
    depth = static_cast<std::uint32_t>(wanted);
  }
  if (c->target.has("at")) {
    const auto parsed = timestamp::parse(c->target.get("at"));
    if (!parsed) {
      c->fail({"request.invalid", parsed.error().detail, {{"/at", parsed.error().code}}});
      return false;
    }
    at = *parsed;
  }
  return true;
}

void answer_epcis(const call_ptr& c, const actors::genealogy_result& result) {
  http::response r;
  r.set("Content-Type", "application/ld+json");
  r.body = genealogy_as_epcis(result, wall_clock());
  c->answer(std::move(r));
}

/// The lots that came of a supplier's lot, plant by plant, then what came of them.
struct recall : std::enable_shared_from_this<recall> {
  core& g;
  call_ptr c;
  std::string supplier, supplier_lot;
  timestamp at;
  std::vector<std::string> plants;
  std::vector<actors::lot_id> roots;
  list_query query;
  bool truncated = false;

  recall(core& core_, call_ptr call_) : g(core_), c(std::move(call_)) {}

  void next_plant() {
    if (plants.empty()) return walk();
    query = {};
    query.plant = plants.back();
    query.kind = "batch";
    query.limit = 500;
    query.filters = {{"supplier_lot", supplier_lot}};
    if (!supplier.empty()) query.filters.emplace_back("supplier", supplier);
    plants.pop_back();
    next_page();
  }
  void next_page() {
    g.engine.list(query,
                  on_thread_of<list_page>(c, [self = shared_from_this()](result<list_page> page) {
                    if (!page) return self->c->fail(page.error());
                    self->take(*page);
                  }));
  }
  void take(const list_page& page) {
    for (const auto& view : page.items) {
      if (roots.size() >= g.options.genealogy_nodes_max) truncated = true;
      if (!truncated) roots.push_back({view.where.plant, view.where.id});
    }
    if (page.next.empty() || truncated) return next_plant();
    query.after = page.next;
    next_page();
  }
  void walk() {
    if (roots.empty()) {
      std::vector<tracing::shipped> none;
      return finish({}, none);
    }
    std::sort(roots.begin(), roots.end());
    actors::genealogy_walk w(roots.front(), actors::walk_direction::down, 0, at,
                             g.options.genealogy_nodes_max);
    for (const auto& root : roots) w.also(root);
    const auto trace =
        std::make_shared<tracing>(g, c, std::move(w), actors::walk_direction::down, true);
    trace->run(false, [self = shared_from_this()](const actors::genealogy_result& r,
                                                  std::vector<tracing::shipped>& shipments) {
      self->finish(r, shipments);
    });
  }
  void finish(const actors::genealogy_result& r, const std::vector<tracing::shipped>& shipments) {
    std::string out;
    {
      json_object o(out);
      o.some("supplier", supplier).text("supplier_lot", supplier_lot);
      const std::set<actors::lot_id> own(roots.begin(), roots.end());
      std::size_t direct = 0;
      {
        json_array all(o.key("batches"));
        for (const auto& n : r.nodes) {
          json_object i(all.next());
          const bool received = own.contains({n.plant, n.batch});
          direct += received ? 1 : 0;
          i.text("batch", n.batch).text("plant", n.plant).text("material", n.material);
          i.text("quantity", n.arrived.to_string()).some("unit", n.unit);
          i.text("carried", n.carried.to_string()).flag("received", received).flag("held", n.held);
        }
      }
      write_shipments(o, shipments);
      o.number("received", direct).number("made_of_it", r.nodes.size() - direct);
      o.flag("complete", r.complete && !truncated);
      json_array gaps(o.key("incomplete"));
      for (const auto& one : actors::gaps_of(r)) append_json_string(one, gaps.next());
      if (truncated) append_json_string("cut off by size", gaps.next());
    }
    c->json(200, std::move(out));
  }
  static void write_shipments(json_object& o, std::vector<tracing::shipped> shipments) {
    std::sort(shipments.begin(), shipments.end(), [](const auto& a, const auto& b) {
      return std::tie(a.lot.plant, a.row.shipment, a.row.item, a.lot.batch) <
             std::tie(b.lot.plant, b.row.shipment, b.row.item, b.lot.batch);
    });
    json_array all(o.key("shipments"));
    for (const auto& s : shipments) {
      json_object i(all.next());
      i.text("shipment", s.row.shipment).text("item", s.row.item).text("plant", s.lot.plant);
      i.some("customer", s.row.customer).text("batch", s.lot.batch);
      i.text("quantity", s.row.quantity.to_string()).when("at", s.row.at);
    }
  }
};

}  // namespace

void get_genealogy(core& g, const call_ptr& c, const address& batch) {
  const auto given = c->target.get("direction");
  const auto direction = actors::parse_direction(given.empty() ? "up" : given);
  if (!direction)
    return c->fail(
        {"request.invalid", "direction is up, down or both", {{"/direction", "unknown value"}}});
  const auto format = c->target.get("format");
  if (!format.empty() && format != "json" && format != "epcis")
    return c->fail({"request.invalid", "format is json or epcis", {{"/format", "unknown value"}}});
  std::uint32_t depth = 0;
  timestamp at;
  if (!walk_options(c, depth, at)) return;
  actors::genealogy_walk walk({batch.plant, batch.id}, *direction, depth, at,
                              g.options.genealogy_nodes_max);
  std::make_shared<tracing>(g, c, std::move(walk), *direction)
      ->run(true, [c, epcis = format == "epcis"](const actors::genealogy_result& r, const auto&) {
        epcis ? answer_epcis(c, r) : c->json(200, actors::to_json(r));
      });
}

void get_recall(core& g, const call_ptr& c) {
  const auto r = std::make_shared<recall>(g, c);
  r->supplier = c->target.get("supplier");
  r->supplier_lot = c->target.get("supplier_lot");
  if (r->supplier_lot.empty())
    return c->fail(
        {"request.invalid", "a recall asks for a supplier_lot", {{"/supplier_lot", "required"}}});
  std::uint32_t depth = 0;
  if (!walk_options(c, depth, r->at)) return;
  if (const std::string plant(c->target.get("plant")); !plant.empty()) {
    if (unknown_plant(g, c, plant)) return;
    r->plants = {plant};
    return r->next_plant();
  }
  with_plants(g, c, [r](std::vector<std::string> names) {
    r->plants = std::move(names);
    r->next_plant();
  });
}

}  // namespace millrace::gateway
