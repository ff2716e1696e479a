// layer: actors
// Every command of an order in every state of its life: allowed, refused or parked with its code;
// holds; milestones; what the platform backflushes.
#define BOOST_TEST_MODULE order_life
#include <boost/test/unit_test.hpp>

#include <functional>

#include "tests/order_given.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::testing::orders;

namespace {

CancelT cancel() {
  CancelT c;
  c.reason = "customer gone";
  return c;
}
PlaceHoldT hold(std::string id = "OH-1", lot::HoldType type = lot::HoldType::production) {
  PlaceHoldT c;
  c.hold = std::move(id);
  c.type = type;
  c.reason = "wrong drawing";
  return c;
}
ReleaseHoldT let_go(std::string id = "OH-1") {
  ReleaseHoldT c;
  c.hold = std::move(id);
  c.reason = "right drawing";
  return c;
}
given<subject> partially_released() {
  RequestReleaseT part;
  part.quantity = decimal::from_units(4);
  auto mark = mark_released(true);
  mark.quantity = part.quantity;
  auto g = created();
  g.when(part, System::erp);
  mark.operations = g.state().operations;
  mark.components = g.state().components;
  g.when_from("order_release/1000042", mark).then_accepted();
  return g;
}
given<subject> completed() {
  auto g = released();
  g.when(CompleteTechnicallyT(), System::erp).then_accepted();
  return g;
}
given<subject> cancelled() {
  auto g = created();
  g.when(cancel(), System::erp).then_accepted();
  return g;
}

using start = std::function<given<subject>()>;
using action = std::function<given<subject>&(given<subject>&)>;
struct row {
  const char* name;
  action act;
  /// created, asked, partially released, released, technically completed, closed, cancelled:
  /// "" = accepted, "wait" = pending, "-" = accepted and nothing happens, "!code" = parked, else
  /// refused.
  std::array<const char*, 7> expected;
};

template <class CommandT>
action sends(CommandT (*make)(), System by) {
  return [make, by](given<subject>& g) -> given<subject>& { return g.when(make(), by); };
}
template <class CommandT>
action sends(System by) {
  return [by](given<subject>& g) -> given<subject>& { return g.when(CommandT(), by); };
}

ChangeT more() {
  ChangeT c;
  c.quantity = decimal::from_units(20);
  return c;
}
ReportDispatchT running() {
  ReportDispatchT c;
  c.dispatch = Dispatch::running;
  return c;
}

const char *ok = "", *waits = "wait", *nothing = "-", *life = "order.wrong_life";

const row table[] = {
    {"request-release",
     sends<RequestReleaseT>(System::erp),
     {waits, "order.release_pending", waits, life, life, life, life}},
    {"release",
     sends<ReleaseT>(System::erp),
     {ok, ok, ok, nothing, nothing, "!order.closed", "!order.cancelled"}},
    {"change", sends(&more, System::erp), {ok, ok, ok, ok, life, life, life}},
    {"cancel", sends(&cancel, System::erp), {ok, ok, ok, ok, life, life, life}},
    {"complete-technically",
     sends<CompleteTechnicallyT>(System::erp),
     {life, life, ok, ok, life, life, life}},
    {"revoke", sends<RevokeT>(System::erp), {life, life, life, life, ok, life, life}},
    {"close", sends<CloseT>(System::erp), {life, life, ok, ok, ok, life, life}},
    {"reopen", sends<ReopenT>(System::erp), {life, life, life, life, life, ok, life}},
    {"place-hold",
     [](given<subject>& g) -> given<subject>& { return g.when(hold(), System::mes); },
     {ok, ok, ok, ok, life, life, life}},
    {"report-dispatch",
     sends(&running, System::mes),
     {"!order.not_released", "!order.not_released", ok, ok, ok, "!order.closed",
      "!order.cancelled"}},
    {"confirm-operation",
     [](given<subject>& g) -> given<subject>& { return g.when(confirm(), System::mes); },
     {"!order.not_released", "!order.not_released", ok, ok, ok, "!order.closed",
      "!order.cancelled"}},
    {"report-consumption",
     [](given<subject>& g) -> given<subject>& { return g.when(consume("G-9"), System::mes); },
     {"!order.not_released", "!order.not_released", waits, waits, waits, "!order.closed",
      "!order.cancelled"}},
    {"report-production",
     [](given<subject>& g) -> given<subject>& {
       return g.when(produce("P-9", "PMP-9", 1), System::mes);
     },
     {"!order.not_released", "!order.not_released", waits, waits, waits, "!order.closed",
      "!order.cancelled"}},
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_command_in_every_state) {
  const start starts[] = {[] { return created(); },
                          [] { return asked(); },
                          partially_released,
                          [] { return released(); },
                          completed,
                          [] { return closed(); },
                          cancelled};
  const char* names[] = {"created",   "asked",  "partially released", "released",
                         "completed", "closed", "cancelled"};
  for (const auto& one : table)
    for (std::size_t i = 0; i < std::size(starts); ++i) {
      BOOST_TEST_CONTEXT(one.name << " when " << names[i]) {
        const std::string expected = one.expected[i];
        auto g = starts[i]();
        const auto before = g.sequence();
        one.act(g);
        if (expected == "wait") {
          g.then_pending();
        } else if (expected == "-") {
          g.then_accepted().then_nothing();
        } else if (expected.empty()) {
          g.then_accepted();
          BOOST_CHECK_GT(g.sequence(), before);
        } else if (expected.starts_with('!')) {
          // A fact is never refused: it waits, and changes nothing until it can be posted.
          g.then_parked(expected.substr(1));
          BOOST_CHECK_EQUAL(g.sequence(), before);
        } else {
          g.then_refused(expected);
          BOOST_CHECK_EQUAL(g.sequence(), before);
        }
      }
    }
}

// ---- the end of life ----

BOOST_AUTO_TEST_CASE(completing_a_partly_released_order_ends_the_release_of_the_rest) {
  auto g = partially_released();
  g.command_id(asker)
      .when(RequestReleaseT(), System::erp)
      .then_pending()
      .when(CompleteTechnicallyT(), System::erp)
      .then_settled(asker, engine::Outcome::refused, "order.release_cancelled")
      .then_effects({"tell order_release/1000042"});
  const auto tell = g.sent<actors::order_release, order_release::CancelT>();
  BOOST_REQUIRE(tell);
  BOOST_CHECK(!tell->ask_mes);
  // A pass that was decided before the process heard of it releases nothing and gives back.
  g.when_from("order_release/1000042", mark_released(true))
      .then_event_names({})
      .then_effects({"tell order_release/1000042"})
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::technically_completed); });
  BOOST_CHECK((g.sent<actors::order_release, order_release::GiveBackT>()));
}

