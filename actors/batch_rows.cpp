// What of a lot grows without bound and is kept as child rows: postings, links,
// serials, shipments, holds past.
#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

void put_movement(evolution& evo, const std::string& key, std::string what, decimal quantity,
                  std::vector<lot::StockLineT> lines, const std::string& operation) {
  lot::MovementRowT row;
  row.what = std::move(what);
  row.quantity = quantity;
  row.lines = std::move(lines);
  row.at = evo.stamp();
  row.operation = operation;
  evo.put_row("movements", key, row);
}

/// Marks a posting as taken back; one that never was is noted, so that it
/// cannot come later.
void reverse_movement(evolution& evo, const std::string& key, const std::string& what) {
  auto row = evo.row<lot::MovementRowT>("movements", key).value_or(lot::MovementRowT());
  if (row.what.empty()) row.what = what;
  row.reversed = true;
  evo.put_row("movements", key, row);
}

/// How much of the lot an order has made in all.
void add_output(evolution& evo, const std::string& order, decimal quantity) {
  const auto key = key_of("output", order);
  auto row = evo.row<lot::MovementRowT>("movements", key).value_or(lot::MovementRowT());
  row.what = "output";
  row.quantity += quantity;
  row.at = evo.stamp();
  evo.put_row("movements", key, row);
}

lot::StockLineT line_of(const std::string& location, lot::StockType type, decimal quantity) {
  lot::StockLineT line;
  line.location = location;
  line.type = type;
  line.quantity = quantity;
  return line;
}

template <class Row>
void put_link(evolution& evo, std::string_view direction, std::string_view table,
              std::uint32_t number, const lot::LinkT& link) {
  Row row;
  row.link = std::make_unique<lot::LinkT>(link);
  evo.put_row(table, number_key(number), row);
  lot::LinkRowT by_key;
  by_key.number = number;
  evo.put_row("link_numbers",
              key_of(direction, end_name(link.plant, link.batch), link.order, link.report), by_key);
}

template <class Row, class Event>
void end_link(evolution& evo, std::string_view direction, std::string_view table, const Event& e) {
  const auto number = evo.row<lot::LinkRowT>(
      "link_numbers", key_of(direction, end_name(e.plant, e.batch), e.order, e.report));
  if (!number) return;
  auto row = evo.row<Row>(table, number_key(number->number));
  if (!row) return;
  row->removed_at = evo.stamp();
  row->removed_because = e.reason;
  evo.put_row(table, number_key(number->number), *row);
}

/// The hold as it stands now, or how it ended.
void put_hold(const lot::StateT& state, evolution& evo, const std::string& hold,
              const std::string& by, const std::string& reason) {
  auto row = evo.row<lot::HoldRowT>("holds", hold).value_or(lot::HoldRowT());
  if (const auto* open = find_hold(state, hold)) {
    row.entry = std::make_unique<lot::HoldEntryT>(*open);
    row.released_at = {};
  } else {
    row.released_at = evo.stamp();
    row.released_by = by;
    row.release_reason = reason;
  }
  evo.put_row("holds", hold, row);
}

void put_holds(const lot::StateT& state, const lot::EventUnion& event, evolution& evo) {
  if (const auto* e = event.AsHoldPlaced()) put_hold(state, evo, e->hold->hold, {}, {});
  if (const auto* e = event.AsHoldInherited()) put_hold(state, evo, e->hold, {}, {});
  if (const auto* e = event.AsHoldReleased()) put_hold(state, evo, e->hold, e->by, e->reason);
  if (const auto* e = event.AsHoldLifted()) put_hold(state, evo, e->hold, e->by, e->reason);
}

void put_shipped(const lot::StateT& state, evolution& evo, const lot::ShippedT& e) {
  lot::ShippedRowT row;
  row.shipment = e.shipment;
  row.item = e.item;
  row.customer = e.customer;
  row.quantity = e.quantity;
  row.at = evo.stamp();
  evo.put_row("shipped", number_key(state.shipments), row);
}

