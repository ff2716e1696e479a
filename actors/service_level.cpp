// A service level's decisions, and the defaults: the eight of the plant floor (the propagation of
// holds in two steps).
#include "actors/service_level.hpp"

#include <algorithm>

#include "schemas/model.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::service_level;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::uint32_t window_h_max = 31 * 24;

bool event_exists(std::string_view name) {
  for (const auto& kind : schema_model::built_in().kinds())
    for (const auto& event : kind.events)
      if (event.member != 0 && event.wire_name == name) return true;
  return false;
}

/// "id", "correlation" or pointers, joined by '+'.
bool is_key(std::string_view key) {
  while (true) {
    const auto plus = key.find('+');
    const auto part = key.substr(0, plus);
    if (part != "id" && part != "correlation" && (part.size() < 2 || part.front() != '/'))
      return false;
    if (plus == std::string_view::npos) return true;
    key.remove_prefix(plus + 1);
  }
}
bool is_match(std::string_view match) {
  if (match.empty()) return true;
  const auto equals = match.find('=');
  return match.front() == '/' && equals != std::string_view::npos && equals > 1;
}

made define(const StateT& state, const DefineT& c) {
  for (const auto* name : {&c.from_event, &c.to_event})
    if (!event_exists(*name))
      return made::refuse(Refusal::event_unknown, "There is no event " + *name + '.');
  const bool pointers = is_key(c.from_key) && is_key(c.to_key) && is_match(c.from_match) &&
                        is_match(c.to_match) && (c.from_time.empty() || c.from_time[0] == '/');
  if (!pointers)
    return made::refuse(Refusal::pointer_invalid,
                        "Keys are id, correlation or /pointers joined by '+'; matches are "
                        "/pointer=value|value; the time is a /pointer.");
  if (c.objective >= decimal::from_units(100))
    return made::refuse(Refusal::objective_invalid, "100 % leaves no budget to burn.");
  if (c.window_h > window_h_max)
    return made::refuse(Refusal::window_invalid, "At most 744 hours are kept.");
  DefinedT event;
  event.definition = std::make_unique<DefinitionT>();
  auto& d = *event.definition;
  d.meaning = c.meaning;
  d.from_event = c.from_event;
  d.from_key = c.from_key;
  d.from_match = c.from_match;
  d.from_time = c.from_time;
  d.to_event = c.to_event;
  d.to_key = c.to_key;
  d.to_match = c.to_match;
  d.target_ms = c.target_ms;
  d.objective = c.objective;
  d.window_h = c.window_h;
  made out;
  const bool same = !state.withdrawn && state.definition &&
                    made::pack(*state.definition) == made::pack(*event.definition);
  if (!same) out.emit(std::move(event));
  return out;
}

made withdraw(const StateT& state, const WithdrawT& c) {
  if (state.withdrawn)
    return made::refuse(Refusal::withdrawn, "The service level is withdrawn already.");
  made d;
  WithdrawnT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  return d;
}

made raise(const StateT& state, const RaiseAlertT& c) {
  made d;
  if (state.alerting || state.withdrawn) return d;
  AlertRaisedT event;
  event.short_burn = c.short_burn;
  event.long_burn = c.long_burn;
  event.good = c.good;
  event.bad = c.bad;
  event.correlation = c.correlation;
  d.emit(std::move(event));
  return d;
}

made clear(const StateT& state, const ClearAlertT& c) {
  made d;
  if (!state.alerting) return d;
  AlertClearedT event;
  event.short_burn = c.short_burn;
  event.long_burn = c.long_burn;
  d.emit(std::move(event));
  return d;
}

}  // namespace

