// layer: cluster
// The plant host with cells, log and disk in one thread: what is answered and when, exactly once
// over crashes, effects, checkpoints, and that a replay ends in the same state.
#define BOOST_TEST_MODULE host
#include <boost/test/unit_test.hpp>

#include "tests/host_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using engine::Outcome;

namespace {
constexpr std::int64_t second = 1'000'000;
using command = counter_command;
using list = std::vector<std::string>;

attempt_result acknowledged() {
  attempt_result r;
  r.what = attempt_result::verdict::acknowledged;
  r.document = "4711";
  return r;
}
}  // namespace

BOOST_AUTO_TEST_CASE(an_acceptance_leaves_only_after_its_commit) {
  auto w = host_harness::make();
  w->auto_commit = false;
  const auto tag = w->submit(w->make_request("1", command::add, 5));
  BOOST_TEST(w->log.size() == 1u);
  BOOST_TEST(!w->replies.contains(tag));
  w->commit();
  w->run();
  BOOST_REQUIRE(w->replies.contains(tag));
  const auto& r = w->replies[tag];
  BOOST_TEST(r.code.empty());
  BOOST_TEST(r.sequence == 1u);
  BOOST_TEST(r.index == 1u);
  BOOST_TEST(r.events.size() == 1u);
  BOOST_TEST(r.correlation.size() == 36u);
  BOOST_TEST(w->value("1") == 5);
}

BOOST_AUTO_TEST_CASE(only_owners_may_send_and_unknown_commands_are_named) {
  auto w = host_harness::make();
  const auto r = w->send("1", command::owned, 1);
  BOOST_TEST(r.code == "command.not_owner");
  BOOST_TEST(r.detail.find("qms") != std::string::npos);
  auto owner = w->make_request("1", command::owned, 1);
  owner.from.systems = system_set{1} << static_cast<unsigned>(System::qms);
  owner.to.id = "2";
  const auto made = w->send("2", command::add, 1);
  BOOST_TEST(made.code.empty());
  BOOST_TEST(w->replies.at(w->submit(std::move(owner))).code.empty());
  auto bare = w->make_request("2", command::sealed, 1);
  BOOST_TEST(w->replies.at(w->submit(std::move(bare))).code == "signature.missing");
  auto sealed = w->make_request("2", command::sealed, 1);
  sealed.signature_meaning = "approved";
  sealed.signature_reason = "checked";
  BOOST_TEST(w->replies.at(w->submit(std::move(sealed))).code.empty());
  auto unknown = w->make_request("1", command::add, 1);
  unknown.command = 77;
  BOOST_TEST(w->replies.at(w->submit(std::move(unknown))).code == "command.unknown");
  auto nowhere = w->make_request("1", command::add, 1);
  nowhere.to.kind = "ghost";
  BOOST_TEST(w->replies.at(w->submit(std::move(nowhere))).code == "route.unknown");
}

BOOST_AUTO_TEST_CASE(a_key_gives_its_first_answer_again_also_after_checkpoint_and_restart) {
  auto w = host_harness::make();
  const auto first = w->send("1", command::add, 5, {}, "key-1");
  const auto refused = w->send("1", command::drop, 9, {}, "key-2");
  BOOST_TEST(refused.code == "counter.short");
  for (int round = 0; round < 3; ++round) {
    const auto again = w->send("1", command::add, 5, {}, "key-1");
    BOOST_TEST(again.replayed);
    BOOST_TEST(again.sequence == first.sequence);
    BOOST_TEST(again.index == first.index);
    BOOST_TEST(again.correlation == first.correlation);
    BOOST_TEST(again.events.size() == first.events.size());
    const auto no = w->send("1", command::drop, 9, {}, "key-2");
    BOOST_TEST(no.replayed);
    BOOST_TEST(no.code == "counter.short");
    BOOST_TEST(w->send("1", command::add, 6, {}, "key-1").code == "request.key_reused");
    BOOST_TEST(w->value("1") == 5);
    if (round == 0) w->host->checkpoint(w->now);
    w->run();
    w->restart();
  }
}

