// The rows of a lot's own movements: what each took and gave, so that it can be
// reversed and is not doubled.
#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

std::string posting_key(const std::string& posting) { return key_of("post", posting); }

void posted(evolution& evo, const lot::MovementPostedT& e) {
  lot::MovementRowT row;
  row.what = "post";
  row.movement = e.movement;
  row.quantity = e.quantity;
  row.lines = e.taken;
  row.put = e.put;
  row.serials = e.serials;
  row.hold = e.hold;
  row.at = evo.stamp();
  evo.put_row("movements", posting_key(e.posting), row);
  if (e.put.empty()) put_serials(evo, e.serials, {}, e.movement);
}

void sent(evolution& evo, const lot::TransitT& transit) {
  lot::MovementRowT row;
  row.what = "send";
  row.movement = transit.movement;
  row.quantity = transit.quantity;
  row.lines = transit.taken;
  row.serials = transit.serials;
  row.batch = transit.batch;
  row.plant = transit.plant;
  row.at = evo.stamp();
  evo.put_row("movements", posting_key(transit.posting), row);
  put_serials(evo, transit.serials, {}, transit.batch);
}

void reversed(evolution& evo, const lot::MovementReversedT& e) {
  auto row = evo.row<lot::MovementRowT>("movements", posting_key(e.posting));
  if (!row) return;
  row->reversed = true;
  evo.put_row("movements", posting_key(e.posting), *row);
  put_serials(evo, e.serials, {});
}

/// Refused, it was never posted: the same id may be used again.
void sending_refused(evolution& evo, const lot::SendingRefusedT& e) {
  const auto row = evo.row<lot::MovementRowT>("movements", posting_key(e.posting));
  if (!row) return;
  put_serials(evo, row->serials, {});
  evo.erase_row("movements", posting_key(e.posting));
}

void taken_in(evolution& evo, const lot::TakenInT& e) {
  lot::MovementRowT row;
  row.what = "take";
  row.movement = e.movement;
  row.quantity = e.quantity;
  auto& line = row.lines.emplace_back();
  line.location = e.location;
  line.type = e.stock;
  line.quantity = e.quantity;
  row.serials = e.serials;
  row.batch = e.batch;
  row.plant = e.plant;
  row.at = evo.stamp();
  evo.put_row("movements", key_of("take", end_name(e.plant, e.batch), e.posting), row);
  put_serials(evo, e.serials, {});
}

void given_back(evolution& evo, const lot::GivenBackT& e) {
  const auto key = key_of("take", end_name(e.plant, e.batch), e.posting);
  auto row = evo.row<lot::MovementRowT>("movements", key);
  if (!row) return;
  row->reversed = true;
  evo.put_row("movements", key, *row);
  put_serials(evo, e.serials, {}, e.batch);
}

}  // namespace

void put_serials(evolution& evo, const std::vector<std::string>& serials,
                 const std::string& used_by, const std::string& gone) {
  for (const auto& serial : serials) {
    auto row = evo.row<lot::SerialRowT>("serials", serial).value_or(lot::SerialRowT());
    if (!row.at.given()) row.at = evo.stamp();
    row.order = used_by;
    row.gone = gone;
    evo.put_row("serials", serial, row);
  }
}

void put_movement_rows(const lot::EventUnion& event, evolution& evo) {
  if (const auto* e = event.AsMovementPosted()) posted(evo, *e);
  if (const auto* e = event.AsStockSent()) sent(evo, *e->transit);
  if (const auto* e = event.AsMovementReversed()) reversed(evo, *e);
  if (const auto* e = event.AsSendingRefused()) sending_refused(evo, *e);
  if (const auto* e = event.AsTakenIn()) taken_in(evo, *e);
  if (const auto* e = event.AsGivenBack()) given_back(evo, *e);
}

}  // namespace millrace::actors::batches
