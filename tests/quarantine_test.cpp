// layer: cluster
// Actors that cannot be loaded or stored, and deliveries whose rows are damaged: each stops only
// itself, loses nothing, and comes back.
#define BOOST_TEST_MODULE quarantine
#include <boost/test/unit_test.hpp>

#include "cluster/row.hpp"
#include "tests/host_harness.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

constexpr std::int64_t second = 1'000'000;
using command = counter_command;

/// A plant that stores only when it is told to.
std::shared_ptr<host_harness> quiet_plant(host_options options = {}) {
  options.checkpoint_us = std::int64_t{1} << 60;
  return host_harness::make(options);
}

void checkpoint(host_harness& w) {
  bool stored = false;
  w.host->checkpoint(w.now, [&] { stored = true; });
  w.run();
  BOOST_TEST(stored, "the checkpoint ends");
  BOOST_TEST(w.host->status().checkpoint == w.log.size());
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_actor_without_an_image_stops_no_checkpoint) {
  auto w = quiet_plant();
  w->send("1", command::add, 3);
  w->send("2", command::add, 4);
  w->imageless = {"counter/1"};
  checkpoint(*w);
  BOOST_TEST(w->host->needed_from() == 1u);  // its records have no other home
  w->send("1", command::add, 10);
  w->send("2", command::add, 10);
  checkpoint(*w);
  BOOST_TEST(w->host->needed_from() == 1u);
  w->restart();
  BOOST_TEST(w->value("1") == 13);
  BOOST_TEST(w->value("2") == 14);
  BOOST_TEST(w->ids() == (std::vector<std::string>{"1", "2"}), boost::test_tools::per_element());
  w->restart();  // once more: it is still behind
  BOOST_TEST(w->value("1") == 13);
  w->imageless.clear();
  checkpoint(*w);
  BOOST_TEST(w->host->needed_from() == w->log.size() + 1);
  w->restart();
  BOOST_TEST(w->value("1") == 13);
  BOOST_TEST(w->ids({{"label", "many"}}) == (std::vector<std::string>{"1", "2"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_dirty_actor_that_cannot_be_loaded_is_quarantined_and_comes_back) {
  auto w = quiet_plant();
  w->send("1", command::add, 3);
  w->send("2", command::add, 4);
  w->refused = {"counter/1"};
  w->lose("1");
  w->run();
  const auto told = w->send("1", command::add, 1);
  BOOST_TEST(told.code == "actor.quarantined");
  BOOST_TEST(told.retry_after_s > 0u);
  BOOST_TEST(w->host->status().quarantined == 1u);
  BOOST_REQUIRE(w->host->quarantined(10).size() == 1u);
  BOOST_TEST(w->host->quarantined(10)[0].actor == "counter/1");
  BOOST_TEST(w->host->quarantined(10)[0].why.starts_with("journal.damaged"));
  BOOST_TEST(w->send("2", command::look, 0, "1").code == "actor.quarantined");  // not: absent
  BOOST_TEST(w->send("2", command::add, 1).code.empty());
  checkpoint(*w);
  BOOST_TEST(w->host->needed_from() == 1u);
  w->refused.clear();
  w->pass(3 * second);
  BOOST_TEST(w->host->status().quarantined == 0u);
  BOOST_TEST(w->send("1", command::add, 1).code.empty());
  BOOST_TEST(w->value("1") == 4);
  checkpoint(*w);
  w->restart();
  BOOST_TEST(w->value("1") == 4);
}

BOOST_AUTO_TEST_CASE(a_restart_in_quarantine_loses_nothing_and_the_plant_leads) {
  auto w = quiet_plant();
  w->send("1", command::add, 3);
  w->refused = {"counter/1"};
  w->lose("1");
  w->run();
  w->send("2", command::add, 4);
  checkpoint(*w);
  w->send("2", command::add, 5);
  w->restart();
  BOOST_TEST(w->host->leading());
  BOOST_TEST(w->send("1", command::add, 1).code == "actor.quarantined");
  BOOST_TEST(w->value("2") == 9);
  w->refused.clear();
  w->pass(3 * second);
  BOOST_TEST(w->send("1", command::add, 1).code.empty());
  BOOST_TEST(w->value("1") == 4);
}

BOOST_AUTO_TEST_CASE(records_above_the_checkpoint_of_an_actor_in_quarantine_hold_nobody_up) {
  auto w = quiet_plant();
  w->send("1", command::add, 3);
  w->send("2", command::add, 4);
  w->refused = {"counter/1"};
  w->restart();  // everything is replayed
  BOOST_TEST(w->host->leading());
  BOOST_TEST(w->send("2", command::add, 1).code.empty());
  checkpoint(*w);
  w->refused.clear();
  w->pass(3 * second);
  BOOST_TEST(w->value("1") == 3);
}

BOOST_AUTO_TEST_CASE(tries_are_paced_and_go_on) {
  auto w = quiet_plant();
  w->send("1", command::add, 3);
  w->refused = {"counter/1"};
  w->lose("1");
  w->run();
  w->pass(200 * second);
  BOOST_TEST(w->host->status().quarantined == 1u);
  BOOST_TEST(w->alarms.size() < 5u);
  w->refused.clear();
  w->pass(61 * second);
  BOOST_TEST(w->host->status().quarantined == 0u);
}

BOOST_AUTO_TEST_CASE(messages_wait_for_an_actor_in_quarantine_and_take_effect_once) {
  auto w = quiet_plant();
  w->send("1", command::add, 1);
  w->send("2", command::add, 50);
  w->refused = {"counter/2"};
  w->lose("2");
  w->run();
  const auto asked = w->submit(w->make_request("1", command::ask, 2, "2"));
  w->pass(2 * second);
  BOOST_TEST(!w->replies.contains(asked));
  w->refused.clear();
  w->pass(5 * second);
  BOOST_REQUIRE(w->replies.contains(asked));
  BOOST_TEST(w->replies[asked].code.empty());
  BOOST_TEST(w->value("2") == 48);
  BOOST_TEST(w->host->status().messages_waiting == 0u);
}

BOOST_AUTO_TEST_CASE(a_message_waits_while_what_it_looks_up_is_in_quarantine) {
  auto w = quiet_plant();
  w->send("1", command::add, 3);
  w->send("2", command::add, 50);
  w->refused = {"counter/1"};
  w->lose("1");
  w->run();
  message_frame frame{"hamburg", "lyon", 1, Lane::rest, 1, {}};
  auto m = std::make_shared<engine::MessageT>();
  m->to = "counter/2";
  m->from = "counter/9";
  m->command = static_cast<std::uint8_t>(command::look);
  m->body = counter_body(0, "1");
  frame.messages.push_back(m);
  w->host->on_messages(frame, w->now);
  w->run();
  w->pass(2 * second);
  BOOST_TEST(w->value("2") == 50);
  w->refused.clear();
  w->pass(8 * second);
  BOOST_TEST(w->value("2") == 53);
}

BOOST_AUTO_TEST_CASE(a_delivery_with_a_damaged_row_is_made_from_the_journal) {
  host_options options;
  options.outbox_.resident_bytes_max = 0;  // bodies leave memory as soon as they are stored
  auto w = quiet_plant(options);
  w->send("1", command::add, 1);
  w->send("1", command::send, 7, "A");
  w->send("1", command::send, 8, "B");
  BOOST_REQUIRE(w->attempts.size() == 2u);
  attempt_result later;
  later.answered = true;
  w->host->on_attempt(1, 1, later, w->now);
  w->host->on_attempt(2, 1, later, w->now);
  w->run();
  checkpoint(*w);
  BOOST_TEST(w->host->needed_from() == 2u);  // who waits holds the journal
  auto key = plant_prefix("hamburg");
  append_key(key, 1);
  BOOST_REQUIRE(w->disk->flip_bit(state_table::outbox, as_bytes_view(key), 200));
  w->attempts.clear();
  w->pass(second);
  BOOST_REQUIRE(w->attempts.size() == 2u);
  const auto& again = w->attempts[0].number == 1 ? w->attempts[0] : w->attempts[1];
  BOOST_TEST(*again.body == counter_body(7), boost::test_tools::per_element());
  BOOST_TEST(again.key == "A");
  BOOST_TEST(again.actor == "counter/1");
  BOOST_TEST(again.tag == "sent");
  checkpoint(*w);
  w->restart();
  BOOST_TEST(w->loaded.has_value());  // the row is whole again
  BOOST_TEST(w->host->status().outbox == 2u);
}

BOOST_AUTO_TEST_CASE(an_edited_delivery_with_a_damaged_row_keeps_its_edit) {
  host_options options;
  options.outbox_.resident_bytes_max = 0;
  auto w = quiet_plant(options);
  w->send("1", command::add, 1);
  w->send("1", command::send, 7, "A");
  attempt_result dead;
  dead.what = attempt_result::verdict::dead;
  w->host->on_attempt(1, 1, dead, w->now);
  w->run();
  w->host->deadletter(1, engine_api::deadletter_op::retry, counter_body(9), "dev-ops", w->now,
                      [](result<void> r) { BOOST_TEST(r.has_value()); });
  w->run();
  attempt_result later;
  later.answered = true;
  BOOST_REQUIRE(w->attempts.size() == 2u);
  w->host->on_attempt(1, w->attempts[1].attempt, later, w->now);
  w->run();
  checkpoint(*w);
  auto key = plant_prefix("hamburg");
  append_key(key, 1);
  BOOST_REQUIRE(w->disk->flip_bit(state_table::outbox, as_bytes_view(key), 200));
  w->pass(second);
  BOOST_REQUIRE(w->attempts.size() == 3u);
  BOOST_TEST(*w->attempts[2].body == counter_body(9), boost::test_tools::per_element());
}