BOOST_AUTO_TEST_CASE(a_refusal_is_told_to_others_once_per_key) {
  auto w = host_harness::make();
  w->send("1", command::add, 5);
  w->send("2", command::add, 1);
  const auto first = w->send("1", command::disown, 3, "2", "key-1");
  BOOST_TEST(first.code == "counter.disowned");
  BOOST_TEST(w->value("2") == 4);
  for (int round = 0; round < 2; ++round) {
    const auto again = w->send("1", command::disown, 3, "2", "key-1");
    BOOST_TEST(again.code == "counter.disowned");
    BOOST_TEST(again.replayed);
    BOOST_TEST(w->value("2") == 4);
    BOOST_TEST(w->send("1", command::add, 1, {}, "key-1").code == "request.key_reused");
    w->restart();
  }
  BOOST_TEST(w->send("1", command::disown, 3, "2").code == "counter.disowned");
  BOOST_TEST(w->value("2") == 7);
  BOOST_TEST(w->value("1") == 5);
}

BOOST_AUTO_TEST_CASE(a_key_in_flight_is_refused) {
  auto w = host_harness::make();
  w->auto_commit = false;
  const auto first = w->submit(w->make_request("1", command::add, 5, {}, "k"));
  BOOST_TEST(w->send("1", command::add, 5, {}, "k").code == "request.in_flight");
  BOOST_TEST(w->send("1", command::add, 6, {}, "k").code == "request.key_reused");
  w->commit();
  w->run();
  BOOST_TEST(w->replies.at(first).code.empty());
}

BOOST_AUTO_TEST_CASE(an_ask_settles_the_caller_with_the_askeds_answer) {
  auto w = host_harness::make();
  w->send("stock", command::add, 10);
  w->send("order", command::add, 1);
  BOOST_TEST(w->send("order", command::ask, 4, "stock").code.empty());
  BOOST_TEST(w->value("stock") == 6);
  BOOST_TEST(w->value("order") == 2);
  const auto no = w->send("order", command::ask, 40, "stock", "k");
  BOOST_TEST(no.code == "counter.short");
  BOOST_TEST(w->value("stock") == 6);
  const auto again = w->send("order", command::ask, 40, "stock", "k");
  BOOST_TEST(again.replayed);
  BOOST_TEST(again.code == "counter.short");
  BOOST_TEST(w->host->status().messages_waiting == 0u);
}

BOOST_AUTO_TEST_CASE(a_crash_between_ask_and_answer_loses_nothing) {
  for (std::size_t crash_after = 1; crash_after < 8; ++crash_after) {
    auto w = host_harness::make();
    w->send("stock", command::add, 10);
    w->send("order", command::add, 1);
    w->auto_commit = false;
    (void)w->submit(w->make_request("order", command::ask, 4, "stock", "k"));
    for (std::size_t step = 0; step < crash_after; ++step) {
      w->commit();
      for (std::size_t n = 0; n < crash_after && !w->tasks.empty(); ++n) {
        auto task = std::move(w->tasks.front());
        w->tasks.pop_front();
        task();
        w->host->end_turn(w->now);
      }
    }
    w->auto_commit = true;
    w->restart();
    const auto r = w->send("order", command::ask, 4, "stock", "k");
    BOOST_TEST(r.code.empty());
    BOOST_TEST(w->value("stock") == 6);
    BOOST_TEST(w->value("order") == 2);
  }
}

BOOST_AUTO_TEST_CASE(an_answer_that_does_not_come_is_202_by_the_deadline) {
  auto w = host_harness::make();
  w->send("order", command::add, 1);
  auto r = w->make_request("order", command::ask, 4, "x");
  r.deadline_ms = 500;
  w->auto_commit = false;
  const auto tag = w->submit(std::move(r));
  w->pass(second);
  BOOST_REQUIRE(w->replies.contains(tag));
  BOOST_TEST(w->replies[tag].code == "command.deadline");
  w->auto_commit = true;
  w->pass(second);
  BOOST_TEST(w->value("order") == 1);
}

BOOST_AUTO_TEST_CASE(timers_fire_once_also_over_a_restart) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  w->send("1", command::arm, 5);
  w->send("1", command::arm, 8);
  w->pass(6 * second);
  BOOST_TEST(w->value("1") == 1);
  w->restart();
  w->pass(4 * second);
  BOOST_TEST(w->value("1") == 101);
  w->restart();
  w->pass(10 * second);
  BOOST_TEST(w->value("1") == 101);
  BOOST_TEST(w->host->status().timers == 0u);
}

BOOST_AUTO_TEST_CASE(a_key_from_before_the_window_is_never_carried_out) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  const auto old = w->send("1", command::add, 1, {}, "00000000-0001-7abc-9def-001122334455");
  BOOST_TEST(old.code == "command.expired");
  BOOST_TEST(w->value("1") == 1);
}

