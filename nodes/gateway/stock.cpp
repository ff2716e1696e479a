// Stock over the lots of a plant, and one lot's availability.
// The figures come from the lots' own committed states by the functions that the lots decide with.
#include "actors/stock.hpp"

#include <map>

#include <flatbuffers/flatbuffers.h>

#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

namespace lot = millrace::batch;

lot::StateT unpacked(const actor_view& view) {
  lot::StateT out;
  flatbuffers::GetRoot<lot::State>(view.state.data())->UnPackTo(&out);
  return out;
}

/// Lines of one material in one unit.
using stock_by_material =
    std::map<std::pair<std::string, std::string>, std::vector<actors::stock_line>>;

stock_by_material by_material(const std::vector<actors::stock_line>& lines) {
  stock_by_material out;
  for (const auto& l : lines) out[{l.material, l.unit}].push_back(l);
  return out;
}

void put_sums(json_object& o, const actors::stock_sum& sum) {
  o.text("quantity", sum.quantity.to_string()).text("reserved", sum.reserved.to_string());
  o.text("allocated", sum.allocated.to_string()).text("allocatable", sum.allocatable.to_string());
}

void put_material(json_object& o, const stock_by_material::value_type& m) {
  put_sums(o, actors::sum_of(m.second));
  o.text("unit", m.first.second);
}

/// Reads every lot that may have such stock, page after page.
struct stock_walk : std::enable_shared_from_this<stock_walk> {
  core& g;
  call_ptr c;
  list_query query;
  actors::stock_filter filter;
  std::vector<actors::stock_line> lines;
  timestamp as_of;
  std::size_t seen = 0;

  stock_walk(core& core_, call_ptr call_) : g(core_), c(std::move(call_)) {}
  void step() {
    g.engine.list(query,
                  on_thread_of<list_page>(c, [self = shared_from_this()](result<list_page> page) {
                    if (!page) return self->c->fail(page.error());
                    self->take(*page);
                  }));
  }
  void add(const actor_view& view) {
    as_of = std::max(as_of, view.stamp);
    actors::add_stock_lines(view.where.id, unpacked(view), filter, lines);
  }
  void take(const list_page& page) {
    for (const auto& view : page.items) add(view);
    seen += page.items.size();
    if (page.next.empty() || seen >= g.options.stock_batches_max) return finish(!page.next.empty());
    query.after = page.next;
    step();
  }
  void finish(bool truncated) {
    const auto materials = by_material(lines);
    std::string out;
    {
      json_object o(out);
      o.text("plant", query.plant).some("material", filter.material);
      if (materials.empty())
        put_sums(o, {});
      else if (materials.size() == 1)  // pieces and kilograms have no sum
        put_material(o, *materials.begin());
      o.when("as_of", as_of);
      if (truncated) o.flag("truncated", true);
      {
        json_array all(o.key("materials"));
        for (const auto& m : materials) {
          json_object i(all.next());
          i.text("material", m.first.first);
          put_material(i, m);
        }
      }
      json_array all(o.key("items"));
      for (const auto& l : lines) {
        json_object i(all.next());
        i.text("batch", l.batch).text("material", l.material).text("location", l.location);
        i.text("type", lot::EnumNameStockType(l.type))
            .text("quality", lot::EnumNameQuality(l.quality));
        i.text("quantity", l.quantity.to_string()).text("reserved", l.reserved.to_string());
        i.text("allocated", l.allocated.to_string()).text("allocatable", l.allocatable.to_string());
        i.text("unit", l.unit).flag("held", l.held);
      }
    }
    c->json(200, std::move(out));
  }
};

}  // namespace

void get_stock(core& g, const call_ptr& c, const std::string& plant) {
  auto w = std::make_shared<stock_walk>(g, c);
  for (const auto& [name, value] : c->target.query) {
    if (name == "material")
      w->filter.material = value;
    else if (name == "batch")
      w->filter.batch = value;
    else if (name == "location")
      w->filter.location = value;
    else if (name == "type") {
      for (const auto type : lot::EnumValuesStockType())
        if (value == lot::EnumNameStockType(type)) w->filter.type = type;
      if (!w->filter.type)
        return c->fail({"request.invalid", "no such stock type", {{"/type", "unknown value"}}});
    } else {
      return c->fail({"request.invalid",
                      "stock filters by material, batch, location and type",
                      {{'/' + name, "unknown"}}});
    }
  }
  w->query.plant = plant;
  w->query.kind = "batch";
  w->query.limit = 500;
  if (!w->filter.material.empty()) w->query.filters.emplace_back("material", w->filter.material);
  if (w->filter.batch.empty()) return w->step();
  g.engine.read({plant, "batch", w->filter.batch}, consistency::leader,
                on_thread_of<actor_view>(c, [w](result<actor_view> view) {
                  if (!view && view.error().code != "actor.unknown")
                    return w->c->fail(view.error());
                  if (view) w->add(*view);
                  w->finish(false);
                }));
}

void get_availability(core& g, const call_ptr& c, const address& batch) {
  g.engine.read(batch, consistency::leader,
                on_thread_of<actor_view>(c, [c](result<actor_view> view) {
                  if (!view) return c->fail(view.error());
                  const auto state = unpacked(*view);
                  const auto what = actors::availability_of(state);
                  std::string out;
                  {
                    json_object o(out);
                    o.text("address", view->where.to_string()).number("sequence", view->sequence);
                    o.text("allocatable", what.allocatable.to_string()).text("unit", state.unit);
                    json_array all(o.key("blockers"));
                    for (const auto& b : what.blockers) {
                      json_object i(all.next());
                      i.text("code", b.code)
                          .text("by", b.by)
                          .when("since", b.since)
                          .text("who_can_clear", b.who_can_clear);
                    }
                  }
                  c->json(200, std::move(out));
                }));
}

}  // namespace millrace::gateway
