// Links between lots. The input lot keeps the way to its outputs, so it alone
// can tell them its holds; the output is told the holds before the link, so
// that whoever sees the link sees the holds. Removing ends a link, history
// keeps it.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

/// The stored link, nullopt when there is none.
template <class Row>
std::optional<Row> find_link(step& s, std::string_view direction, std::string_view table,
                             std::string_view end, std::string_view order,
                             std::string_view report) {
  const auto number =
      s.ctx.row<lot::LinkRowT>("link_numbers", key_of(direction, end, order, report));
  return number ? s.ctx.row<Row>(table, number_key(number->number)) : std::nullopt;
}

template <class Command>
lot::LinkT link_of(const Command& c, const std::string& other, const std::string& plant,
                   timestamp now) {
  lot::LinkT link;
  link.batch = other;
  link.material = c.material;
  link.plant = plant;
  link.quantity = c.quantity;
  link.unit = c.unit;
  link.order = c.order;
  link.operation = c.operation;
  link.basis = c.basis;
  link.at = c.at.given() ? c.at : now;
  link.report = c.report;
  return link;
}

bool awaits(const lot::StateT& state, std::string_view input) {
  return std::find(state.awaiting.begin(), state.awaiting.end(), input) != state.awaiting.end();
}

void tell_unlink_input(step& s, const lot::LinkT& link, const std::string& reason) {
  lot::UnlinkInputT unlink;
  unlink.input = s.ctx.id();
  unlink.order = link.order;
  unlink.report = link.report;
  unlink.reason = reason;
  s.d.tell<lot::schema>(link.batch, unlink, Lane::hold, link.plant);
}

}  // namespace

void link_to_output(step& s, const lot::LinkT& link) {
  const auto stored = find_link<lot::GenealogyDownRowT>(
      s, "down", "genealogy_down", end_name(link.plant, link.batch), link.order, link.report);
  if (stored && stored->removed_at.given()) {
    tell_unlink_input(s, link, stored->removed_because);
    return;
  }
  if (stored && s.ctx.reposting()) return;  // told when it was parked
  if (!stored) {
    lot::OutputLinkedT event;
    event.link = std::make_unique<lot::LinkT>(link);
    s.emit(std::move(event));
  }
  tell_holds(s, link.batch, link.plant, link.order.empty());
  lot::LinkInputT told;
  told.input = s.ctx.id();
  told.material = s.next.material;
  told.order = link.order;
  told.operation = link.operation;
  told.report = link.report;
  told.quantity = link.quantity;
  told.unit = link.unit;
  told.basis = link.basis;
  told.at = link.at;
  s.d.tell<lot::schema>(link.batch, told, Lane::hold, link.plant);
}

made link_output(step& s, const lot::LinkOutputT& c) {
  const auto plant = plant_seen(s.ctx, c.output_plant);
  if (c.output == s.ctx.id() && plant.empty()) return s.done();
  auto link = link_of(c, c.output, plant, s.ctx.now());
  if (const auto in_unit = in_lot_unit(s, c.quantity, c.unit)) {
    link.quantity = *in_unit;
    link.unit = s.next.unit;
  }
  link_to_output(s, link);
  return s.done();
}

made link_input(step& s, const lot::LinkInputT& c) {
  const auto plant = plant_seen(s.ctx, c.input_plant);
  if (c.input == s.ctx.id() && plant.empty()) return s.done();
  const bool known =
      s.ctx.has_row("link_numbers", key_of("up", end_name(plant, c.input), c.order, c.report));
  if (known && !awaits(s.next, awaited_name(plant, c.input))) return s.done();
  lot::InputLinkedT event;
  event.link = std::make_unique<lot::LinkT>(link_of(c, c.input, plant, s.ctx.now()));
  event.again = known;
  s.emit(std::move(event));
  return s.done();
}

made unlink_output(step& s, const lot::UnlinkOutputT& c) {
  const auto plant = plant_seen(s.ctx);
  const auto stored = find_link<lot::GenealogyDownRowT>(
      s, "down", "genealogy_down", end_name(plant, c.output), c.order, c.report);
  if (!stored || stored->removed_at.given()) return s.done();
  lot::OutputUnlinkedT event;
  event.batch = c.output;
  event.plant = plant;
  event.order = c.order;
  event.report = c.report;
  event.reason = c.reason;
  s.emit(std::move(event));
  return s.done();
}

made unlink_input(step& s, const lot::UnlinkInputT& c) {
  const auto plant = plant_seen(s.ctx);
  const auto stored = find_link<lot::GenealogyUpRowT>(s, "up", "genealogy_up",
                                                      end_name(plant, c.input), c.order, c.report);
  const bool awaited = awaits(s.next, awaited_name(plant, c.input));
  if (!awaited && (!stored || stored->removed_at.given())) return s.done();
  lot::InputUnlinkedT event;
  event.batch = c.input;
  event.plant = plant;
  event.order = c.order;
  event.report = c.report;
  event.reason = c.reason;
  s.emit(std::move(event));
  return s.done();
}

void unlink_outputs(step& s, std::string_view order, std::string_view report,
                    const std::string& reason) {
  for (std::uint32_t n = 1; n <= s.next.outputs; ++n) {
    const auto row = s.ctx.row<lot::GenealogyDownRowT>("genealogy_down", number_key(n));
    if (!row || row->removed_at.given() || row->link->order != order) continue;
    if (!report.empty() && row->link->report != report) continue;
    lot::OutputUnlinkedT event;
    event.batch = row->link->batch;
    event.plant = row->link->plant;
    event.order = row->link->order;
    event.report = row->link->report;
    event.reason = reason;
    s.emit(std::move(event));
    tell_unlink_input(s, *row->link, reason);
  }
}

void unlink_inputs(step& s, std::string_view order, const std::string& reason) {
  for (std::uint32_t n = 1; n <= s.next.inputs; ++n) {
    const auto row = s.ctx.row<lot::GenealogyUpRowT>("genealogy_up", number_key(n));
    if (!row || row->removed_at.given() || row->link->order != order) continue;
    lot::InputUnlinkedT event;
    event.batch = row->link->batch;
    event.plant = row->link->plant;
    event.order = row->link->order;
    event.report = row->link->report;
    event.reason = reason;
    s.emit(std::move(event));
    lot::UnlinkOutputT unlink;
    unlink.output = s.ctx.id();
    unlink.order = row->link->order;
    unlink.report = row->link->report;
    unlink.reason = reason;
    s.d.tell<lot::schema>(row->link->batch, unlink, Lane::hold, row->link->plant);
  }
}

}  // namespace millrace::actors::batches