decision<service_level::schema> service_level::decide(const schema::state& state,
                                                      const schema::command& command, context&) {
  switch (command.type) {
    case Command::Define:
      return define(state, *command.AsDefine());
    case Command::Withdraw:
      return withdraw(state, *command.AsWithdraw());
    case Command::RaiseAlert:
      return raise(state, *command.AsRaiseAlert());
    case Command::ClearAlert:
      return clear(state, *command.AsClearAlert());
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> service_level::evolve(schema::state& state, const schema::event& event,
                                   evolution& evo) {
  switch (event.type) {
    case Event::Defined:
      if (!event.AsDefined()->definition)
        return error{"kind.fault", "Defined without a definition"};
      state.definition = std::make_unique<DefinitionT>(*event.AsDefined()->definition);
      state.withdrawn = false;
      return {};
    case Event::Withdrawn:
      state.withdrawn = true;
      state.alerting = false;
      state.reason = event.AsWithdrawn()->reason;
      return {};
    case Event::AlertRaised:
      state.alerting = true;
      state.since = evo.stamp();
      ++state.alerts;
      return {};
    case Event::AlertCleared:
      state.alerting = false;
      state.since = evo.stamp();
      return {};
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

std::vector<named_service_level> default_service_levels() {
  struct row {
    const char *name, *meaning, *from, *from_key, *from_match, *from_time, *to, *to_key, *to_match;
    std::uint64_t target_s;
    const char* objective;
  };
  constexpr row rows[] = {
      {"order_release_latency", "asked for its release until the MES has acknowledged",
       "production.order.release_requested.v1", "id", "", "", "production.order.dispatched.v1",
       "id", "", 60, "99"},
      {"confirmation_timeliness", "an operation was done until the ERP has its document",
       "production.operation.confirmed.v1", "id+/confirmation", "/erp_status=accepted",
       "/occurred_at", "production.report.posted.v1", "id+/report", "/erp/status=posted", 300,
       "99"},
      {"hold_containment", "a hold was asked for until every descendant refuses",
       "quality.hold.requested.v1", "id", "", "", "quality.hold.contained.v1", "id", "", 5, "99.9"},
      {"hold_enforcement", "a hold was asked for until all outer systems have acknowledged",
       "quality.hold.requested.v1", "id", "", "", "quality.hold.enforced.v1", "id", "", 60, "99"},
      {"blocked_quality_releases", "a batch release began until it has ended",
       "quality.batch_release.started.v1", "id", "", "", "quality.batch_release.ended.v1", "id",
       "/status=released|rejected", 86'400, "95"},
      {"delayed_confirmations", "a posting was accepted until the ERP has posted it",
       "production.posting.accepted.v1", "id+/number", "", "", "production.posting.posted.v1",
       "id+/number", "", 900, "99"},
      {"batch_release_lead_time", "a batch was made until its usage is decided",
       "inventory.batch.produced.v1", "id", "/stock=quality_inspection", "",
       "inventory.batch.usage_decided.v1", "id", "/decision=accept|conditional", 259'200, "95"},
      {"genealogy_completeness", "a batch was made until its inputs are linked",
       "inventory.batch.produced.v1", "id", "", "", "traceability.batch.input_linked.v1", "id", "",
       3'600, "99"},
      {"inventory_synchronisation", "stock was consumed until the ERP has the movement",
       "production.component.consumed.v1", "id+/report", "/erp_status=accepted", "",
       "production.report.posted.v1", "id+/report", "/erp/status=posted", 900, "99.5"}};
  std::vector<named_service_level> out;
  for (const auto& r : rows) {
    auto& one = out.emplace_back();
    one.name = r.name;
    auto& d = one.definition;
    d.meaning = r.meaning;
    d.from_event = r.from;
    d.from_key = r.from_key;
    d.from_match = r.from_match;
    d.from_time = r.from_time;
    d.to_event = r.to;
    d.to_key = r.to_key;
    d.to_match = r.to_match;
    d.target_ms = r.target_s * 1000;
    d.objective = *decimal::parse(r.objective);
    d.window_h = 168;
  }
  return out;
}

}  // namespace millrace::actors
