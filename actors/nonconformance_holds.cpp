// A nonconformance's holds: every lot concerned is asked for one under the same id, in the hold
// lane, and gives it up when the disposition, a cancellation or a decision says so.
#include <algorithm>

#include "actors/nonconformance_parts.hpp"
#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors::nonconformances {

namespace lot = millrace::batch;

void hold_lot(step& s, nc::AffectedT affected) {
  lot::PlaceHoldT hold;
  hold.hold = s.next.hold;
  hold.type = lot::HoldType::quality;
  hold.reason = s.next.title;
  hold.source = "nonconformance/" + std::string(s.ctx.id());
  hold.person = s.next.raised_by;
  if (affected.quantity && affected.serials.empty()) {
    hold.quantity = std::make_unique<decimal>(*affected.quantity);
    hold.unit = affected.unit;
  }
  hold.serials = affected.serials;
  const auto batch = affected.batch;
  nc::HoldAskedT event;
  event.lot = std::make_unique<nc::AffectedT>(std::move(affected));
  s.emit(std::move(event));
  s.d.ask<lot::schema>(batch, hold, "hold\x1f" + s.next.hold + '\x1f' + batch, Lane::hold);
}

void contain_when_held(step& s) {
  if (s.next.status != nc::Status::open || s.next.affected.empty()) return;
  for (const auto& one : s.next.affected)
    if (one.hold != nc::HoldState::placed) return;
  nc::ContainedT event;
  event.action = "all lots are held";
  event.by = "nonconformance/" + std::string(s.ctx.id());
  s.emit(std::move(event));
}

made hold_answered(step& s, std::string_view batch, const answer& a) {
  const auto* affected = find_affected(s.next, batch);
  if (affected == nullptr || affected->hold != nc::HoldState::asked) return s.done();
  nc::HoldAnsweredT event;
  event.batch = batch;
  event.placed = a.granted() || a.code == "batch.hold_exists";
  if (!event.placed) event.reason = a.code;
  s.emit(std::move(event));
  contain_when_held(s);
  return s.done();
}

void release_hold(step& s, const std::string& batch) {
  nc::HoldReleaseAskedT event;
  event.batch = batch;
  s.emit(std::move(event));
  lot::ReleaseHoldT release;
  release.hold = s.next.hold;
  release.reason =
      "nonconformance " + std::string(s.ctx.id()) + ' ' + nc::EnumNameStatus(s.next.status);
  s.d.ask<lot::schema>(batch, release, "release\x1f" + s.next.hold + '\x1f' + batch, Lane::hold);
}

void replace_hold(step& s, const std::string& batch, const std::string& before) {
  lot::ReleaseHoldT release;
  release.hold = before;
  release.reason = "held by " + s.next.hold;
  s.d.tell<lot::schema>(batch, release, Lane::hold);
}

void release_holds(step& s) {
  std::vector<std::string> held;
  for (const auto& one : s.next.affected)
    if (one.hold == nc::HoldState::placed || one.hold == nc::HoldState::asked)
      held.push_back(one.batch);
  for (const auto& batch : held) release_hold(s, batch);
}

made release_answered(step& s, std::string_view batch, const answer& a) {
  const auto* affected = find_affected(s.next, batch);
  if (affected == nullptr || affected->hold != nc::HoldState::release_asked) return s.done();
  const bool gone = a.granted() || a.code == "batch.hold_unknown";
  nc::HoldReleasedT event;
  event.batch = batch;
  if (!gone) event.reason = a.code;
  s.emit(std::move(event));
  hold_given_back(s, std::string(batch), gone ? std::string() : std::string(a.code));
  return s.done();
}

}  // namespace millrace::actors::nonconformances
