// Components that the platform backflushes: a confirmation posts what they have
// used, from the lots that the release had set aside. Cancelling the
// confirmation takes it back.
#include <algorithm>
#include <string>
#include <utility>

#include "actors/order_parts.hpp"

namespace millrace::actors::order_parts {

namespace {

constexpr std::uint32_t consumptions_max = 200;  // of one confirmation: an entry has a limit

std::string report_of(const std::string& confirmation, std::uint32_t number) {
  return confirmation + '~' + std::to_string(number);
}

/// What the confirmation says was made at that operation, scrap included: it
/// used components too.
decimal made_at(const po::OperationConfirmedT& e, const std::string& operation) {
  if (operation == e.operation || (operation.empty() && e.last_operation))
    return e.yield + e.scrap + e.rework;
  for (const auto& one : e.implied)
    if (one.operation == operation) return one.yield;
  return {};
}

bool stands_for(const po::ComponentT& component, const std::string& material) {
  return component.material == material ||
         std::ranges::find(component.alternatives, material) != component.alternatives.end();
}

/// So much of each lot set aside; the rest of no lot in particular.
std::vector<po::SetAsideT> parts_of(const po::StateT& state, const po::ComponentT& component,
                                    decimal quantity) {
  std::vector<po::SetAsideT> out;
  for (const auto& one : state.set_aside) {
    if (!quantity.is_positive()) break;
    if (!stands_for(component, one.material) || one.operation != component.operation ||
        one.unit != component.unit || !one.quantity.is_positive())
      continue;
    auto& part = out.emplace_back(one);
    part.quantity = std::min(one.quantity, quantity);
    quantity -= part.quantity;
  }
  if (!quantity.is_positive()) return out;
  po::SetAsideT rest;
  rest.material = component.material;
  rest.unit = component.unit;
  rest.quantity = quantity;
  if (!out.empty()) {
    rest.material = out.back().material;
    rest.batch = out.back().batch;
  }
  out.push_back(std::move(rest));
  return out;
}

}  // namespace

std::uint32_t backflush(made& d, const po::StateT& state, const po::OperationConfirmedT& e,
                        context& ctx) {
  std::uint32_t number = 0;
  for (const auto& component : state.components) {
    if (component.issue != millrace::material::Issue::backflush_platform || component.unplanned)
      continue;
    const auto made_here = made_at(e, component.operation);
    const auto used = state.quantity.is_positive()
                          ? decimal::proportion(component.planned, made_here, state.quantity)
                          : std::nullopt;
    if (!used || !used->is_positive()) continue;
    for (auto& part : parts_of(state, component, *used)) {
      if (number == consumptions_max) return number;
      po::MovementT m;
      m.kind = po::ReportKind::consumption;
      m.report = report_of(e.confirmation, ++number);
      m.operation = component.operation;
      m.material = part.material;
      m.batch = part.batch;
      m.quantity = part.quantity;
      m.unit = part.unit;
      m.occurred_at = e.occurred_at;
      m.posting_date = e.posting_date;
      m.received_at = ctx.now();
      m.backflush = true;
      consume(d, state, std::move(m), ctx);
    }
  }
  return number;
}

void take_backflush_back(made& d, const po::ConfirmationT& row, context& ctx) {
  for (std::uint32_t n = 1; n <= row.backflushed; ++n) {
    const auto report = report_of(row.confirmation, n);
    const auto m = movement_of(ctx, po::ReportKind::consumption, report);
    if (!m || m->status == po::MovementStatus::refused ||
        m->status >= po::MovementStatus::reversing)
      continue;
    take_consumption_back(d, *m, "confirmation cancelled", ctx);
  }
}

}  // namespace millrace::actors::order_parts