BOOST_AUTO_TEST_CASE(deliveries_reach_the_actor_when_they_end_and_dead_ones_wait_for_an_operator) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  w->send("1", command::send, 1, "A");
  w->send("1", command::send, 2, "A");
  BOOST_REQUIRE(w->attempts.size() == 1u);
  w->host->on_attempt(1, 1, acknowledged(), w->now);
  w->run();
  BOOST_TEST(w->value("1") == 11);
  BOOST_REQUIRE(w->attempts.size() == 2u);
  attempt_result dead;
  dead.what = attempt_result::verdict::dead;
  dead.detail = "422";
  w->host->on_attempt(2, 1, dead, w->now);
  w->run();
  BOOST_REQUIRE(w->host->deadletters(0, 10).size() == 1u);
  BOOST_TEST(w->host->deadletters(0, 10)[0].last_error == "422");
  BOOST_TEST(w->host->deadletters(0, 10)[0].type == "test.counter.count.v1");
  w->host->checkpoint(w->now);
  w->run();
  w->restart();
  BOOST_REQUIRE(w->host->deadletters(0, 10).size() == 1u);
  bool retried = false;
  w->host->deadletter(2, engine_api::deadletter_op::retry, counter_body(9), "dev-ops", w->now,
                      [&](result<void> r) { retried = r.has_value(); });
  w->run();
  BOOST_TEST(retried);
  std::string under_way;
  w->host->deadletter(2, engine_api::deadletter_op::retry, {}, "dev-ops", w->now,
                      [&](result<void> r) { under_way = r ? "" : r.error().code; });
  BOOST_TEST(under_way == "deadletter.not_open");
  BOOST_TEST(w->attempts.back().number == 2u);
  BOOST_TEST(w->attempts.back().body->at(0) == 9);
  w->host->on_attempt(2, 1, acknowledged(), w->now);
  w->run();
  BOOST_TEST(w->host->status().outbox == 0u);
  std::string code;
  w->host->deadletter(2, engine_api::deadletter_op::discard, {}, "dev-ops", w->now,
                      [&](result<void> r) { code = r ? "" : r.error().code; });
  BOOST_TEST(code == "deadletter.unknown");
}

BOOST_AUTO_TEST_CASE(
    a_crash_between_acknowledgement_and_its_record_repeats_the_attempt_under_the_same_id) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  w->send("1", command::send, 1, "A");
  const auto id = w->attempts.back().id;
  w->auto_commit = false;
  w->host->on_attempt(1, 1, acknowledged(), w->now);
  w->run();
  w->auto_commit = true;
  w->restart();
  BOOST_TEST(w->attempts.size() == 2u);
  BOOST_TEST(w->attempts.back().id == id);
  w->host->on_attempt(1, 1, acknowledged(), w->now);
  w->run();
  BOOST_TEST(w->value("1") == 11);
  BOOST_TEST(w->host->status().outbox == 0u);
}

BOOST_AUTO_TEST_CASE(facts_that_cannot_be_posted_are_listed_and_post_themselves) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  const auto parked = w->send("1", command::take, 5, {}, "k");
  BOOST_CHECK(parked.outcome == Outcome::parked);
  BOOST_TEST(!parked.exception.empty());
  auto open = w->host->exceptions({}, {}, 10);
  BOOST_REQUIRE(open);
  BOOST_REQUIRE(open->size() == 1u);
  BOOST_TEST(open->front().id == parked.exception);
  BOOST_TEST(open->front().code == "counter.short");
  BOOST_TEST(open->front().actor == "counter/1");
  BOOST_TEST(w->host->exception_actor(parked.exception) == "counter/1");
  for (int i = 0; i < 5; ++i) w->send("2", command::add, 1);
  w->host->checkpoint(w->now);
  w->run();
  BOOST_TEST(w->host->status().checkpoint == w->log.size());
  BOOST_TEST(w->host->needed_from() == parked.index);
  w->restart();
  w->send("1", command::add, 10);
  BOOST_TEST(w->value("1") == 6);
  BOOST_TEST(w->host->exceptions({}, {}, 10)->empty());
}

