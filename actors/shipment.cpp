// Decisions of a shipment. A grant that came too late for it is given back to
// its batch.
#include "actors/shipment.hpp"

#include <algorithm>

#include "actors/shipment_state.hpp"
#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors {

namespace shipments {
namespace {

namespace lot = millrace::batch;
using made = decision<goods::schema>;
using goods::AllocationStatus;
using goods::Life;
using goods::Refusal;

/// A decision in the making: `next` is the state with what has been emitted so
/// far.
struct step {
  context& ctx;
  goods::StateT next;
  made d;

  template <class EventT>
  void emit(EventT event) {
    d.emit(std::move(event));
    apply(next, d.events.back(), ctx.now());
  }
};

/// The tag of an ask names what is asked, the item and the batch; the separator
/// is in no id.
std::string tag_of(std::string_view what, std::string_view item, std::string_view batch) {
  return std::string(what) + '\x1f' + std::string(item) + '\x1f' + std::string(batch);
}

struct asked {
  std::string what, item, batch;
};
asked parse(std::string_view tag) {
  const auto first = tag.find('\x1f');
  const auto second = first == std::string_view::npos ? first : tag.find('\x1f', first + 1);
  if (second == std::string_view::npos) return {};
  return {std::string(tag.substr(0, first)), std::string(tag.substr(first + 1, second - first - 1)),
          std::string(tag.substr(second + 1))};
}

std::optional<made> ended(const goods::StateT& state) {
  if (state.life == Life::cancelled)
    return made::refuse(Refusal::cancelled, "The shipment is cancelled.");
  if (state.life == Life::shipped) return made::refuse(Refusal::shipped, "The shipment has left.");
  return std::nullopt;
}

void give_back(step& s, const std::string& item, const std::string& batch) {
  lot::DeallocateT back;
  back.shipment = s.ctx.id();
  back.item = item;
  s.d.tell<lot::schema>(batch, back);
}

made plan(step& s, const goods::PlanT& c) {
  if (s.ctx.sequence() != 0)
    return made::refuse(Refusal::exists, "Shipment " + std::string(s.ctx.id()) + " exists.");
  if (c.items.empty()) return made::refuse(Refusal::empty, "A shipment has at least one item.");
  for (std::size_t i = 0; i < c.items.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (c.items[i].item == c.items[j].item)
        return made::refuse(Refusal::item_twice, "Item " + c.items[i].item + " appears twice.");
  goods::PlannedT event;
  event.customer = c.customer;
  event.items = c.items;
  event.due = c.due;
  event.carrier = c.carrier;
  event.erp_id = c.erp_id;
  s.emit(std::move(event));
  return std::move(s.d);
}

made allocate(step& s, const goods::AllocateT& c) {
  if (auto no = ended(s.next)) return std::move(*no);
  const auto* item = find_item(s.next, c.item);
  if (!item) return made::refuse(Refusal::item_unknown, "The shipment has no item " + c.item + '.');
  if (c.unit != item->unit)
    return made::refuse(Refusal::unit_mismatch,
                        "The item is in " + item->unit + ", not in " + c.unit + '.');
  if (find_allocation(s.next, c.item, c.batch))
    return made::refuse(Refusal::allocated_already,
                        "Batch " + c.batch + " is allocated to item " + c.item + " already.");
  if (claimed(*item) + c.quantity > item->quantity)
    return made::refuse(Refusal::over_allocated,
                        "Item " + c.item + " needs " + item->quantity.to_string() + ' ' +
                            item->unit + ", " + claimed(*item).to_string() + " are allocated.");
  lot::AllocateT ask;
  ask.shipment = s.ctx.id();
  ask.item = c.item;
  ask.quantity = c.quantity;
  ask.unit = c.unit;
  ask.material = item->material;
  ask.customer = s.next.customer;
  ask.partial = c.partial;
  goods::AllocationRequestedT event;
  event.item = c.item;
  event.batch = c.batch;
  event.quantity = c.quantity;
  event.unit = c.unit;
  event.command = s.ctx.command_id();
  s.emit(std::move(event));
  s.d.ask<lot::schema>(c.batch, ask, tag_of("allocate", c.item, c.batch));
  return std::move(s.d.wait());
}

made deallocate(step& s, const goods::DeallocateT& c) {
  if (auto no = ended(s.next)) return std::move(*no);
  if (s.next.operation) return made::refuse(Refusal::busy, "An operation waits for its batches.");
  const auto* found = find_allocation(s.next, c.item, c.batch);
  if (!found)
    return made::refuse(Refusal::allocation_unknown,
                        "Nothing of " + c.batch + " is allocated to item " + c.item + '.');
  if (found->status == AllocationStatus::shipped)
    return made::refuse(Refusal::shipped, "It has left.");
  if (found->status != AllocationStatus::allocated && found->status != AllocationStatus::picked)
    return made::refuse(Refusal::busy, "The allocation waits for its batch.");
  goods::DeallocationRequestedT event;
  event.item = c.item;
  event.batch = c.batch;
  event.command = s.ctx.command_id();
  s.emit(std::move(event));
  lot::DeallocateT ask;
  ask.shipment = s.ctx.id();
  ask.item = c.item;
  s.d.ask<lot::schema>(c.batch, ask, tag_of("deallocate", c.item, c.batch));
  return std::move(s.d.wait());
}

/// Asks every batch for the next step of what it has allocated.
template <class Ask>
made operate(step& s, AllocationStatus from, AllocationStatus what, std::string_view name,
             goods::OperationStartedT event, Ask ask) {
  event.what = what;
  event.command = s.ctx.command_id();
  ask.shipment = s.ctx.id();
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& item : s.next.items)
    for (const auto& part : item.allocations)
      if (part.status == from) parts.emplace_back(item.item, part.batch);
  s.emit(std::move(event));
  for (const auto& [item, batch] : parts) {
    ask.item = item;
    s.d.ask<lot::schema>(batch, ask, tag_of(name, item, batch));
  }
  return std::move(s.d.wait());
}

made pick(step& s, const goods::PickT& c) {
  if (auto no = ended(s.next)) return std::move(*no);
  if (s.next.operation) return made::refuse(Refusal::busy, "An operation waits for its batches.");
  if (any_at(s.next, AllocationStatus::returning))
    return made::refuse(Refusal::busy, "An allocation is being given back.");
  const bool full = all_reached(s.next, AllocationStatus::allocated);
  const bool some =
      c.as_allocated && any_granted(s.next) && !any_at(s.next, AllocationStatus::requested);
  if (!full && !some)
    return made::refuse(Refusal::not_allocated, "Not every item is fully allocated.");
  if (all_reached(s.next, AllocationStatus::picked)) return {};  // picked before
  goods::OperationStartedT event;
  event.as_allocated = !full;
  return operate(s, AllocationStatus::allocated, AllocationStatus::picking, "pick",
                 std::move(event), lot::PickT());
}

made ship(step& s, const goods::ShipT& c) {
  if (auto no = ended(s.next)) return std::move(*no);
  if (s.next.operation) return made::refuse(Refusal::busy, "An operation waits for its batches.");
  if (!all_reached(s.next, AllocationStatus::picked))
    return made::refuse(Refusal::not_picked, "Not everything is picked.");
  goods::OperationStartedT event;
  event.carrier = c.carrier;
  event.document = c.document;
  lot::ShipT ask;
  ask.customer = s.next.customer;
  return operate(s, AllocationStatus::picked, AllocationStatus::shipping, "ship", std::move(event),
                 ask);
}

made cancel(step& s, const goods::CancelT& c) {
  if (auto no = ended(s.next)) return std::move(*no);
  if (any_at(s.next, AllocationStatus::shipped))
    return made::refuse(Refusal::shipped, "A part of it has left.");
  if (s.next.operation) return made::refuse(Refusal::busy, "An operation waits for its batches.");
  for (const auto& item : s.next.items)
    for (const auto& part : item.allocations)
      if (part.status != AllocationStatus::requested)
        give_back(s, item.item, part.batch);  // requested: when its grant comes
  goods::CancelledT event;
  event.reason = c.reason;
  event.by = s.ctx.from().principal;
  std::vector<hash128> waiting;
  for (const auto& item : s.next.items)
    for (const auto& part : item.allocations)
      if (part.status == AllocationStatus::requested || part.status == AllocationStatus::returning)
        waiting.push_back(part.command);
  s.emit(std::move(event));
  for (const auto& id : waiting)
    s.d.settle_refused(id, "shipment.cancelled", "The shipment was cancelled.");
  return std::move(s.d);
}

/// The last answer of an operation settles it.
void conclude(step& s) {
  if (!s.next.operation || any_at(s.next, s.next.operation->what)) return;
  const auto operation = *s.next.operation;
  if (!operation.code.empty()) {
    goods::OperationFailedT event;
    event.code = operation.code;
    event.detail = operation.detail;
    s.emit(std::move(event));
    s.d.settle_refused(operation.command, operation.code, operation.detail);
    return;
  }
  if (operation.what == AllocationStatus::picking) {
    s.emit(goods::PickedT());
  } else {
    goods::ShippedT event;
    event.customer = s.next.customer;
    event.at = s.ctx.now();
    s.emit(std::move(event));
  }
  s.d.settle(operation.command);
}

made revoke(step& s, const goods::RevokeAllocationT& c) {
  const auto* found = find_allocation(s.next, c.item, c.batch);
  if (!found || found->status == AllocationStatus::shipped) return {};
  // Whoever waits for this allocation has the answer now; the batch's own
  // answer finds nothing more to do.
  if (found->status == AllocationStatus::requested)
    s.d.settle_refused(found->command, "batch.held",
                       "Hold " + c.hold + " took the allocation away.");
  if (found->status == AllocationStatus::returning) s.d.settle(found->command);
  const bool in_operation = s.next.operation && found->status == s.next.operation->what;
  if (in_operation) {
    goods::OperationRefusedT refused;
    refused.item = c.item;
    refused.batch = c.batch;
    refused.code = "batch.held";
    refused.detail = "Hold " + c.hold + " took the allocation away.";
    s.emit(std::move(refused));
  }
  goods::AllocationRevokedT event;
  event.item = c.item;
  event.batch = c.batch;
  event.hold = c.hold;
  event.quantity = c.quantity;
  s.emit(std::move(event));
  conclude(s);
  return std::move(s.d);
}

made allocate_answered(step& s, const asked& what, const answer& a) {
  const auto* found = find_allocation(s.next, what.item, what.batch);
  if (!found || found->status != AllocationStatus::requested) {
    // Cancelled or revoked meanwhile: a grant nobody waits for is given back.
    if (a.granted() && !found) give_back(s, what.item, what.batch);
    return std::move(s.d);
  }
  const auto command = found->command;
  if (!a.granted()) {
    goods::AllocationRefusedT event;
    event.item = what.item;
    event.batch = what.batch;
    event.code = a.code;
    s.emit(std::move(event));
    s.d.settle_refused(command, a.code, a.detail);
    return std::move(s.d);
  }
  goods::AllocatedT event;
  event.item = what.item;
  event.batch = what.batch;
  const auto item = find_item(s.next, what.item);
  const auto granted = a.event<lot::schema, lot::AllocatedT>();
  // The lot speaks in its own unit; where that is the item's it may have
  // granted less.
  event.quantity =
      granted && item && granted->unit == item->unit ? granted->quantity : found->quantity;
  s.emit(std::move(event));
  s.d.settle(command);
  return std::move(s.d);
}

/// A batch refuses no deallocation: what it no longer knows is gone, as wanted.
made deallocate_answered(step& s, const asked& what, const answer& a) {
  const auto* found = find_allocation(s.next, what.item, what.batch);
  if (!found || found->status != AllocationStatus::returning || !a.granted()) return std::move(s.d);
  const auto command = found->command;
  goods::DeallocatedT event;
  event.item = what.item;
  event.batch = what.batch;
  s.emit(std::move(event));
  s.d.settle(command);
  return std::move(s.d);
}

void post_goods_issue(step& s, const asked& what, const goods::AllocationT& part) {
  if (!s.ctx.bound(System::erp)) return;
  const auto* item = find_item(s.next, what.item);
  goods::GoodsIssueT issue;
  issue.shipment = s.ctx.id();
  issue.item = what.item;
  issue.customer = s.next.customer;
  issue.material = item ? item->material : std::string();
  issue.batch = what.batch;
  issue.quantity = part.quantity;
  issue.unit = part.unit;
  issue.at = s.ctx.now();
  s.d.deliver(System::erp, "shipment/" + std::string(s.ctx.id()), issue,
              "issue~" + what.item + '~' + what.batch);
}

made operation_answered(step& s, const asked& what, const answer& a) {
  const auto* found = find_allocation(s.next, what.item, what.batch);
  if (!s.next.operation || !found || found->status != s.next.operation->what)
    return std::move(s.d);  // revoked meanwhile
  if (!a.granted()) {
    goods::OperationRefusedT event;
    event.item = what.item;
    event.batch = what.batch;
    event.code = a.code;
    event.detail = a.detail;
    s.emit(std::move(event));
  } else if (what.what == "pick") {
    goods::ItemPickedT event;
    event.item = what.item;
    event.batch = what.batch;
    s.emit(std::move(event));
  } else {
    const auto part = *found;
    goods::ItemShippedT event;
    event.item = what.item;
    event.batch = what.batch;
    event.quantity = part.quantity;
    s.emit(std::move(event));
    post_goods_issue(s, what, part);
  }
  conclude(s);
  return std::move(s.d);
}

}  // namespace
}  // namespace shipments

