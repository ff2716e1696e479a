// Members and acknowledgers of a hold as events leave them.
#include "actors/hold_state.hpp"

#include <algorithm>

namespace millrace::actors::holds {

namespace {

using process::AckStatus;

process::MemberT& member(process::StateT& state, const std::string& batch) {
  for (auto& one : state.closure)
    if (one.batch == batch) return one;
  process::MemberT fresh;
  fresh.batch = batch;
  state.closure.push_back(std::move(fresh));
  return state.closure.back();
}

process::AcknowledgerT& acknowledger(process::StateT& state, const std::string& batch,
                                     System system) {
  for (auto& one : state.acknowledgers)
    if (one.batch == batch && one.system == system) return one;
  process::AcknowledgerT fresh;
  fresh.batch = batch;
  fresh.system = system;
  state.acknowledgers.push_back(std::move(fresh));
  return state.acknowledgers.back();
}

void expect(process::StateT& state, const std::vector<std::string>& batches, const std::string& via,
            timestamp at) {
  for (const auto& batch : batches) {
    if (find_member(state, batch)) continue;
    member(state, batch).via = via;
    acknowledger(state, batch, System::none).asked_at = at;
  }
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

void reaching(process::StateT& state, const process::ReachingT& e, timestamp at) {
  if (state.batch.empty()) {  // a descendant's word came before the origin's
    state.type = e.type;
    state.reason = e.reason;
    state.asked_at = at;
  }
  if (!e.via.empty()) expect(state, {e.via}, {}, at);
  auto& one = member(state, e.batch);
  one.origin |= e.origin;
  one.committed = true;
  one.lifted = false;
  one.more = e.more;
  one.at = at;
  if (one.via.empty()) one.via = e.via;
  one.material = e.material;
  one.quantity = e.quantity;
  one.unit = e.unit;
  auto& own = acknowledger(state, e.batch, System::none);
  if (!own.asked_at.given()) own.asked_at = at;
  own.status = AckStatus::acknowledged;
  own.acknowledged_at = at;
  own.last_heard = at;
  expect(state, e.descendants, e.batch, at);
  if (state.status == process::Status::requested) state.status = process::Status::placing;
  if (e.origin && state.status >= process::Status::release_requested)
    state.status = process::Status::placing;
  if (state.status == process::Status::released)
    state.status = process::Status::releasing;  // reached late: lifted next
  reopen(state);
}

void system_asked(process::StateT& state, const process::SystemAskedT& e, timestamp at) {
  auto& one = acknowledger(state, e.batch, e.system);
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
                         timestamp at) {
  auto& one = acknowledger(state, e.batch, e.system);
  one.last_heard = at;
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
}

void system_failed(process::StateT& state, const process::SystemFailedT& e) {
  timestamp heard;
  for (const auto& other : state.acknowledgers)
    if (other.system == e.system) heard = std::max(heard, other.last_heard);
  auto& one = acknowledger(state, e.batch, e.system);
  one.last_heard = heard;
  one.reason = e.reason;
  one.status = e.release ? AckStatus::release_failed : AckStatus::failed;
  if (e.release) state.waits_for = waits_for(state);
}

void release_requested(process::StateT& state, const process::ReleaseRequestedT& e, timestamp at) {
  auto& one = member(state, e.batch);
  one.origin = false;
  one.lifted = !e.inherited;
  one.committed = true;
  one.more = false;
  state.released_by = e.released_by;
  state.release_reason = e.reason;
  if (!given_up(state)) return;
  state.release_requested_at = at;
  state.status =
      all_lifted(state) ? process::Status::releasing : process::Status::release_requested;
}

void member_lifted(process::StateT& state, const process::MemberLiftedT& e) {
  auto& one = member(state, e.batch);
  one.committed = true;
  one.lifted = true;
  one.more = false;
  if (state.status == process::Status::release_requested && all_lifted(state))
    state.status = process::Status::releasing;
}

}  // namespace

const process::MemberT* find_member(const process::StateT& state, std::string_view batch) {
  for (const auto& one : state.closure)
    if (one.batch == batch) return &one;
  return nullptr;
}

const process::AcknowledgerT* find_system(const process::StateT& state, std::string_view batch,
                                          System system) {
  for (const auto& one : state.acknowledgers)
    if (one.batch == batch && one.system == system) return &one;
  return nullptr;
}

bool all_committed(const process::StateT& state) {
  return !state.closure.empty() &&
         std::all_of(state.closure.begin(), state.closure.end(),
                     [](const auto& one) { return one.committed && !one.more; });
}

bool given_up(const process::StateT& state) {
  return std::none_of(state.closure.begin(), state.closure.end(),
                      [](const auto& one) { return one.origin; });
}

bool all_lifted(const process::StateT& state) {
  return std::all_of(state.closure.begin(), state.closure.end(),
                     [](const auto& one) { return one.lifted; });
}

std::vector<std::string> waits_for(const process::StateT& state) {
  std::vector<std::string> out;
  for (const auto& one : state.acknowledgers) {
    if (one.status == AckStatus::acknowledged || one.status == AckStatus::released) continue;
    if (one.system == System::none) {
      const auto* lot = find_member(state, one.batch);
      if (lot && lot->committed) continue;
    }
    std::string text = one.system == System::none
                           ? "batch/" + one.batch
                           : std::string(EnumNameSystem(one.system)) + " for batch/" + one.batch;
    if (!one.reason.empty()) text += ": " + one.reason;
    if (one.last_heard.given()) text += " (last heard " + one.last_heard.to_string() + ')';
    out.push_back(std::move(text));
  }
  return out;
}

bool has_failures(const process::StateT& state) {
  return std::any_of(state.acknowledgers.begin(), state.acknowledgers.end(), [](const auto& one) {
    return one.status == AckStatus::failed || one.status == AckStatus::release_failed;
  });
}

void apply(process::StateT& state, const process::EventUnion& event, timestamp at) {
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
      return reaching(state, *event.AsReaching(), at);
    case process::Event::Extended: {
      const auto& e = *event.AsExtended();
      if (e.ends) member(state, e.batch).more = false;
      expect(state, e.descendants, e.batch, at);
      return reopen(state);
    }
    case process::Event::SystemAsked:
      return system_asked(state, *event.AsSystemAsked(), at);
    case process::Event::SystemAcknowledged:
      return system_acknowledged(state, *event.AsSystemAcknowledged(), at);
    case process::Event::SystemFailed:
      return system_failed(state, *event.AsSystemFailed());
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
      for (const auto& one : event.AsEscaped()->escaped) state.escaped.push_back(one);
      state.recall = true;
      return;
    case process::Event::RecallClosed:
      state.recall = false;
      return;
    case process::Event::ReleaseRequested:
      return release_requested(state, *event.AsReleaseRequested(), at);
    case process::Event::MemberLifted:
      return member_lifted(state, *event.AsMemberLifted());
    case process::Event::Released:
      state.status = process::Status::released;
      state.released_at = at;
      state.waits_for.clear();
      return;
  }
}

}  // namespace millrace::actors::holds
