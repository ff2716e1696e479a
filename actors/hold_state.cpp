// Events of a hold: what they make of its lots, and of the status.
#include "actors/hold_state.hpp"

#include <algorithm>

namespace millrace::actors::holds {

namespace {

using process::AckStatus;

void heard_of(process::StateT& state, const std::string& plant, System system, timestamp at) {
  for (auto& one : state.heard)
    if (one.plant == plant && one.system == system) {
      one.at = at;
      return;
    }
  auto& fresh = state.heard.emplace_back();
  fresh.plant = plant;
  fresh.system = system;
  fresh.at = at;
}

void expect_one(process::StateT& state, rows& lots, const std::string& plant,
                const std::string& batch, const std::string& via, timestamp at) {
  lot_change lot(state, lots, plant, batch);
  if (lot.known()) return;
  lot.member().via = via;
  lot.acknowledger(System::none).asked_at = at;
}

void expect(process::StateT& state, rows& lots, const std::string& plant,
            const std::vector<std::string>& batches,
            const std::vector<process::PlantLotT>& elsewhere, const std::string& via,
            timestamp at) {
  for (const auto& batch : batches) expect_one(state, lots, plant, batch, via, at);
  for (const auto& one : elsewhere) expect_one(state, lots, one.plant, one.batch, via, at);
}

/// A lot that has to be waited for again takes the hold back to placing.
void reopen(process::StateT& state) {
  if (all_committed(state)) return;
  switch (state.status) {
    case process::Status::requested:
    case process::Status::contained:
    case process::Status::enforced:
    case process::Status::partially_enforced:
    case process::Status::enforced_with_escapes:
      state.status = process::Status::placing;
      break;
    case process::Status::released:
      state.status = process::Status::releasing;
      break;
    case process::Status::placing:
    case process::Status::release_requested:
    case process::Status::releasing:
      break;
  }
}

void note_home(std::vector<std::string>& homes, const std::string& home) {
  if (!home.empty() && std::find(homes.begin(), homes.end(), home) == homes.end())
    homes.push_back(home);
}

void reaching(process::StateT& state, const process::ReachingT& e, timestamp at, rows& lots) {
  if (state.batch.empty() && !state.asked_at.given()) {  // a descendant's word came first
    state.type = e.type;
    state.reason = e.reason;
    state.asked_at = at;
  }
  note_home(state.homes, e.home);
  // In the plant of the origin the lot it came through is waited for, should it be news.
  if (!e.via.empty() && e.home.empty() && e.plant.empty())
    expect_one(state, lots, {}, e.via, {}, at);
  {
    lot_change lot(state, lots, e.plant, e.batch);
    note_home(lot.homes(), e.home);
    auto& one = lot.member();
    one.origin |= e.origin;
    one.committed = true;
    one.lifted = false;
    one.more = e.more;
    one.at = at;
    if (one.via.empty()) one.via = e.via;
    one.material = e.material;
    one.quantity = e.quantity;
    one.unit = e.unit;
    auto& own = lot.acknowledger(System::none);
    if (!own.asked_at.given()) own.asked_at = at;
    own.status = AckStatus::acknowledged;
    own.acknowledged_at = at;
    own.last_heard = at;
    no_longer_awaited(state, own);
  }
  heard_of(state, e.plant, System::none, at);
  expect(state, lots, e.plant, e.descendants, e.elsewhere, e.batch, at);
  if (state.status == process::Status::requested) state.status = process::Status::placing;
  if (state.status >= process::Status::release_requested && !given_up(state))
    state.status = process::Status::placing;
  if (state.status == process::Status::released)
    state.status = process::Status::releasing;  // reached late: lifted next
  reopen(state);
}

void extended(process::StateT& state, const process::ExtendedT& e, timestamp at, rows& lots) {
  if (e.ends) lot_change(state, lots, e.plant, e.batch).member().more = false;
  expect(state, lots, e.plant, e.descendants, e.elsewhere, e.batch, at);
  reopen(state);
}

void system_asked(process::StateT& state, const process::SystemAskedT& e, timestamp at,
                  rows& lots) {
  lot_change lot(state, lots, e.plant, e.batch);
  auto& one = lot.acknowledger(e.system);
  one.by_platform = e.by_platform;
  one.reason.clear();
  if (!e.release) one.asked_at = at;
  if (e.release) {
    one.status = e.by_platform ? AckStatus::released : AckStatus::release_asked;
    if (e.by_platform) one.released_at = at;
    return;
  }
  one.status = e.by_platform ? AckStatus::acknowledged : AckStatus::asked;
  if (e.by_platform) one.acknowledged_at = at;
}

void system_acknowledged(process::StateT& state, const process::SystemAcknowledgedT& e,
                         timestamp at, rows& lots) {
  lot_change lot(state, lots, e.plant, e.batch);
  auto& one = lot.acknowledger(e.system);
  one.last_heard = at;
  heard_of(state, e.plant, e.system, at);
  one.document = e.document;
  if (e.release) {
    one.status = AckStatus::released;
    one.released_at = at;
    one.reason.clear();
  } else {
    one.acknowledged_at = at;
    // A release that was asked for meanwhile stays asked for.
    if (one.status == AckStatus::asked || one.status == AckStatus::failed) {
      one.status = AckStatus::acknowledged;
      one.reason.clear();
    }
  }
  if (!is_awaited(one.status)) no_longer_awaited(state, one);
}

void system_failed(process::StateT& state, const process::SystemFailedT& e, rows& lots) {
  lot_change lot(state, lots, e.plant, e.batch);
  auto& one = lot.acknowledger(e.system);
  one.last_heard = last_heard(state, e.plant, e.system);
  one.reason = e.reason;
  one.status = e.release ? AckStatus::release_failed : AckStatus::failed;
  await(state, one);
}

void lift(process::StateT& state, rows& lots, const std::string& plant, const std::string& batch,
          bool lifted) {
  lot_change lot(state, lots, plant, batch);
  auto& one = lot.member();
  one.committed = true;
  one.lifted = lifted;
  one.more = false;
  no_longer_awaited(state, lot.acknowledger(System::none));
}

void release_requested(process::StateT& state, const process::ReleaseRequestedT& e, timestamp at,
                       rows& lots) {
  lot_change(state, lots, {}, e.batch).member().origin = false;
  lift(state, lots, {}, e.batch, !e.inherited);
  state.released_by = e.released_by;
  state.release_reason = e.reason;
  if (!given_up(state)) return;
  state.release_requested_at = at;
  state.status =
      all_lifted(state) ? process::Status::releasing : process::Status::release_requested;
}

void member_lifted(process::StateT& state, const process::MemberLiftedT& e, rows& lots) {
  lift(state, lots, e.plant, e.batch, true);
  const bool followed = !state.homes.empty() && state.status < process::Status::release_requested;
  if ((followed || state.status == process::Status::release_requested) && given_up(state) &&
      all_lifted(state))
    state.status = process::Status::releasing;
}

}  // namespace

bool all_committed(const process::StateT& state) { return state.lots > 0 && state.lots_open == 0; }

bool given_up(const process::StateT& state) {
  return state.origins == 0 && (state.homes.empty() || all_lifted(state));
}

bool all_lifted(const process::StateT& state) { return state.lots_lifted == state.lots; }

bool all_acknowledged(const process::StateT& state) {
  return state.lots_open == 0 && state.systems_open == 0;
}

void apply(process::StateT& state, const process::EventUnion& event, timestamp at, rows& lots) {
  take_over(state, lots);
  switch (event.type) {
    case process::Event::NONE:
      return;
    case process::Event::Requested: {
      const auto& e = *event.AsRequested();
      if (!state.batch.empty()) return;  // placed on one more lot
      state.batch = e.batch;
      state.type = e.type;
      state.reason = e.reason;
      state.source = e.source;
      state.placed_by = e.placed_by;
      if (!state.asked_at.given()) state.asked_at = at;
      return;
    }
    case process::Event::Reaching:
      return reaching(state, *event.AsReaching(), at, lots);
    case process::Event::Extended:
      return extended(state, *event.AsExtended(), at, lots);
    case process::Event::SystemAsked:
      return system_asked(state, *event.AsSystemAsked(), at, lots);
    case process::Event::SystemAcknowledged:
      return system_acknowledged(state, *event.AsSystemAcknowledged(), at, lots);
    case process::Event::SystemFailed:
      return system_failed(state, *event.AsSystemFailed(), lots);
    case process::Event::Contained:
      state.status = process::Status::contained;
      if (!state.contained_at.given()) state.contained_at = at;
      return;
    case process::Event::Enforced:
      state.status = event.AsEnforced()->escapes == 0 ? process::Status::enforced
                                                      : process::Status::enforced_with_escapes;
      if (!state.enforced_at.given()) state.enforced_at = at;
      state.waits_for.clear();
      return;
    case process::Event::PartiallyEnforced:
      state.status = process::Status::partially_enforced;
      state.waits_for = event.AsPartiallyEnforced()->waits_for;
      state.overdue |= event.AsPartiallyEnforced()->overdue;
      return;
    case process::Event::Escaped:
      note_escapes(state, lots, event.AsEscaped()->escaped);
      state.recall = true;
      return;
    case process::Event::RecallClosed:
      state.recall = false;
      return;
    case process::Event::ReleaseRequested:
      return release_requested(state, *event.AsReleaseRequested(), at, lots);
    case process::Event::MemberLifted:
      return member_lifted(state, *event.AsMemberLifted(), lots);
    case process::Event::Released:
      state.status = process::Status::released;
      state.released_at = at;
      state.waits_for.clear();
      return;
  }
}

}  // namespace millrace::actors::holds
