// layer: actors
// Whose a field of shared master data is: what its owner may write, what others may not, how that
// is recorded, and what a delegation lets them.
#define BOOST_TEST_MODULE ownership
#include "actors/ownership.hpp"

#include <flatbuffers/reflection.h>

#include "actors/material.hpp"
#include "actors/owned_fields.hpp"
#include "actors/second_person.hpp"
#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::material;
using subject = actors::material;

namespace {

DefineT define(const char* revision = "A") {
  DefineT c;
  c.revision = revision;
  c.base_unit = "EA";
  c.description = "Pump";
  return c;
}
DefineT with_routing(const char* operation, const char* revision = "A") {
  auto c = define(revision);
  c.routing.emplace_back().operation = operation;
  return c;
}
/// A plant where PLM owns the routing and the ERP the description.
given<subject> split() {
  given<subject> g;
  g.id("PUMP").plant("hamburg");
  g.rule("owner.material.routing", "plm").rule("owner.material.description", "erp");
  return g;
}
given<subject> defined() {
  auto g = split();
  g.when(define(), System::erp).then_accepted();
  g.when(with_routing("0010"), System::plm).then_accepted();
  return g;
}
bytes packed_state(const given<subject>& g) { return decision<schema>::pack(g.state()); }
ownership::DelegationT lent(const char* field, timestamp from, timestamp until) {
  ownership::DelegationT d;
  d.delegation = "D-1";
  d.owner = System::plm;
  d.to = System::erp;
  d.field = field;
  d.from = from;
  d.until = until;
  return d;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_system_writes_its_own_fields_and_keeps_the_others) {
  auto g = defined();
  BOOST_REQUIRE_EQUAL(g.state().revisions.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().description, "Pump");
  BOOST_REQUIRE_EQUAL(g.state().revisions[0].routing.size(), 1u);
  auto renamed = define();
  renamed.description = "Pump 100";
  g.when(renamed, System::erp).then_accepted();  // says nothing of the routing: it stays
  BOOST_CHECK_EQUAL(g.state().description, "Pump 100");
  BOOST_CHECK_EQUAL(g.state().revisions[0].routing.size(), 1u);
  auto same = with_routing("0010");
  same.description = "Pump 100";
  g.when(same, System::erp).then_accepted();  // repeats what is there
  auto rerouted = with_routing("0020");
  rerouted.description.clear();
  g.when(rerouted, System::plm).then_accepted();
  BOOST_CHECK_EQUAL(g.state().description, "Pump 100");
  BOOST_CHECK_EQUAL(g.state().revisions[0].routing[0].operation, "0020");
  g.when(define("B"), System::plm).then_refused("command.not_owner");  // not that description
  auto next = define("B");
  next.description.clear();
  g.when(next, System::plm).then_accepted();
  BOOST_CHECK_EQUAL(g.state().revision, "B");
}

BOOST_AUTO_TEST_CASE(what_is_not_ours_is_refused_with_its_owner_and_changes_nothing) {
  auto g = defined();
  const auto before = packed_state(g);
  g.when(with_routing("0099"), System::erp)
      .then_refused("command.not_owner")
      .then_event_names({})
      .then_effects({});
  BOOST_CHECK_EQUAL(g.last().detail, "The field routing of a material belongs to plm here.");
  BOOST_CHECK(packed_state(g) == before);
}

BOOST_AUTO_TEST_CASE(every_way_to_write_a_field_asks_for_its_owner) {
  auto g = defined();
  g.rule("owner.material.conversions", "plm")
      .rule("owner.material.revision", "plm")
      .rule("owner.material.location", "wms");
  SetConversionsT units;
  units.conversions.emplace_back().unit = "BX";
  g.when(units, System::erp).then_refused("command.not_owner");
  g.when(units, System::plm).then_accepted();
  g.when(define("B"), System::erp).then_refused("command.not_owner");
  auto next = define("B");
  next.description.clear();
  g.when(next, System::plm).then_accepted();
  RetireRevisionT retire;
  retire.revision = "A";
  g.when(retire, System::erp).then_refused("command.not_owner");
  g.when(retire, System::plm).then_accepted();
  SetPlantDataT place;
  place.location = "HALL-2";
  g.when(place, System::mes).then_refused("command.not_owner");
  g.when(place, System::wms).then_accepted();
  g.when(place, System::mes).then_nothing();  // it is there already
}

BOOST_AUTO_TEST_CASE(without_a_rule_whoever_may_define_writes_all) {
  given<subject>().id("PUMP").when(with_routing("0010"), System::erp).then_accepted();
}

BOOST_AUTO_TEST_CASE(every_owned_field_is_a_field_with_a_rule) {
  const auto& model = schema_model::built_in();
  const auto* define = model.kind("material")->command("define");
  const auto* place = model.kind("material")->command("set-plant-data");
  for (const auto& f : actors::owned_fields) {
    BOOST_REQUIRE(f.name.starts_with("material."));
    const std::string name(f.name.substr(std::string_view("material.").size()));
    BOOST_CHECK_MESSAGE(define->object->fields()->LookupByKey(name.c_str()) != nullptr ||
                            place->object->fields()->LookupByKey(name.c_str()) != nullptr,
                        name);
    BOOST_CHECK(actors::find_rule(f.rule.name) == &f.rule);
    BOOST_CHECK(actors::check_rule(f.rule.name, "shared").has_value());
    BOOST_CHECK(!actors::check_rule(f.rule.name, "historian"));
  }
}

BOOST_AUTO_TEST_CASE(each_field_of_a_definition_is_kept_and_refused_by_itself) {
  auto all = define();
  all.routing.emplace_back().operation = "0010";
  all.components.emplace_back().material = "HOUSING";
  all.components[0].quantity = decimal::from_units(1);
  all.components[0].unit = "EA";
  all.base_quantity = decimal::from_units(2);
  all.batch_managed = false;
  all.serial_managed = true;
  all.shelf_life_days = 30;
  all.over_delivery_percent = std::make_unique<decimal>(decimal::from_units(5));
  all.under_delivery_percent = std::make_unique<decimal>(decimal::from_units(6));
  all.conversions.emplace_back().unit = "BX";
  all.inspection_required = true;
  all.group = "G";
  all.erp_id = "4711";
  all.effective_from = timestamp::from_micros(5);
  all.effective_to = timestamp::from_micros(9);
  for (const auto& f : actors::owned_fields) {
    if (f.name == "material.location" || f.name == "material.revision") continue;
    given<subject> g;
    g.id("PUMP").when(all, System::plm).then_accepted();
    const auto before = packed_state(g);
    g.rule(std::string(f.rule.name), "plm");
    g.when(all, System::erp).then_accepted();  // repeats it
    BOOST_CHECK_MESSAGE(packed_state(g) == before, f.name);
    given<subject> fresh;
    fresh.id("PUMP").rule(std::string(f.rule.name), "plm");
    fresh.when(all, System::erp).then_refused("command.not_owner");
    BOOST_CHECK_MESSAGE(fresh.last().detail.find(f.name.substr(9)) != std::string::npos,
                        f.name << ": " << fresh.last().detail);
  }
}

BOOST_AUTO_TEST_CASE(a_delegation_lends_a_field_for_its_time_and_to_that_system) {
  auto g = defined();
  ownership::StateT all;
  all.delegations.push_back(lent("material.routing", g.now().plus_ms(1000), g.now().plus_ms(2000)));
  g.reference<actors::ownership>("plant", all);
  g.when(with_routing("0020"), System::erp).then_refused("command.not_owner");
  g.after_ms(1000).when(with_routing("0020"), System::erp).then_accepted();
  auto own = with_routing("0030");
  own.description.clear();
  g.when(own, System::plm).then_accepted();  // the owner still may
  g.after_ms(1000).when(with_routing("0040"), System::erp).then_refused("command.not_owner");
}

namespace {

namespace own = millrace::ownership;
using register_ = actors::ownership;  // of who may what

given<register_> begun() {
  given<register_> g;
  g.id("plant");
  return g;
}
own::DelegateT delegation(std::string id = "D-1") {
  own::DelegateT c;
  c.delegation = std::move(id);
  c.owner = System::mes;
  c.to = System::ops;
  c.command = "order/confirm-operation";
  c.until = timestamp::from_micros(INT64_MAX);
  c.reason = "the MES is down";
  return c;
}
own::EndDelegationT end_of(std::string id) {
  own::EndDelegationT c;
  c.delegation = std::move(id);
  c.reason = "it is back";
  return c;
}
own::NoteViolationT violation() {
  own::NoteViolationT c;
  c.actor = "material/RING";
  c.command = "define";
  c.detail = "The field routing of a material belongs to plm here.";
  c.systems = "erp";
  c.principal = "dev-erp";
  c.person = "ann";
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_delegation_is_in_force_until_its_end_or_until_it_is_ended) {
  auto g = begun();
  auto c = delegation();
  c.until = g.now().plus_ms(5000);
  g.when(c, System::ops, "dora").then_event_names({"Delegated"});
  const auto found = [&](System s, const char* command, std::int64_t ms) {
    const auto* d = actors::find_delegation(g.state(), command,
                                            static_cast<system_set>(1u << static_cast<unsigned>(s)),
                                            g.now().plus_ms(ms));
    return d == nullptr ? std::string() : d->delegation + " of " + d->by;
  };
  BOOST_CHECK_EQUAL(found(System::ops, "order/confirm-operation", 0), "D-1 of dora");
  BOOST_CHECK_EQUAL(found(System::ops, "order/confirm-operation", 4999), "D-1 of dora");
  BOOST_CHECK_EQUAL(found(System::ops, "order/confirm-operation", 5000), "");
  BOOST_CHECK_EQUAL(found(System::ops, "order/confirm-operation", -1), "");
  BOOST_CHECK_EQUAL(found(System::erp, "order/confirm-operation", 0), "");
  BOOST_CHECK_EQUAL(found(System::ops, "order/report-consumption", 0), "");
  g.when(c, System::ops).then_refused("ownership.delegation_exists");
  g.when(end_of("D-1"), System::ops).then_event_names({"DelegationEnded"});
  BOOST_CHECK_EQUAL(found(System::ops, "order/confirm-operation", 0), "");
  g.when(end_of("D-1"), System::ops).then_refused("ownership.delegation_unknown");
}

BOOST_AUTO_TEST_CASE(a_delegation_names_what_its_owner_has_and_a_time) {
  auto g = begun();
  auto good = delegation();
  good.until = g.now().plus_ms(5000);
  const auto refused = [&](auto change) {
    auto c = good;
    change(c);
    g.when(c, System::ops).then_refused("ownership.delegation_invalid");
  };
  refused([](auto& c) { c.command = "order/fly"; });
  refused([](auto& c) { c.command = "confirm-operation"; });
  refused([](auto& c) { c.command = "batch/consume"; });     // internal
  refused([](auto& c) { c.command = "batch/place-hold"; });  // anyone's
  refused([](auto& c) { c.owner = System::erp; });
  refused([](auto& c) { c.owner = System::ops; });
  refused([](auto& c) { c.owner = System::none; });
  refused([](auto& c) { c.to = System::mes; });
  refused([](auto& c) { c.field = "material.routing"; });
  refused([](auto& c) { c.command.clear(); });
  refused([](auto& c) { c.until = timestamp(); });
  refused([&](auto& c) { c.until = g.now(); });
  refused([&](auto& c) { c.from = c.until; });
  refused([](auto& c) {
    c.command.clear();
    c.field = "material.colour";
  });
  refused([](auto& c) {
    c.command.clear();
    c.field = "material.routing";  // never the MES's
  });
  good.command.clear();
  good.field = "material.routing";
  good.owner = System::plm;
  g.when(good, System::ops).then_accepted();
  given<register_> other;
  other.id("hamburg").when(delegation(), System::ops).then_refused("ownership.id_invalid");
}

BOOST_AUTO_TEST_CASE(delegations_are_bounded_and_what_is_over_makes_room) {
  auto g = begun();
  for (int n = 0; n < 50; ++n) {
    auto c = delegation("D-" + std::to_string(n));
    if (n == 0) c.until = g.now().plus_ms(1000);
    g.when(c, System::ops).then_accepted();
  }
  g.when(delegation("D-50"), System::ops).then_refused("ownership.delegations_full");
  g.after_ms(1000).when(delegation("D-50"), System::ops).then_accepted();
  BOOST_CHECK_EQUAL(g.state().delegations.size(), 50u);
}

BOOST_AUTO_TEST_CASE(every_command_where_nothing_and_where_something_is_delegated) {
  using own::Command;
  transition_table<register_> t;
  t.name_of = [](const own::StateT& s) { return s.delegations.empty() ? "none" : "delegated"; };
  t.columns = {{"none",
                [](given<register_>& g) {
                  g.id("plant").when_from("material/RING", violation()).then_accepted();
                }},
               {"delegated", [](given<register_>& g) {
                  g.id("plant").when(delegation(), System::ops).then_accepted();
                }}};
  const auto ops = [](auto command) {
    return [command](given<register_>& g) { g.when(command, System::ops); };
  };
  t.rows = {{Command::Delegate, ops(delegation()), {"delegated", "-delegation_exists"}},
            {Command::EndDelegation, ops(end_of("D-1")), {"-delegation_unknown", "none"}},
            {Command::NoteViolation,
             [](given<register_>& g) { g.when_from("material/RING", violation()); },
             {"none", "delegated"}}};
  t.check(own::EnumValuesCommand());
}

BOOST_AUTO_TEST_CASE(a_violation_is_an_event_that_says_who_what_and_whose) {
  auto g = begun();
  const auto note = violation();
  own::ViolatedT event;
  event.actor = note.actor;
  event.command = note.command;
  event.detail = note.detail;
  event.systems = note.systems;
  event.principal = note.principal;
  event.person = note.person;
  g.when_from("material/RING", note).then_events(event).then_effects({});
  BOOST_CHECK_EQUAL(g.state().violations, 1u);
}

namespace {

/// A client's command to a kind behind the registry's guard.
decided guarded(const DefineT& c, caller from, bool reposting = false) {
  const auto what = actors::with_second_person(make_kind<subject>());
  const auto body = decision<schema>::pack(c);
  harness_world world;
  world.id = "PUMP";
  world.rules["owner.material.routing"] = "plm";
  world.reposting = reposting;
  std::uint64_t sequence = 0;
  harness_context ctx(world, sequence, from);
  harness_evolution evo(world.rows, sequence, world.now);
  const auto state = what->create();
  return what->decide(*state, command_input{static_cast<std::uint8_t>(Command::Define), body}, ctx,
                      evo);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_clients_refused_write_goes_on_record_and_nobody_elses) {
  caller erp;
  erp.principal = "dev-erp";
  erp.on_behalf_of = "ann";
  erp.systems = system_set{1} << static_cast<unsigned>(System::erp);
  auto d = guarded(with_routing("0010"), erp);
  BOOST_CHECK(d.outcome == engine::Outcome::refused);
  BOOST_CHECK_EQUAL(d.code, "command.not_owner");
  BOOST_CHECK(d.events.empty());
  BOOST_REQUIRE_EQUAL(d.effects.size(), 1u);
  const auto* m = d.effects[0].AsMessage();
  BOOST_REQUIRE(m != nullptr);
  BOOST_CHECK_EQUAL(m->to, "ownership/plant");
  BOOST_CHECK(m->ask.empty());
  auto note = violation();
  note.actor = "material/PUMP";
  BOOST_CHECK(m->body == decision<own::schema>::pack(note));
  BOOST_CHECK(guarded(with_routing("0010"), erp, true).effects.empty());  // tried again by itself
  BOOST_CHECK(guarded(define(), erp).effects.empty());                    // it may
  erp.systems = system_set{1} << static_cast<unsigned>(System::plm);
  BOOST_CHECK(guarded(with_routing("0010"), erp).effects.empty());
}
