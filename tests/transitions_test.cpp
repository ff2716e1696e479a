// layer: actors
// Every state by every command of a kind's schema: where it leads, or with which code it is
// refused. A command that is added without a row fails here.
#define BOOST_TEST_MODULE transitions
#include <boost/test/unit_test.hpp>

#include "actors/capa.hpp"
#include "actors/plant.hpp"
#include "actors/supplier.hpp"
#include "actors/work_center.hpp"
#include "tests/transition_table.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

/// Sends a command as that system.
template <class K, class CommandT>
auto by(System system, CommandT command) {
  return [system, command](given<K>& g) { g.when(command, system); };
}
/// Sends a command as another actor.
template <class K, class CommandT>
auto from(std::string actor, CommandT command) {
  return [actor = std::move(actor), command](given<K>& g) { g.when_from(actor, command); };
}
template <class CommandT>
CommandT because(CommandT command = {}) {
  command.reason = "as agreed";
  return command;
}

namespace plants {

namespace ns = millrace::plant;
using subject = actors::plant;

ns::CommissionT commission(bool activate) {
  ns::CommissionT c;
  c.region = "eu";
  c.time_zone = "Europe/Berlin";
  c.activate = activate;
  return c;
}
ns::BindSystemT bind() {
  ns::BindSystemT c;
  c.system = System::mes;
  c.adapter = "rest";
  return c;
}
ns::UnbindSystemT unbind() {
  ns::UnbindSystemT c;
  c.system = System::mes;
  return c;
}
ns::AwaitChangeT await() {
  ns::AwaitChangeT c;
  c.process = "1000042";
  return c;
}

}  // namespace plants

namespace capas {

namespace ns = millrace::capa;
using subject = actors::capa;

ns::OpenT open() {
  ns::OpenT c;
  c.title = "Scratches from the conveyor";
  return c;
}
ns::RecordRootCauseT cause() {
  ns::RecordRootCauseT c;
  c.root_cause = "worn guide rail";
  return c;
}
ns::PlanActionsT plan(std::string action) {
  ns::PlanActionsT c;
  c.actions.emplace_back().action = std::move(action);
  return c;
}
ns::CompleteActionT complete() {
  ns::CompleteActionT c;
  c.action = "replace";
  c.evidence = "work order 77";
  return c;
}
ns::CheckEffectivenessT effect(bool effective) {
  ns::CheckEffectivenessT c;
  c.effective = effective;
  c.note = "30 days without a scratch";
  return c;
}
/// The first `steps` of the way from open to closed.
auto way(int steps) {
  return [steps](given<subject>& g) {
    g.when(open(), System::qms).then_accepted();
    if (steps > 0) g.when(cause(), System::qms).then_accepted();
    if (steps > 1) g.when(plan("replace"), System::qms).then_accepted();
    if (steps > 2) g.when(complete(), System::mes).then_accepted();
    if (steps > 3) g.when(effect(true), System::qms).then_accepted();
    if (steps > 4) g.when(ns::CloseT(), System::qms).then_accepted();
  };
}

}  // namespace capas

namespace centers {

namespace ns = millrace::work_center;
using subject = actors::work_center;

ns::DefineT define() {
  ns::DefineT c;
  c.name = "Assembly 1";
  return c;
}
template <class CommandT>
CommandT downtime(std::string id) {
  CommandT c;
  c.downtime = std::move(id);
  return c;
}
template <class CommandT>
CommandT maintenance() {
  CommandT c;
  c.order = "M-1";
  return c;
}
ns::PlanMaintenanceT plan() {
  auto c = maintenance<ns::PlanMaintenanceT>();
  c.description = "oil change";
  return c;
}
ns::AwaitChangeT await() {
  ns::AwaitChangeT c;
  c.process = "1000042";
  return c;
}
/// "down+in_progress": the life, and what each open maintenance order is.
std::string name(const ns::StateT& s) {
  std::string out = ns::EnumNameLife(s.life);
  for (const auto& one : s.maintenance)
    out += std::string("+") + ns::EnumNameMaintenanceStatus(one.status);
  return out;
}

}  // namespace centers