decision<shipment::schema> shipment::decide(const schema::state& state,
                                            const schema::command& command, context& ctx) {
  using millrace::shipment::Command;
  shipments::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Plan:
      return shipments::plan(s, *command.AsPlan());
    case Command::Allocate:
      return shipments::allocate(s, *command.AsAllocate());
    case Command::Deallocate:
      return shipments::deallocate(s, *command.AsDeallocate());
    case Command::Pick:
      return shipments::pick(s, *command.AsPick());
    case Command::Ship:
      return shipments::ship(s, *command.AsShip());
    case Command::Cancel:
      return shipments::cancel(s, *command.AsCancel());
    case Command::RevokeAllocation:
      return shipments::revoke(s, *command.AsRevokeAllocation());
  }
  return decision<schema>::fault("a shipment has no such command");
}

result<void> shipment::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  shipments::apply(state, event, evo.stamp());
  return {};
}

decision<shipment::schema> shipment::on_answer(const schema::state& state, const answer& a,
                                               context& ctx) {
  shipments::step s{ctx, state, {}};
  const auto what = shipments::parse(a.tag);
  if (what.what == "allocate") return shipments::allocate_answered(s, what, a);
  if (what.what == "deallocate") return shipments::deallocate_answered(s, what, a);
  if (what.what == "pick" || what.what == "ship") return shipments::operation_answered(s, what, a);
  return decision<schema>::fault("an answer to nothing that was asked");
}

}  // namespace millrace::actors