BOOST_AUTO_TEST_CASE(lists_merge_stored_rows_and_what_is_newer) {
  auto w = host_harness::make();
  for (const auto* id : {"a", "b", "c", "d"}) w->send(id, command::add, 1);
  BOOST_TEST(w->ids() == (list{"a", "b", "c", "d"}));
  w->host->checkpoint(w->now);
  w->run();
  w->send("b", command::add, 50);
  w->send("e", command::add, 20);
  BOOST_TEST(w->ids({{"label", "few"}}) == (list{"a", "c", "d"}));
  BOOST_TEST(w->ids({{"label", "many"}}) == (list{"b", "e"}));
  w->restart();
  BOOST_TEST(w->ids({{"label", "few"}}) == (list{"a", "c", "d"}));
  BOOST_TEST(w->ids() == (list{"a", "b", "c", "d", "e"}));
  w->host->checkpoint(w->now);
  w->run();
  BOOST_TEST(w->ids({{"label", "many"}}) == (list{"b", "e"}));
  list_query q;
  q.kind = "counter";
  q.limit = 2;
  auto page = w->host->list(q);
  BOOST_TEST(page->next == "b");
  q.after = page->next;
  BOOST_TEST(w->host->list(q)->ids == (list{"c", "d"}));
  q.filters = {{"nothing", "x"}};
  BOOST_TEST(w->host->list(q).error().code == "request.invalid");
}

BOOST_AUTO_TEST_CASE(events_come_by_page_by_actor_and_by_correlation) {
  auto w = host_harness::make();
  for (int i = 0; i < 5; ++i) w->send("1", command::add, 1);
  w->send("2", command::add, 1);
  const auto parked = w->send("1", command::take, 50);
  event_query q;
  q.limit = 4;
  auto page = w->host->events(q);
  BOOST_REQUIRE(page);
  BOOST_TEST(page->events.size() == 4u);
  BOOST_TEST(!page->at_head);
  q.index = page->next_index;
  q.ordinal = page->next_ordinal;
  q.limit = 100;
  page = w->host->events(q);
  BOOST_TEST(page->events.size() == 3u);
  BOOST_TEST(page->at_head);
  BOOST_TEST(page->events[0].sequence == 5u);
  BOOST_TEST(page->events[2].type == "platform.exception.raised.v1");
  event_query mine;
  mine.actor = "counter/1";
  BOOST_TEST(w->host->events(mine)->events.size() == 6u);
  mine.type_prefix = "test.";
  BOOST_TEST(w->host->events(mine)->events.size() == 5u);
  event_query one;
  one.correlation = parked.correlation;
  BOOST_TEST(w->host->events(one)->events.size() == 1u);
  w->host->checkpoint(w->now);
  w->run();
  const auto hops = w->host->transaction(parked.correlation);
  BOOST_REQUIRE(hops);
  BOOST_TEST(hops->size() == 2u);
  BOOST_TEST(hops->back().what == "exception");
}

BOOST_AUTO_TEST_CASE(a_full_lane_is_refused_and_holds_still_pass) {
  host_options options;
  options.lanes.inputs_max = 100;
  auto w = host_harness::make(options);
  w->auto_commit = false;
  for (int i = 0; i < 80; ++i)
    (void)w->submit(w->make_request("x" + std::to_string(i), command::add, 1));
  const auto r = w->send("y", command::add, 1);
  BOOST_TEST(r.code == "plant.overloaded");
  BOOST_TEST(r.retry_after_s > 0u);
  const auto hold = w->submit(w->make_request("y", command::stop, 1));
  w->auto_commit = true;
  w->commit();
  w->run();
  BOOST_TEST(w->replies.at(hold).code.empty());
  BOOST_TEST(w->send("y", command::add, 1).code.empty());
  BOOST_TEST(w->host->status().admitted == 0u);
}

