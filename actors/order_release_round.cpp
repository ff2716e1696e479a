// One round of a release's checks: what needs no stock at once, then each component's stock,
// searched and reserved in parallel. The lots decide alone what they grant; a round that fails
// parks the release until something it missed changes.
#include <algorithm>
#include <set>

#include "actors/material.hpp"
#include "actors/order_plan.hpp"
#include "actors/order_release_parts.hpp"
#include "actors/plant.hpp"
#include "actors/release_checks.hpp"
#include "actors/rules.hpp"
#include "actors/supplier.hpp"
#include "actors/work_center.hpp"

namespace millrace::actors::release_parts {

namespace {

constexpr std::int64_t recheck_ms =
    60'000;  // the fallback when nobody tells that the cause has gone

struct lot_reference {
  using schema = millrace::batch::schema;
};

release_rules rules_of(context& ctx) { return {rule_of(ctx, "references.must_exist") == "true"}; }

std::string tag_of(std::string_view what, const draft& work, std::size_t need) {
  return std::string(what) + '/' + std::to_string(work.state.round) + '/' + std::to_string(need);
}

decimal reserved_before(const pr::StateT& state, const component_need& need) {
  decimal sum;
  for (const auto& one : state.reservations)
    if (one.run == state.runs && one.material == need.material && one.operation == need.operation)
      sum += one.quantity;
  return sum;
}

void search(draft& work, std::size_t index) {
  const auto& need = work.state.needs[index];
  work.d.find("batch", {{"material", need.materials[need.searched]}}, tag_of("find", work, index),
              1000);
}

void ask(draft& work, std::size_t index) {
  const auto& need = work.state.needs[index];
  millrace::batch::ReserveT ask;
  ask.order = work.ctx.id();
  ask.quantity = need.quantity - need.reserved;
  ask.unit = need.unit;
  ask.material = need.materials[need.searched - 1];
  work.d.ask<millrace::batch::schema>(need.asking, ask, tag_of("reserve", work, index),
                                      Lane::release);
}

std::vector<component_stock> stock_of(draft& work) {
  std::vector<component_stock> out;
  for (const auto& need : work.state.needs) {
    auto& stock = out.emplace_back();
    stock.material = need.material;
    stock.operation = need.operation;
    stock.available = need.reserved;
    stock.blocked = need.reason;
    for (const auto& one : work.state.reservations)
      if (one.material == need.material && one.operation == need.operation)
        if (const auto* lot = work.ctx.look_up<lot_reference>(one.batch))
          stock.suppliers.push_back(lot->supplier);
  }
  return out;
}

supplier_states suppliers_of(draft& work, const std::vector<component_stock>& stock) {
  supplier_states out;
  for (const auto& one : stock)
    for (const auto& id : one.suppliers)
      if (const auto* known = id.empty() ? nullptr : work.ctx.look_up<supplier>(id))
        out[id] = known;
  return out;
}

void await_suppliers(draft& work) {
  for (const auto& check : work.state.checks) {
    if (check.check != "supplier" || check.verdict != pr::Verdict::fail) continue;
    millrace::supplier::AwaitChangeT await;
    await.process = work.ctx.id();
    work.d.tell<millrace::supplier::schema>(check.subject, await, Lane::release);
  }
}

void await_changes(draft& work) {
  await_suppliers(work);
  std::set<std::string> materials;
  std::set<std::string> work_centers;
  bool plant_fails = false;
  for (const auto& check : work.state.checks) {
    if (check.verdict != pr::Verdict::fail) continue;
    if (check.check == "plant")
      plant_fails = true;
    else if (check.check == "work_center")
      work_centers.insert(check.subject);
    else if (check.check != "component" && check.check != "supplier")
      materials.insert(work.state.order->material);
  }
  for (const auto& need : work.state.needs)
    if (need.reserved < need.quantity)
      materials.insert(need.materials.begin(), need.materials.end());
  for (const auto& one : materials) {
    millrace::material::AwaitChangeT await;
    await.process = work.ctx.id();
    work.d.tell<millrace::material::schema>(one, await, Lane::release);
  }
  for (const auto& one : work_centers) {
    millrace::work_center::AwaitChangeT await;
    await.process = work.ctx.id();
    work.d.tell<millrace::work_center::schema>(one, await, Lane::release);
  }
  if (plant_fails) {
    millrace::plant::AwaitChangeT await;
    await.process = work.ctx.id();
    work.d.tell<millrace::plant::schema>(work.ctx.plant(), await, Lane::release);
  }
}

void park(draft& work, std::vector<pr::CheckT> checks) {
  std::vector<po::BlockerT> blockers;
  pr::ParkedT event;
  for (const auto& check : checks) {
    if (check.verdict != pr::Verdict::fail) continue;
    auto& blocker = blockers.emplace_back();
    blocker.check = check.check;
    blocker.reason = check.reason;
    event.reason += (event.reason.empty() ? "" : " ") + check.reason;
  }
  event.checks = std::move(checks);
  work.emit(std::move(event));
  tell_blocked(work, std::move(blockers));
  await_changes(work);
  work.d.timer(recheck_timer, work.ctx.now().plus_ms(recheck_ms));
}

/// Ends the round when no need waits for an answer any more.
void conclude(draft& work) {
  for (const auto& need : work.state.needs)
    if (need.searching || !need.asking.empty()) return;
  if (work.state.recheck) return begin_round(work);
  std::vector<component_need> needs;
  for (const auto& one : work.state.needs)
    needs.push_back({one.material, one.operation, one.quantity, one.unit, one.materials});
  auto checks = work.state.checks;
  for (const auto& hold : work.state.holds) checks.push_back(check_hold(hold));
  const auto stock = stock_of(work);
  for (auto& check : check_components(needs, stock, suppliers_of(work, stock), rules_of(work.ctx)))
    checks.push_back(std::move(check));
  if (passes(checks))
    pass(work, std::move(checks));
  else
    park(work, std::move(checks));
}

/// Takes the need's next step; without one it has what it could get.
void advance(draft& work, std::size_t index) {
  const auto& need = work.state.needs[index];
  if (!need.asking.empty())
    ask(work, index);
  else if (need.searching)
    search(work, index);
  else
    conclude(work);
}

}  // namespace

void begin_round(draft& work) {
  auto& state = work.state;
  const auto* known = work.ctx.look_up<material>(state.order->material);
  pr::ChecksBegunT event;
  event.order = std::make_unique<po::SnapshotT>(*state.order);
  if (known != nullptr)
    static_cast<void>(resolve_from_material(*event.order, *known));  // else its check fails
  event.checks = check_references(
      *event.order, work.ctx.look_up<plant>(work.ctx.plant()), known,
      [&](const std::string& id) { return work.ctx.look_up<work_center>(id); }, work.ctx.now(),
      rules_of(work.ctx));
  for (const auto& one : release_needs(*event.order, known, state.operations, state.quantity)) {
    auto& need = event.needs.emplace_back();
    need.material = one.material;
    need.operation = one.operation;
    need.unit = one.unit;
    need.quantity = one.quantity;
    need.materials = one.materials;
    need.reserved = reserved_before(state, one);
  }
  if (state.status == pr::Status::parked) work.d.cancel_timer(recheck_timer);
  work.emit(std::move(event));
  for (std::size_t i = 0; i < state.needs.size(); ++i)
    if (state.needs[i].searching) search(work, i);
  conclude(work);
}

void on_found(draft& work, std::uint32_t need, const answer& a) {
  pr::StockFoundT event;
  event.need = need;
  for (const auto id : a.found) event.batches.emplace_back(id);
  work.emit(std::move(event));
  advance(work, need);
}

void on_reserved(draft& work, std::uint32_t need, const answer& a) {
  const auto batch = std::string(split_local(a.from).second);
  pr::StockAnsweredT event;
  event.need = need;
  event.batch = batch;
  event.reason = a.code;
  const auto granted =
      a.granted() ? a.event<millrace::batch::schema, millrace::batch::ReservedT>() : std::nullopt;
  if (granted) {
    const auto& wanted = work.state.needs[need];
    event.unit = wanted.unit;
    event.granted = granted->quantity;
    event.material = wanted.materials[wanted.searched - 1];
    if (!granted->unit.empty() && granted->unit != wanted.unit) {
      const auto* m = work.ctx.look_up<material>(event.material);
      event.granted =
          (m ? convert(*m, granted->quantity, granted->unit, wanted.unit) : std::nullopt)
              .value_or(decimal());
    }
  }
  work.emit(std::move(event));
  advance(work, need);
}

}  // namespace millrace::actors::release_parts