namespace suppliers {

namespace ns = millrace::supplier;
using subject = actors::supplier;

ns::ReportQualityEventT quality_event() {
  auto c = because<ns::ReportQualityEventT>();
  c.event = "SQE-1";
  return c;
}
ns::LotReceivedT received() {
  ns::LotReceivedT c;
  c.batch = "HSG-1";
  c.material = "HOUSING";
  c.supplier_lot = "L-17";
  c.quantity = decimal::from_units(10);
  c.unit = "EA";
  return c;
}
template <class CommandT>
CommandT contained() {
  CommandT c;
  c.containment = "SQE-9";
  return c;
}
ns::TakeMasterT copy_of_master() {
  ns::TakeMasterT c;
  c.version = 99;
  c.status = ns::Status::approved;
  return c;
}
ns::RegisterT join() {
  ns::RegisterT c;
  c.plant = "lyon";
  return c;
}
ns::AwaitChangeT await() {
  ns::AwaitChangeT c;
  c.process = "1000042";
  return c;
}
/// The master, approved and then led to that status.
auto way(ns::Status status) {
  return [status](given<subject>& g) {
    g.id("ACME").plant("enterprise");
    if (status == ns::Status::unknown) return;
    g.when(because<ns::ApproveT>(), System::sqm).then_accepted();
    if (status == ns::Status::restricted) g.when(because<ns::RestrictT>(), System::sqm);
    if (status == ns::Status::blocked) g.when(because<ns::BlockT>(), System::sqm);
  };
}

}  // namespace suppliers

}  // namespace

BOOST_AUTO_TEST_CASE(plant_life) {
  using namespace plants;
  using ns::Command;
  const auto begin = [](bool activate) {
    return [activate](given<subject>& g) { g.when(commission(activate), System::ops); };
  };
  const auto then = [&](auto command) {
    return [command, begin](given<subject>& g) {
      begin(true)(g);
      g.when(command, System::ops).then_accepted();
    };
  };
  transition_table<subject> t;
  t.name_of = [](const ns::StateT& s) { return std::string(ns::EnumNameLife(s.life)); };
  t.columns = {{"commissioned", begin(false)},
               {"active", begin(true)},
               {"paused", then(because<ns::PauseT>())},
               {"retired", then(because<ns::RetireT>())}};
  const std::vector<std::string> stays{"commissioned", "active", "paused", "retired"};
  const std::vector<std::string> until_retired{"commissioned", "active", "paused", "-retired"};
  const auto ops = [](auto command) { return by<subject>(System::ops, command); };
  t.rows = {
      {Command::Commission, ops(commission(true)),
       std::vector<std::string>(4, "-already_commissioned")},
      {Command::Activate,
       ops(ns::ActivateT()),
       {"active", "-not_commissioned", "-not_commissioned", "-retired"}},
      {Command::Pause,
       ops(because<ns::PauseT>()),
       {"-not_active", "paused", "-not_active", "-not_active"}},
      {Command::Resume,
       ops(ns::ResumeT()),
       {"-not_paused", "-not_paused", "active", "-not_paused"}},
      {Command::Retire, ops(because<ns::RetireT>()), {"retired", "retired", "retired", "-retired"}},
      {Command::Describe, ops(ns::DescribeT()), until_retired},
      {Command::BindSystem, ops(bind()), until_retired},
      {Command::UnbindSystem, ops(unbind()), std::vector<std::string>(4, "-not_bound")},
      {Command::AwaitChange, from<subject>("order_release/1000042", await()), stays},
      {Command::AdoptRules, ops(ns::AdoptRulesT()), stays},
  };
  t.check(ns::EnumValuesCommand());
}

BOOST_AUTO_TEST_CASE(capa_status) {
  using namespace capas;
  using ns::Command;
  const std::string no = "-wrong_status";
  transition_table<subject> t;
  t.name_of = [](const ns::StateT& s) { return std::string(ns::EnumNameStatus(s.status)); };
  const std::vector<std::string> names{
      "open", "root_cause", "action_planned", "implemented", "effectiveness_checked", "closed"};
  std::vector<std::string> waits;
  for (std::size_t i = 0; i < names.size(); ++i) {
    t.columns.push_back({names[i], way(static_cast<int>(i))});
    waits.push_back('?' + names[i]);
  }
  ns::LinkNonconformanceT ask;
  ask.nonconformance = "NC-1";
  ns::LinkT link;
  link.nonconformance = "NC-1";
  const auto qms = [](auto command) { return by<subject>(System::qms, command); };
  t.rows = {
      {Command::Open, qms(open()), std::vector<std::string>(6, "-exists")},
      {Command::RecordRootCause, qms(cause()), {"root_cause", "root_cause", no, no, no, no}},
      {Command::PlanActions,
       [](given<subject>& g) { g.when(plan("again"), System::qms); },
       {no, "action_planned", "action_planned", no, no, no}},
      {Command::CompleteAction,
       by<subject>(System::mes, complete()),
       {no, no, "implemented", no, no, no}},
      {Command::CheckEffectiveness,
       qms(effect(true)),
       {no, no, no, "effectiveness_checked", no, no}},
      {Command::Close, qms(ns::CloseT()), {no, no, no, no, "closed", no}},
      {Command::LinkNonconformance, qms(ask), waits},
      {Command::Link, from<subject>("nonconformance/NC-1", link), names},
  };
  t.check(ns::EnumValuesCommand());
  given<subject> g;
  way(3)(g);
  g.when(effect(false), System::qms);
  BOOST_CHECK_EQUAL(t.name_of(g.state()), "root_cause");  // what did not help begins again
}