BOOST_AUTO_TEST_CASE(holds_go_first_into_the_next_entry_in_their_own_order) {
  host_options options;
  options.pipeline_max = 1;
  auto w = host_harness::make(options);
  w->auto_commit = false;
  (void)w->submit(w->make_request("in flight", command::add, 1));
  for (const auto* id : {"a", "b"}) (void)w->submit(w->make_request(id, command::add, 1));
  for (const auto* id : {"hold 1", "hold 2"})
    (void)w->submit(w->make_request(id, command::stop, 1));
  (void)w->submit(w->make_request("c", command::add, 1));
  w->commit();
  w->run();
  BOOST_REQUIRE(w->log.size() == 2u);
  const auto entry = entry_view::trusted(*w->log[1].payload);
  list actors;
  for (auto it = entry.begin(); it != entry.end(); ++it)
    actors.emplace_back(split_local((*it)->actor()->string_view()).second);
  BOOST_TEST(actors == (list{"hold 1", "hold 2", "a", "b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_full_outbox_refuses_before_it_is_proposed) {
  host_options options;
  options.outbox_.deliveries_max = 20;
  auto w = host_harness::make(options);
  w->send("1", command::add, 1);
  for (int i = 0; i < 19; ++i) BOOST_TEST(w->send("1", command::send, 1, "A").code.empty());
  const auto entries = w->log.size();
  const auto r = w->send("1", command::send, 1, "A");
  BOOST_TEST(r.code == "endpoint.backlog");
  BOOST_TEST(w->log.size() == entries);
  BOOST_TEST(w->send("1", command::add, 1).code.empty());
  BOOST_TEST(w->value("1") == 2);
}

BOOST_AUTO_TEST_CASE(refused_proposals_answer_503_and_change_nothing) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  w->auto_commit = false;
  const auto tag = w->submit(w->make_request("1", command::add, 7, {}, "k"));
  const auto payload = w->log.back().payload;
  w->log.pop_back();
  w->host->on_refused(std::span(&payload, 1), error{"node.disk_reserve", "full"}, w->now);
  w->auto_commit = true;
  w->run();
  BOOST_TEST(w->replies.at(tag).code == "node.disk_reserve");
  BOOST_TEST(w->value("1") == 1);
  BOOST_TEST(w->send("1", command::add, 7, {}, "k").code.empty());
  BOOST_TEST(w->value("1") == 8);
}

BOOST_AUTO_TEST_CASE(cold_actors_leave_memory_and_come_back) {
  host_options options;
  options.resident_bytes_max = 50 * 2'048;
  auto w = host_harness::make(options);
  for (int i = 0; i < 300; ++i)
    w->send("n" + std::to_string(i), command::add, static_cast<std::int8_t>(i % 100));
  w->pass(20 * second);
  BOOST_TEST(w->host->status().resident < 200u);
  for (int i = 0; i < 300; i += 7) BOOST_TEST(w->value("n" + std::to_string(i)) == i % 100);
  BOOST_TEST(w->send("n5", command::add, 1).code.empty());
  BOOST_TEST(w->value("n5") == 6);
}

BOOST_AUTO_TEST_CASE(actors_that_nobody_uses_rest_once_they_are_stored) {
  host_options options;
  options.rest_s = 3;
  auto w = host_harness::make(options);
  for (int i = 0; i < 600; ++i)
    w->send("n" + std::to_string(i), command::add, static_cast<std::int8_t>(i % 100));
  const auto used = [&](int i) {
    return w->cells.at(*w->host->resident("counter/n" + std::to_string(i)))->memory();
  };
  w->pass(second);
  w->host->checkpoint(w->now);
  w->run();
  const auto awake = used(8);     // stored, and used a moment ago
  for (int t = 0; t < 20; ++t) {  // one stays in use
    w->pass(second);
    w->send("n7", command::add, 1);
  }
  for (int i = 0; i < 600; ++i)
    if (i != 7) BOOST_TEST(used(i) < awake);
  BOOST_TEST(used(7) >= awake);
  BOOST_TEST(w->host->status().resident == 600u);
  BOOST_TEST(w->value("n8") == 8);
  BOOST_TEST(w->send("n8", command::add, 1).code.empty());
  BOOST_TEST(w->value("n8") == 9);
  w->restart();
  BOOST_TEST(w->value("n8") == 9);
}

BOOST_AUTO_TEST_CASE(time_in_decisions_never_goes_back) {
  auto w = host_harness::make();
  BOOST_TEST(w->send("n1", command::add, 1).code.empty());
  w->now = timestamp::from_micros(w->now.micros() - 3'600'000'000);  // another machine's clock
  w->restart();
  BOOST_TEST(w->send("n1", command::add, 1).code.empty());
  BOOST_TEST(w->send("n1", command::add, 1).code.empty());
  event_query q;
  q.plant = "hamburg";
  const auto page = w->host->events(q);
  BOOST_REQUIRE(page);
  BOOST_REQUIRE(page->events.size() == 3u);
  for (std::size_t i = 1; i < 3; ++i)
    BOOST_TEST(page->events[i].stamp.micros() >= page->events[i - 1].stamp.micros());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_asks_actors_a_few_at_a_time_and_commands_go_on_meanwhile) {
  auto w = host_harness::make();
  for (int i = 0; i < 500; ++i) w->send("n" + std::to_string(i), command::add, 1);
  bool stored = false;
  w->host->checkpoint(w->now, [&] { stored = true; });
  BOOST_TEST(w->tasks.size() < 100u);  // not all of them at once
  w->host->end_turn(w->now);
  BOOST_TEST(w->tasks.size() < 100u);
  const auto tag = w->hand_over(w->make_request("n499", command::add, 2));
  const auto other = w->hand_over(w->make_request("n0", command::add, 3));
  w->run();
  BOOST_TEST(stored);
  BOOST_TEST(w->replies.at(tag).code.empty());
  BOOST_TEST(w->replies.at(other).code.empty());
  const auto cut = w->host->status().checkpoint;
  BOOST_TEST(cut > 0u);
  BOOST_TEST(cut < w->host->applied());
  w->restart();  // rows of the two may be ahead of the cut: what is evolved again is not doubled
  BOOST_TEST(w->host->status().checkpoint == cut);
  BOOST_TEST(w->value("n0") == 4);
  BOOST_TEST(w->value("n499") == 3);
  BOOST_TEST(w->value("n250") == 1);
}

BOOST_AUTO_TEST_CASE(a_spoilt_cell_is_loaded_anew_and_a_lost_one_too) {
  auto w = host_harness::make();
  w->send("1", command::add, 3);
  BOOST_TEST(w->send("1", command::spoil, 0).code == "kind.fault");
  BOOST_TEST(w->value("1") == 3);
  BOOST_TEST(w->send("1", command::add, 4).code.empty());
  w->lose("1");
  w->run();
  BOOST_TEST(w->send("1", command::add, 1).code.empty());
  BOOST_TEST(w->value("1") == 8);
}

BOOST_AUTO_TEST_CASE(actors_whose_images_are_being_stored_are_left_alone) {  // simulation seed 8
  host_options options;
  options.resident_bytes_max = 1;
  auto w = host_harness::make(options);
  w->write_budget = 0;  // the disk is slow: nobody may leave, and nobody is asked again and again
  w->send("1", command::add, 1);
  w->send("2", command::add, 2);
  BOOST_TEST(w->value("1") == 1);
  BOOST_TEST(w->value("2") == 2);
}

BOOST_AUTO_TEST_CASE(a_lost_cell_takes_only_what_it_was_given) {  // simulation seed 136
  auto w = host_harness::make();
  w->send("1", command::add, 3);
  w->auto_commit = false;
  const auto proposed = w->submit(w->make_request("1", command::add, 10, {}, "proposed"));
  const auto given = w->submit(w->make_request("1", command::add, 20, {}, "given"));
  const auto queued = w->hand_over(w->make_request("1", command::add, 40, {}, "queued"));
  w->lose("1");
  w->run();
  BOOST_TEST(w->replies[given].code == "kind.fault");
  BOOST_TEST(!w->replies.contains(queued));
  w->auto_commit = true;
  w->run();
  BOOST_TEST(w->replies[proposed].code.empty());
  BOOST_TEST(w->replies[queued].code.empty());
  BOOST_TEST(w->value("1") == 53);
  // The outcome of the lost one was open: its client asks again.
  BOOST_TEST(w->send("1", command::add, 20, {}, "given").code.empty());
  BOOST_TEST(w->send("1", command::add, 40, {}, "queued").replayed);
  BOOST_TEST(w->value("1") == 73);
  BOOST_TEST(w->host->status().admitted == 0u);
}

BOOST_AUTO_TEST_CASE(an_actor_that_cannot_be_loaded_blocks_no_lane) {
  auto w = host_harness::make();
  w->refuse_loads = true;
  const auto lost = w->submit(w->make_request("1", command::add, 1));
  BOOST_TEST(w->replies[lost].code == "actor.quarantined");
  const auto first = w->hand_over(w->make_request("1", command::add, 1));
  const auto second = w->hand_over(w->make_request("1", command::add, 2));
  w->tasks.front()();  // the load fails while both are queued in their lane
  w->tasks.pop_front();
  w->refuse_loads = false;
  w->run();
  BOOST_TEST(w->replies[first].code == "actor.quarantined");
  BOOST_TEST(w->replies[second].code == "actor.quarantined");
  BOOST_TEST(w->send("1", command::add, 5).code.empty());
  BOOST_TEST(w->value("1") == 5);
  BOOST_TEST(w->host->status().admitted == 0u);
}

BOOST_AUTO_TEST_CASE(messages_between_plants_take_effect_once_over_a_wire_that_repeats) {
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  message_frame frame{"hamburg", "lyon", 1, Lane::rest, 1, {}};
  for (int i = 0; i < 3; ++i) {
    auto m = std::make_shared<engine::MessageT>();
    m->to = "counter/1";
    m->from = "counter/9";
    m->command = static_cast<std::uint8_t>(command::add);
    m->body = counter_body(5);
    if (i == 2) m->ask = "sum";
    frame.messages.push_back(m);
  }
  for (int i = 0; i < 3; ++i) w->host->on_messages(frame, w->now);
  w->run();
  BOOST_TEST(w->value("1") == 16);
  BOOST_TEST(w->watermarks.back().watermark == 3u);
  BOOST_TEST(w->watermarks.back().to_plant == "lyon");
  w->restart();
  w->host->on_messages(frame, w->now);
  w->run();
  BOOST_TEST(w->value("1") == 16);
  BOOST_REQUIRE(
      !w->frames.empty());  // the answer to the ask goes back until lyon says that it has it
  BOOST_TEST(w->frames.back().messages.front()->answer);
  w->host->on_watermark({"hamburg", "lyon", 1, Lane::rest, 1}, w->now);
  w->run();
  const auto sent = w->frames.size();
  w->pass(5 * second);
  BOOST_TEST(w->frames.size() == sent);
}

BOOST_AUTO_TEST_CASE(a_replay_ends_in_the_state_that_was) {
  std::uint64_t seed = 42;
  const auto next = [&](std::uint64_t n) {
    return seed = seed * 6364136223846793005ull + 1442695040888963407ull, (seed >> 33) % n;
  };
  auto w = host_harness::make();
  std::map<std::string, std::int64_t> values;
  for (int step = 0; step < 600; ++step) {
    const auto id = "n" + std::to_string(next(12));
    const auto other = "n" + std::to_string(next(12));
    const auto key = next(2) ? "key" + std::to_string(next(400)) : std::string();
    static constexpr command choices[] = {command::add,  command::add,  command::take,
                                          command::drop, command::ask,  command::arm,
                                          command::put,  command::send, command::spoil};
    (void)w->submit(
        w->make_request(id, choices[next(9)], static_cast<std::int8_t>(next(9)), other, key));
    if (!w->attempts.empty() && next(2)) {
      const auto a = w->attempts.front();
      w->attempts.pop_front();
      attempt_result r = acknowledged();
      if (next(4) == 0) r.what = attempt_result::verdict::dead;
      w->host->on_attempt(a.number, a.attempt, r, w->now);
      w->run();
    }
    if (next(20) == 0) w->pass(static_cast<std::int64_t>(next(4)) * second);
    if (next(40) == 0) {
      w->host->checkpoint(w->now);
      w->run();
    }
    if (next(25) != 0) continue;
    w->run();
    const auto hash = w->host->hash();
    for (int n = 0; n < 12; ++n)
      values["n" + std::to_string(n)] = w->value("n" + std::to_string(n));
    const auto few = w->ids({{"label", "few"}});
    w->auto_commit = false;  // nothing that follows a restart counts
    w->restart();
    BOOST_REQUIRE(w->loaded);
    BOOST_REQUIRE_EQUAL(w->host->hash(), hash);
    for (const auto& [actor, value] : values) BOOST_REQUIRE_EQUAL(w->value(actor), value);
    BOOST_TEST(w->ids({{"label", "few"}}) == few);
    w->attempts.clear();
    w->auto_commit = true;
    w->run();
    w->host->end_turn(w->now);
    for (const auto& a : std::exchange(w->attempts, {})) w->attempts.push_back(a);
  }
  // The same without any checkpoint: the journal alone.
  w->run();
  const auto hash = w->host->hash();
  w->disk = std::make_shared<memory_disk>();
  w->auto_commit = false;
  w->start();
  BOOST_TEST(w->host->hash() == hash);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_cut_short_by_a_crash_changes_nothing) {
  for (int slices = 0; slices < 4; ++slices) {
    host_options options;
    options.slice_bytes_max = 300;
    auto w = host_harness::make(options);
    for (int i = 0; i < 10; ++i)
      w->send("n" + std::to_string(i), command::add, 1, {}, "a" + std::to_string(i));
    w->host->checkpoint(w->now);
    w->run();
    for (int i = 0; i < 10; ++i)
      w->send("n" + std::to_string(i), command::send, 1, "K", "b" + std::to_string(i));
    const auto hash = w->host->hash();
    w->write_budget = slices;
    w->host->checkpoint(w->now);
    w->run();
    w->auto_commit = false;
    w->write_budget = -1;
    w->restart();
    BOOST_TEST(w->host->hash() == hash);
    for (int i = 0; i < 10; ++i) BOOST_TEST(w->value("n" + std::to_string(i)) == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_a_row_is_never_served) {
  auto w = host_harness::make();
  w->send("1", command::add, 5);
  w->send("1", command::arm, 60);
  w->host->checkpoint(w->now);
  w->run();
  const auto actor = actor_key("hamburg", "counter/1");
  BOOST_TEST(w->disk->flip_bit(state_table::actors, as_bytes_view(actor), 100));
  auto snapshot = w->state->snapshot();
  BOOST_TEST(read_actor(**snapshot, "hamburg", 1, "counter/1").error().code == "state.damaged");
  const auto rebuilt = load_actor(**snapshot, *w, "hamburg", "counter/1", 0, w->host->applied());
  BOOST_REQUIRE(rebuilt);
  BOOST_TEST(rebuilt->row.empty());
  BOOST_TEST(rebuilt->records.size() == 2u);
  const auto timer = plant_prefix("hamburg") + "counter/1" + '\0' + "t";
  BOOST_TEST(w->disk->flip_bit(state_table::timers, as_bytes_view(timer), 3));
  w->restart();
  BOOST_REQUIRE(!w->loaded);
  BOOST_TEST(w->loaded.error().code == "state.damaged");
  write_batch wipe;
  wipe_plant(wipe, "hamburg");
  BOOST_REQUIRE(w->state->commit(wipe.writes()));
  w->start();
  BOOST_REQUIRE(w->loaded);
  BOOST_TEST(w->value("1") == 5);
  BOOST_TEST(w->host->status().timers == 1u);
}

BOOST_AUTO_TEST_CASE(a_damaged_child_row_is_rebuilt_from_the_journal) {  // simulation seed 2
  auto w = host_harness::make();
  w->send("1", command::add, 1);
  w->send("1", command::once, 5, "k");
  w->host->checkpoint(w->now);
  w->run();
  const auto row = child_key("hamburg", "counter/1", "marks", "k");
  BOOST_REQUIRE(w->disk->flip_bit(state_table::children, as_bytes_view(row), 33));
  w->send("1", command::once, 5, "k",
          "key");  // finds it: what is asked for meanwhile fails, for once
  const auto again = w->send("1", command::once, 5, "k", "key");
  BOOST_TEST(again.code == "counter.twice");
  BOOST_TEST(w->value("1") == 6);
  w->host->checkpoint(w->now);
  w->run();
  auto snapshot = w->state->snapshot();
  BOOST_TEST(bool(read_child_row(**snapshot, "hamburg", "counter/1", "marks", "k")));
}

BOOST_AUTO_TEST_CASE(a_command_beyond_its_limit_is_refused_before_it_is_decided) {
  auto w = host_harness::make();
  auto large = w->make_request("1", command::add, 1, {}, "k-1");
  large.body.resize(command_bytes_max + 1);
  const auto refused = w->replies.at(w->submit(std::move(large)));
  BOOST_TEST(refused.code == "request.too_large");
  BOOST_TEST(w->log.empty());
  auto fits = w->make_request("1", command::add, 1, {}, "k-1");
  fits.body.resize(command_bytes_max);
  BOOST_TEST(w->replies.at(w->submit(std::move(fits))).code.empty());
}

BOOST_AUTO_TEST_CASE(callers_who_wait_for_one_pending_command_are_bounded) {
  auto w = host_harness::make();
  w->send("2", command::add, 5);
  w->send("1", command::add, 5);
  w->auto_commit = false;
  const auto first = w->submit(w->make_request("1", command::ask, 1, "2", "k-1"));
  w->commit();  // the ask is journaled, its answer is not
  w->run();
  BOOST_TEST(!w->replies.contains(first));
  std::vector<std::uint64_t> repeats;
  for (int i = 0; i < 80; ++i)
    repeats.push_back(w->submit(w->make_request("1", command::ask, 1, "2", "k-1")));
  BOOST_TEST(w->replies.size() >= 2u + 10u);
  BOOST_TEST(w->replies.at(repeats.back()).code == "request.in_flight");
  BOOST_TEST(!w->replies.contains(repeats.front()));
  w->auto_commit = true;
  w->run();
  BOOST_TEST(w->replies.at(first).code.empty());
  BOOST_TEST(w->replies.at(repeats.front()).replayed);
  BOOST_TEST(w->value("2") == 4);
}
