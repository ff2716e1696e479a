// check-release: every check of an order's release with its verdict, without changing anything.
// Reads what the release process would read and asks the same pure functions
// (actors/release_checks).
#include "actors/release_checks.hpp"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "actors/order_plan.hpp"
#include "actors/rules.hpp"
#include "actors/stock.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::gateway {
namespace {

template <class State>
std::unique_ptr<typename State::NativeTableType> unpacked(const actor_view& view) {
  auto out = std::make_unique<typename State::NativeTableType>();
  flatbuffers::GetRoot<State>(view.state.data())->UnPackTo(out.get());
  return out;
}

/// Step after step: order, plant, material; then for every need the lots of its materials.
struct checking : std::enable_shared_from_this<checking> {
  core& g;
  call_ptr c;
  address where;
  std::uint64_t sequence = 0;
  std::unique_ptr<millrace::order::StateT> order;
  std::unique_ptr<millrace::plant::StateT> plant;
  std::unique_ptr<millrace::material::StateT> material;   // the order's product
  std::unique_ptr<millrace::material::StateT> component;  // the one whose lots are being read
  std::vector<actors::component_need> needs;
  std::vector<actors::component_stock> stock;
  std::vector<std::string> work_centers;
  std::map<std::string, std::unique_ptr<millrace::work_center::StateT>> found_work_centers;
  std::size_t need = 0;
  std::size_t choice = 0;       // among the need's materials
  std::set<std::string> asked;  // suppliers that have been read
  std::map<std::string, std::unique_ptr<millrace::supplier::StateT>> suppliers;

  checking(core& core_, call_ptr call_, address a)
      : g(core_), c(std::move(call_)), where(std::move(a)) {}

  /// Reads an actor; `then` gets nullptr when there is none.
  void read(const char* kind, const std::string& id, void (checking::*then)(const actor_view*)) {
    g.engine.read(
        {where.plant, kind, id}, consistency::leader,
        on_thread_of<actor_view>(c, [self = shared_from_this(), then](result<actor_view> view) {
          if (!view && view.error().code != "actor.unknown") return self->c->fail(view.error());
          (*self.*then)(view ? &*view : nullptr);
        }));
  }
  void start() { read("order", where.id, &checking::take_order); }
  void take_order(const actor_view* view) {
    if (view == nullptr) return c->fail({"actor.unknown", "no order " + where.id});
    order = unpacked<millrace::order::State>(*view);
    sequence = view->sequence;
    read("plant", where.plant, &checking::take_plant);
  }
  void take_plant(const actor_view* view) {
    if (view != nullptr) plant = unpacked<millrace::plant::State>(*view);
    read("material", order->material, &checking::take_material);
  }
  void take_material(const actor_view* view) {
    if (view != nullptr) material = unpacked<millrace::material::State>(*view);
    needs = actors::release_needs(actors::snapshot_of(*order), material.get());
    for (const auto& n : needs) {
      actors::component_stock s;
      s.material = n.material;
      s.operation = n.operation;
      stock.push_back(std::move(s));
    }
    work_centers = actors::work_centers_of(actors::snapshot_of(*order), material.get());
    next_work_center();
  }
  void next_work_center() {
    const auto at = found_work_centers.size();
    if (at >= work_centers.size()) return next();
    read("work_center", work_centers[at], &checking::take_work_center);
  }
  void take_work_center(const actor_view* view) {
    found_work_centers[work_centers[found_work_centers.size()]] =
        view == nullptr ? nullptr : unpacked<millrace::work_center::State>(*view);
    next_work_center();
  }
  void next() {
    while (need < needs.size() && choice >= needs[need].materials.size()) {
      ++need;
      choice = 0;
    }
    if (need >= needs.size()) return next_supplier();
    read("material", needs[need].materials[choice], &checking::take_component);
  }
  void take_component(const actor_view* view) {
    component = view == nullptr ? nullptr : unpacked<millrace::material::State>(*view);
    list({});
  }
  void list(std::string after) {
    list_query q;
    q.plant = where.plant;
    q.kind = "batch";
    q.filters = {{"material", needs[need].materials[choice]}};
    q.after = std::move(after);
    q.limit = 500;
    g.engine.list(std::move(q),
                  on_thread_of<list_page>(c, [self = shared_from_this()](result<list_page> page) {
                    if (!page) return self->c->fail(page.error());
                    for (const auto& lot : page->items) self->add_lot(lot);
                    if (!page->next.empty()) return self->list(page->next);
                    ++self->choice;
                    self->next();
                  }));
  }
  void add_lot(const actor_view& view) {
    const auto lot = unpacked<millrace::batch::State>(view);
    auto& s = stock[need];
    const auto free = actors::available_of(*lot, where.id, needs[need].unit, component.get());
    if (free && free->is_positive()) {
      s.available += *free;
      if (!lot->supplier.empty()) s.suppliers.push_back(lot->supplier);
      return;
    }
    if (!actors::stock_total(*lot).is_positive()) return;
    for (const auto& b : actors::availability_of(*lot).blockers)
      s.blocked += (s.blocked.empty() ? "" : ", ") + view.where.id + ": " + b.code;
  }
  /// As the plant has adopted it, else as this node is configured.
  [[nodiscard]] bool references_must_exist() const {
    constexpr std::string_view rule = "references.must_exist";
    if (plant == nullptr) return g.options.references_must_exist;
    const auto in_force = actors::rule_at(*plant, rule);
    return in_force.level == "default" ? g.options.references_must_exist : in_force.value == "true";
  }
  void next_supplier() {
    for (const auto& s : stock)
      for (const auto& id : s.suppliers)
        if (asked.insert(id).second) return read("supplier", id, &checking::take_supplier);
    finish();
  }
  void take_supplier(const actor_view* view) {
    if (view != nullptr) suppliers[view->where.id] = unpacked<millrace::supplier::State>(*view);
    next_supplier();
  }
  void finish() {
    actors::supplier_states known;
    for (const auto& [id, state] : suppliers) known[id] = state.get();
    const auto now = timestamp::from_micros(std::chrono::duration_cast<std::chrono::microseconds>(
                                                std::chrono::system_clock::now().time_since_epoch())
                                                .count());
    const auto find_work_center = [this](const std::string& id) {
      const auto at = found_work_centers.find(id);
      return at == found_work_centers.end() ? nullptr : at->second.get();
    };
    const auto checks = actors::check_release(*order, plant.get(), material.get(), find_work_center,
                                              stock, known, now, {references_must_exist()});
    std::string out;
    {
      json_object o(out);
      o.text("address", where.to_string())
          .number("sequence", sequence)
          .flag("passes", actors::passes(checks));
      json_array all(o.key("checks"));
      for (const auto& check : checks) {
        json_object i(all.next());
        i.text("check", check.check).some("subject", check.subject);
        i.text("verdict", millrace::order_release::EnumNameVerdict(check.verdict));
        i.some("code", check.code).some("reason", check.reason).some("warning", check.warning);
      }
    }
    c->json(200, std::move(out));
  }
};

}  // namespace

void post_check_release(core& g, const call_ptr& c, const address& order) {
  const auto& body = c->request().body;
  if (!body.empty()) {
    const auto parsed = json_value::parse(body);
    if (!parsed) return c->fail(parsed.error());
    if (!parsed->is_object() || !parsed->members().empty())
      return c->fail(
          {"request.invalid", "check-release takes an empty object", {{"", "unexpected content"}}});
  }
  std::make_shared<checking>(g, c, order)->start();
}

}  // namespace millrace::gateway