BOOST_AUTO_TEST_CASE(work_center_life) {
  using namespace centers;
  using ns::Command;
  transition_table<subject> t;
  t.name_of = name;
  const auto begin = [](given<subject>& g) { g.when(define(), System::erp).then_accepted(); };
  const auto planned = [begin](given<subject>& g) {
    begin(g);
    g.when(plan(), System::cmms).then_accepted();
  };
  t.columns = {{"available", begin},
               {"available+planned", planned},
               {"down",
                [begin](given<subject>& g) {
                  begin(g);
                  g.when(because(downtime<ns::ReportDownT>("D-1")), System::mes).then_accepted();
                }},
               {"down+in_progress", [planned](given<subject>& g) {
                  planned(g);
                  g.when(maintenance<ns::StartMaintenanceT>(), System::cmms).then_accepted();
                }}};
  const std::vector<std::string> stays{"available", "available+planned", "down",
                                       "down+in_progress"};
  const std::string late = "!downtime_unknown", none = "-maintenance_unknown",
                    wrong = "-maintenance_status", exists = "-maintenance_exists";
  const auto mes = [](auto command) { return by<subject>(System::mes, command); };
  const auto cmms = [](auto command) { return by<subject>(System::cmms, command); };
  t.rows = {
      {Command::Define, by<subject>(System::erp, define()), stays},
      {Command::ReportDown,
       mes(because(downtime<ns::ReportDownT>("D-2"))),
       {"down", "down+planned", "down", "down+in_progress"}},
      {Command::ReportUp, mes(downtime<ns::ReportUpT>("D-1")), {late, late, "available", late}},
      {Command::ReverseDowntime,
       mes(because(downtime<ns::ReverseDowntimeT>("D-1"))),
       {late, late, "available", late}},
      {Command::PlanMaintenance,
       cmms(plan()),
       {"available+planned", exists, "down+planned", exists}},
      {Command::StartMaintenance,
       cmms(maintenance<ns::StartMaintenanceT>()),
       {none, "down+in_progress", none, wrong}},
      {Command::CompleteMaintenance,
       cmms(maintenance<ns::CompleteMaintenanceT>()),
       {none, wrong, none, "available"}},
      {Command::CancelMaintenance,
       cmms(because(maintenance<ns::CancelMaintenanceT>())),
       {none, "available", none, wrong}},
      {Command::AwaitChange, from<subject>("order_release/1000042", await()), stays},
  };
  t.check(ns::EnumValuesCommand());
}

BOOST_AUTO_TEST_CASE(supplier_status) {
  using namespace suppliers;
  using ns::Command;
  using ns::Status;
  transition_table<subject> t;
  t.name_of = [](const ns::StateT& s) { return std::string(ns::EnumNameStatus(s.status)); };
  t.columns = {{"unknown", way(Status::unknown)},
               {"approved", way(Status::approved)},
               {"restricted", way(Status::restricted)},
               {"blocked", way(Status::blocked)}};
  const std::vector<std::string> stays{"unknown", "approved", "restricted", "blocked"};
  const auto sqm = [](auto command) { return by<subject>(System::sqm, command); };
  const auto process = [](auto command) {
    return from<subject>("supplier_containment/SQE-9", command);
  };
  t.rows = {
      {Command::Approve,
       sqm(because<ns::ApproveT>()),
       {"approved", "-status_same", "approved", "approved"}},
      {Command::Restrict,
       sqm(because<ns::RestrictT>()),
       {"-not_approved", "restricted", "-status_same", "-blocked"}},
      {Command::Block,
       sqm(because<ns::BlockT>()),
       {"blocked", "blocked", "blocked", "-status_same"}},
      {Command::ReportQualityEvent, sqm(quality_event()), stays},
      {Command::LotReceived, from<subject>("batch/HSG-1", received()), stays},
      {Command::Register, from<subject>("supplier/ACME", join()), stays},
      {Command::TakeMaster, from<subject>("supplier/ACME", copy_of_master()),
       std::vector<std::string>(4, "approved")},
      {Command::Contain, process(contained<ns::ContainT>()), stays},
      {Command::Lift, process(contained<ns::LiftT>()), stays},
      {Command::ContinueContainment, process(contained<ns::ContinueContainmentT>()), stays},
      {Command::ContainmentEnded, process(contained<ns::ContainmentEndedT>()), stays},
      {Command::AwaitChange, from<subject>("order_release/1000042", await()), stays},
  };
  t.check(ns::EnumValuesCommand());
}