BOOST_AUTO_TEST_CASE(nothing_ends_while_the_mes_has_not_answered) {
  auto g = released();
  g.bound(System::mes).command_id({9, 9}).when(cancel(), System::erp).then_pending();
  g.when(CompleteTechnicallyT(), System::erp).then_refused("order.answer_pending");
  g.when(CloseT(), System::erp).then_refused("order.answer_pending");
}

BOOST_AUTO_TEST_CASE(revoking_goes_back_to_where_it_was) {
  auto g = partially_released();
  g.when(CompleteTechnicallyT(), System::erp)
      .when(RevokeT(), System::erp)
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::partially_released); });
  closed()
      .when(ReopenT(), System::erp)
      .when(RevokeT(), System::erp)
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::released); });
}

// ---- holds ----

BOOST_AUTO_TEST_CASE(a_held_order_tells_its_release_and_lets_go_by_the_holds_authority) {
  auto g = asked();
  g.when(hold(), System::wms)
      .then_event_names({"OrderHeld"})
      .then_effects({"tell order_release/1000042"})
      .when(hold(), System::wms)
      .then_refused("order.hold_exists");
  BOOST_CHECK_EQUAL(g.state().holds.at(0).placed_by, "dev-wms");
  auto note = g.when(hold("OH-2", lot::HoldType::quality), System::mes)
                  .sent<actors::order_release, order_release::NoteHoldsT>();
  BOOST_REQUIRE(note);
  BOOST_CHECK_EQUAL(note->holds.size(), 2u);
  g.when(let_go("OH-9"), System::mes)
      .then_refused("order.hold_unknown")
      .when(let_go(), System::qms)
      .then_refused("command.not_owner")
      .when(let_go(), System::mes)
      .then_event_names({"OrderHoldReleased"})
      .when(let_go(), System::mes)
      .then_refused("order.hold_unknown")
      .when(let_go("OH-2"), System::mes)
      .then_refused("command.not_owner")
      .when(let_go("OH-2"), System::qms)
      .then_effects({"tell order_release/1000042"});
  BOOST_CHECK(g.state().holds.empty());
}