void put_received(evolution& evo, const lot::ReceivedT& e) {
  if (!e.receipt.empty())
    put_movement(evo, key_of("receipt", e.receipt), "receipt", e.quantity,
                 {line_of(e.location, e.stock, e.quantity)}, {});
  put_serials(evo, e.serials, {});
}

void put_produced(evolution& evo, const lot::ProducedT& e) {
  put_movement(evo, key_of("produce", e.order, e.report), "produce", e.quantity,
               {line_of(e.location, e.stock, e.quantity)}, e.operation);
  add_output(evo, e.order, e.quantity);
  put_serials(evo, e.serials, {});
}

}  // namespace

void put_rows(const lot::StateT& state, const lot::EventUnion& event, evolution& evo) {
  switch (event.type) {
    case lot::Event::Received:
      return put_received(evo, *event.AsReceived());
    case lot::Event::Produced:
      return put_produced(evo, *event.AsProduced());
    case lot::Event::ProductionReversed: {
      const auto& e = *event.AsProductionReversed();
      add_output(evo, e.order, -e.quantity);
      return reverse_movement(evo, key_of("produce", e.order, e.report), "produce");
    }
    case lot::Event::Consumed: {
      const auto& e = *event.AsConsumed();
      put_movement(evo, key_of("consume", e.order, e.report), "consume", e.quantity, e.taken,
                   e.operation);
      return put_serials(evo, e.serials, e.order);
    }
    case lot::Event::ConsumptionReversed: {
      const auto& e = *event.AsConsumptionReversed();
      return reverse_movement(evo, key_of("consume", e.order, e.report), "consume");
    }
    case lot::Event::Shipped:
      return put_shipped(state, evo, *event.AsShipped());
    case lot::Event::OutputLinked:
      return put_link<lot::GenealogyDownRowT>(evo, "down", "genealogy_down", state.outputs,
                                              *event.AsOutputLinked()->link);
    case lot::Event::InputLinked:
      if (event.AsInputLinked()->again) return;
      return put_link<lot::GenealogyUpRowT>(evo, "up", "genealogy_up", state.inputs,
                                            *event.AsInputLinked()->link);
    case lot::Event::OutputUnlinked:
      return end_link<lot::GenealogyDownRowT>(evo, "down", "genealogy_down",
                                              *event.AsOutputUnlinked());
    case lot::Event::InputUnlinked:
      return end_link<lot::GenealogyUpRowT>(evo, "up", "genealogy_up", *event.AsInputUnlinked());
    case lot::Event::HoldPlaced:
    case lot::Event::HoldInherited:
    case lot::Event::HoldReleased:
    case lot::Event::HoldLifted:
      return put_holds(state, event, evo);
    case lot::Event::NONE:
    case lot::Event::Reserved:
    case lot::Event::Unreserved:
    case lot::Event::ReservationRevoked:
    case lot::Event::Allocated:
    case lot::Event::Deallocated:
    case lot::Event::AllocationRevoked:
    case lot::Event::Picked:
    case lot::Event::StockAdjusted:
    case lot::Event::StockTransferred:
    case lot::Event::ReferenceSet:
    case lot::Event::HeldStockUsed:
    case lot::Event::InspectionStarted:
    case lot::Event::InspectionCancelled:
    case lot::Event::UsageDecided:
    case lot::Event::Expired:
    case lot::Event::ConcessionEnded:
      return;
    case lot::Event::MovementPosted:
    case lot::Event::MovementReversed:
    case lot::Event::StockSent:
    case lot::Event::StockArrived:
    case lot::Event::SendingRefused:
    case lot::Event::StockAskedBack:
    case lot::Event::AskingBackRefused:
    case lot::Event::TakenIn:
    case lot::Event::GivenBack:
    case lot::Event::RestrictionSet:
      return put_movement_rows(event, evo);
  }
}

}  // namespace millrace::actors::batches
