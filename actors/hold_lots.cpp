// Rows of a hold's lots and the counts that follow from them.
#include "actors/hold_lots.hpp"

#include <algorithm>

namespace millrace::actors::holds {

namespace {

using process::AckStatus;

constexpr std::size_t escapes_shown_max = 100;

bool failed(AckStatus status) {
  return status == AckStatus::failed || status == AckStatus::release_failed;
}
bool open(const process::MemberT& lot) { return !lot.committed || lot.more; }

void add(std::uint32_t& count, bool counts, bool more) {
  if (!counts) return;
  if (more)
    ++count;
  else if (count > 0)
    --count;
}

/// Counts the row in, or out again.
void tally(process::StateT& state, const process::LotRowT& row, bool in) {
  const auto& lot = *row.member;
  add(state.lots_open, open(lot), in);
  add(state.origins, lot.origin, in);
  add(state.lots_lifted, lot.lifted, in);
  for (const auto& one : row.acknowledgers) {
    if (one.system == System::none) continue;
    add(state.systems_open, is_awaited(one.status), in);
    add(state.systems_failed, failed(one.status), in);
  }
}

/// The first lots are in the state as well, with who acknowledges for them.
void show(process::StateT& state, std::uint32_t number, const process::LotRowT& row) {
  if (number > lots_shown_max) return;
  const auto& lot = *row.member;
  if (state.closure.size() < number) state.closure.resize(number);
  state.closure[number - 1] = lot;
  std::erase_if(state.acknowledgers,
                [&](const auto& one) { return one.batch == lot.batch && one.plant == lot.plant; });
  state.acknowledgers.insert(state.acknowledgers.end(), row.acknowledgers.begin(),
                             row.acknowledgers.end());
}

std::string name_of(const process::AcknowledgerT& one) {
  std::string text = one.system == System::none
                         ? "batch/" + one.batch
                         : std::string(EnumNameSystem(one.system)) + " for batch/" + one.batch;
  if (!one.plant.empty()) text += " at " + one.plant;
  return text;
}

std::string text_of(const process::AcknowledgerT& one) {
  auto text = name_of(one);
  if (!one.reason.empty()) text += ": " + one.reason;
  if (one.last_heard.given()) text += " (last heard " + one.last_heard.to_string() + ')';
  return text;
}

}  // namespace

lot_change::lot_change(process::StateT& state, rows& lots, std::string_view plant,
                       std::string_view batch)
    : state_(state), lots_(lots), number_(lots.number_of(plant, batch)) {
  if (auto stored = number_ == 0 ? std::nullopt : lots.lot(number_)) {
    row_ = std::move(*stored);
    tally(state_, row_, false);
    return;
  }
  number_ = ++state_.lots;
  known_ = false;
  row_.member = std::make_unique<process::MemberT>();
  row_.member->batch = batch;
  row_.member->plant = plant;
  lots_.put_number(plant, batch, number_);
}

lot_change::~lot_change() {
  tally(state_, row_, true);
  show(state_, number_, row_);
  lots_.put_lot(number_, row_);
}

process::AcknowledgerT& lot_change::acknowledger(System system) {
  for (auto& one : row_.acknowledgers)
    if (one.system == system) return one;
  auto& fresh = row_.acknowledgers.emplace_back();
  fresh.batch = row_.member->batch;
  fresh.plant = row_.member->plant;
  fresh.system = system;
  return fresh;
}

timestamp last_heard(const process::StateT& state, const std::string& plant, System system) {
  for (const auto& one : state.heard)
    if (one.plant == plant && one.system == system) return one.at;
  return {};
}

bool is_awaited(AckStatus status) {
  return status != AckStatus::acknowledged && status != AckStatus::released;
}

void no_longer_awaited(process::StateT& state, const process::AcknowledgerT& one) {
  const auto name = name_of(one);
  std::erase_if(state.waits_for, [&](const auto& text) {
    return text == name || text.starts_with(name + ": ") || text.starts_with(name + " (");
  });
}

void await(process::StateT& state, const process::AcknowledgerT& one) {
  no_longer_awaited(state, one);
  if (state.waits_for.size() < waits_for_shown_max) state.waits_for.push_back(text_of(one));
}

void note_escapes(process::StateT& state, rows& lots,
                  const std::vector<process::EscapeT>& escaped) {
  for (const auto& one : escaped) {
    lots.put_escape(++state.escapes, one);
    if (state.escaped.size() < escapes_shown_max) state.escaped.push_back(one);
  }
}

void take_over(process::StateT& state, rows& lots) {
  if (state.lots != 0 || state.closure.empty()) return;
  const auto members = std::move(state.closure);
  const auto acknowledgers = std::move(state.acknowledgers);
  const auto gone = std::move(state.escaped);
  state.closure.clear();
  state.acknowledgers.clear();
  state.escaped.clear();
  for (const auto& one : members) {
    lot_change lot(state, lots, {}, one.batch);
    lot.member() = one;
    for (const auto& other : acknowledgers)
      if (other.batch == one.batch) lot.acknowledger(other.system) = other;
  }
  note_escapes(state, lots, gone);
}

std::optional<process::LotRowT> find_lot(rows& lots, std::string_view plant,
                                         std::string_view batch) {
  const auto number = lots.number_of(plant, batch);
  return number == 0 ? std::nullopt : lots.lot(number);
}

const process::AcknowledgerT* find_system(const process::LotRowT& lot, System system) {
  for (const auto& one : lot.acknowledgers)
    if (one.system == system) return &one;
  return nullptr;
}

std::vector<std::string> waits_for(const process::StateT& state, rows& lots) {
  std::vector<std::string> out;
  auto left = state.lots_open + state.systems_open;
  for (std::uint32_t n = 1; n <= state.lots && left > 0 && out.size() < waits_for_shown_max; ++n) {
    const auto row = lots.lot(n);
    if (!row) continue;
    if (open(*row->member)) --left;
    for (const auto& one : row->acknowledgers) {
      if (one.system == System::none ? row->member->committed : !is_awaited(one.status)) continue;
      if (one.system != System::none) --left;
      if (out.size() >= waits_for_shown_max) continue;
      auto named = one;
      if (!named.last_heard.given()) named.last_heard = last_heard(state, one.plant, one.system);
      out.push_back(text_of(named));
    }
  }
  return out;
}

}  // namespace millrace::actors::holds