BOOST_AUTO_TEST_CASE(a_hold_before_any_release_goes_with_the_request) {
  auto g = created();
  g.when(hold(), System::mes).then_effects({}).when(RequestReleaseT(), System::erp);
  const auto begin = g.sent<actors::order_release, order_release::StartT>();
  BOOST_REQUIRE(begin);
  BOOST_CHECK_EQUAL(begin->holds.at(0), "OH-1");
}

BOOST_AUTO_TEST_CASE(facts_of_a_held_order_still_count) {
  released()
      .when(hold(), System::mes)
      .when(confirm(), System::mes)
      .then_accepted()
      .when(consume(), System::mes)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(an_order_has_so_many_holds_and_no_more) {
  auto g = created();
  for (int n = 0; n < 50; ++n) g.when(hold("OH-" + std::to_string(n)), System::mes).then_accepted();
  g.when(hold("OH-50"), System::mes).then_refused("order.too_large");
}

// ---- milestones and backflushing ----

namespace {

/// Released, with 0020 a milestone after 0010, and HOUSING backflushed by the platform from two
/// lots.
given<subject> backflushed() {
  auto m = pump();
  m.revisions[0].routing[1].milestone = true;
  m.revisions[0].components[0].issue = material::Issue::backflush_platform;
  m.revisions[0].components[0].scrap_percent = decimal();
  given<subject> g;
  g.id("1000042")
      .reference<actors::material>("PUMP-100", m)
      .reference<actors::material>("HOUSING", housing());
  g.when(create(), System::erp).when(RequestReleaseT(), System::erp);
  auto mark = mark_released(true);
  mark.operations = g.state().operations;
  mark.components = g.state().components;
  for (const auto& [batch, quantity] : {std::pair("HSG-1", 6), std::pair("HSG-2", 4)}) {
    auto& one = mark.set_aside.emplace_back();
    one.material = "HOUSING";
    one.operation = "0010";
    one.batch = batch;
    one.quantity = decimal::from_units(quantity);
    one.unit = "EA";
  }
  g.when_from("order_release/1000042", mark).then_accepted();
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_confirmation_posts_what_the_platform_backflushes_from_the_lots_set_aside) {
  auto g = backflushed();
  g.when(confirm("C-1", "0010", 8, false), System::mes)
      .then_accepted()
      .then_event_names({"OperationConfirmed", "ConsumptionReported", "ConsumptionReported"})
      .then_effects({"ask batch/HSG-1 consumption/C-1~1", "ask batch/HSG-2 consumption/C-1~2"});
  BOOST_CHECK_EQUAL(g.event<OperationConfirmedT>()->backflushed, 2u);
  const auto first = g.sent<actors::batch, lot::ConsumeT>();
  BOOST_REQUIRE(first);
  BOOST_CHECK_EQUAL(first->quantity.to_string(), "6");
  // The same report again posts nothing again.
  g.when(confirm("C-1", "0010", 8, false), System::mes).then_nothing();
  g.when(consume("G-1"), System::mes).then_parked("order.backflushed");  // one party posts
  // More than was set aside comes of the last lot.
  g.when(confirm("C-2", "0010", 4), System::mes)
      .then_effects({"ask batch/HSG-2 consumption/C-2~1", "ask batch/HSG-2 consumption/C-2~2"});
}

BOOST_AUTO_TEST_CASE(cancelling_the_confirmation_takes_its_consumptions_back) {
  auto g = backflushed();
  g.when(confirm("C-1", "0010", 6, false), System::mes)
      .when_granted<actors::batch>("batch/HSG-1", "consumption/C-1~1", lot_consumed(6))
      .then_event_names({"ComponentConsumed"})
      .when(cancel_confirmation(), System::mes)
      .then_effects({"ask batch/HSG-1 reverse_consumption/C-1~1"})
      .when_granted<actors::batch>("batch/HSG-1", "reverse_consumption/C-1~1",
                                   lot::ConsumptionReversedT())
      .then_event_names({"MovementReversed"});
  BOOST_CHECK(g.state().components[0].consumed.is_zero());
  BOOST_CHECK_EQUAL(g.state().movements_open, 0u);
}

BOOST_AUTO_TEST_CASE(what_a_lot_cannot_post_waits_there_as_an_exception) {
  auto g = backflushed();
  g.when(confirm("C-1", "0010", 6, false), System::mes)
      .when_parked("batch/HSG-1", "consumption/C-1~1", "batch.short_stock", "X-1")
      .then_event_names({"MovementParked"});
  BOOST_CHECK_EQUAL(g.state().movements_open, 1u);
  g.when_granted<actors::batch>("batch/HSG-1", "consumption/C-1~1", lot_consumed(6))
      .then_event_names({"ComponentConsumed"});
  BOOST_CHECK_EQUAL(g.state().movements_open, 0u);
}

BOOST_AUTO_TEST_CASE(a_milestone_confirms_what_comes_before_it) {
  auto g = backflushed();
  g.when(confirm("C-1", "0020", 10), System::mes)
      .then_effects({"ask batch/HSG-1 consumption/C-1~1", "ask batch/HSG-2 consumption/C-1~2"});
  BOOST_CHECK(g.state().operations[0].status == OperationStatus::confirmed);
  BOOST_CHECK(g.state().operations[0].yield == decimal::from_units(10));
  BOOST_CHECK(g.state().confirmation == Progress::final);
  g.when(cancel_confirmation(), System::mes);
  BOOST_CHECK(g.state().operations[0].status == OperationStatus::released);
  BOOST_CHECK(g.state().operations[0].yield.is_zero());
  BOOST_CHECK(g.state().confirmation == Progress::none);
}

BOOST_AUTO_TEST_CASE(a_milestone_adds_only_what_was_not_confirmed_before) {
  auto g = backflushed();
  g.when(confirm("C-0", "0010", 4, false), System::mes)
      .when(confirm("C-1", "0020", 10), System::mes);
  BOOST_REQUIRE_EQUAL(g.event<OperationConfirmedT>()->implied.size(), 1u);
  BOOST_CHECK(g.event<OperationConfirmedT>()->implied[0].yield == decimal::from_units(6));
  BOOST_CHECK(g.state().operations[0].yield == decimal::from_units(10));
  g.when(cancel_confirmation(), System::mes);
  BOOST_CHECK(g.state().operations[0].yield == decimal::from_units(4));
  BOOST_CHECK(g.state().operations[0].status == OperationStatus::started);
  // An operation that is no milestone confirms itself alone.
  auto plain = released();
  plain.when(confirm("C-1", "0020", 10), System::mes);
  BOOST_CHECK(plain.event<OperationConfirmedT>()->implied.empty());
}
