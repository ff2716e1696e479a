// layer: cluster
// The outbox: order per key, retries, breaker, dead letters that stop only their own key, budgets,
// and rows.
#define BOOST_TEST_MODULE outbox
#include <boost/test/unit_test.hpp>

#include <map>

#include "cluster/outbox.hpp"

using namespace millrace;

namespace {

constexpr std::int64_t second = 1'000'000;
using verdict_kind = attempt_result::verdict;

struct fixture {
  outbox_limits limits;
  std::unique_ptr<outbox> box;
  timestamp now = timestamp::from_micros(1'800'000'000 * second);
  std::map<std::uint64_t, bytes> rows;
  std::map<std::uint64_t, std::shared_ptr<const filing>> journal;
  std::vector<delivery_end> lost;

  fixture() { begin(); }
  void begin() {
    box = std::make_unique<outbox>("hamburg", 1, limits, [n = std::uint64_t{0}]() mutable {
      return n += 0x9E3779B97F4A7C15ull;
    });
  }
  std::uint64_t file(std::string key, System system = System::erp, Lane lane = Lane::rest) {
    filing f;
    f.system = system;
    f.key = std::move(key);
    f.actor = "order/1";
    f.tag = "t";
    f.kind = "order";
    f.lane = lane;
    f.filed_at = now;
    f.body = std::make_shared<const bytes>(bytes(100, 7));
    f.origin = {100 + box->next_number(), 3, 0};
    journal[box->next_number()] = std::make_shared<const filing>(f);
    return box->file(std::move(f));
  }
  std::vector<attempt> poll() { return box->poll(now, source(), 100, lost); }
  outbox::fetch source() {
    return {[this](std::uint64_t n) { return std::make_shared<const bytes>(rows.at(n)); },
            [this](std::uint64_t n, const delivery_origin& from) -> std::shared_ptr<const filing> {
              const auto it = journal.find(n);
              if (it == journal.end()) return nullptr;
              BOOST_TEST(it->second->origin.index == from.index);
              BOOST_TEST(it->second->origin.place == from.place);
              return it->second;
            }};
  }
  std::vector<std::uint64_t> numbers(const std::vector<attempt>& attempts) {
    std::vector<std::uint64_t> out;
    for (const auto& a : attempts) out.push_back(a.number);
    return out;
  }
  std::vector<delivery_end> give(const attempt& a, verdict_kind what, bool answered = true) {
    attempt_result r;
    r.what = what;
    r.answered = answered;
    r.document = "4711";
    std::vector<delivery_end> ended;
    box->verdict(a.number, a.attempt, r, now, ended);
    return ended;
  }
  void finish(const std::vector<delivery_end>& ended) {
    for (const auto& e : ended)
      BOOST_TEST(box->end(e.number, e.end, e.document, e.detail, nullptr, now));
  }
  void pass(std::int64_t us) { now = timestamp::from_micros(now.micros() + us); }
  void store() {
    for (auto& [number, row] : box->take_dirty()) {
      if (row.empty())
        rows.erase(number);
      else
        rows[number] = row;
    }
    box->rows_written(box->next_number());
  }
};

using list = std::vector<std::uint64_t>;

}  // namespace

BOOST_FIXTURE_TEST_CASE(one_delivery_of_a_key_is_under_way_at_a_time, fixture) {
  file("A"), file("A"), file("B");
  auto first = poll();
  BOOST_TEST(numbers(first) == (list{1, 3}));
  BOOST_TEST(poll().empty());
  const auto ended = give(first[0], verdict_kind::acknowledged);
  BOOST_REQUIRE(ended.size() == 1u);
  BOOST_TEST(ended[0].actor == "order/1");
  BOOST_TEST(ended[0].document == "4711");
  BOOST_TEST(poll().empty());  // not before its end is journaled
  finish(ended);
  BOOST_TEST(numbers(poll()) == (list{2}));
}

BOOST_FIXTURE_TEST_CASE(attempts_carry_a_stable_id, fixture) {
  file("A");
  const auto first = poll();
  BOOST_TEST(first[0].id == "msg_hamburg_1_1");
  BOOST_TEST(give(first[0], verdict_kind::retry).empty());
  pass(60 * second);
  const auto again = poll();
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST(again[0].id == first[0].id);
  BOOST_TEST(again[0].attempt == 2u);
}

BOOST_FIXTURE_TEST_CASE(retries_back_off_with_jitter_and_end_as_a_dead_letter, fixture) {
  file("A"), file("A"), file("B");
  finish(give(poll()[1], verdict_kind::acknowledged));
  std::uint32_t attempts = 1;
  std::vector<delivery_end> ended;
  box->restart();
  std::int64_t waited = 0;
  for (int turn = 0; turn < 100'000 && ended.empty(); ++turn) {
    for (const auto& a : poll()) {
      attempts = a.attempt;
      ended = give(a, verdict_kind::retry);
    }
    pass(second / 10);
    waited += second / 10;
  }
  BOOST_REQUIRE(ended.size() == 1u);
  BOOST_CHECK(ended[0].end == engine::DeliveryEnd::dead);
  BOOST_TEST(attempts == limits.attempts_max);
  BOOST_TEST(waited > 30 * second);
  finish(ended);
  file("B");
  pass(60 * second);
  BOOST_TEST(numbers(poll()) == (list{4}));  // 2 waits behind the dead letter, B goes
  BOOST_TEST(box->dead(0, 10) == (list{1}));
}

BOOST_FIXTURE_TEST_CASE(an_outage_makes_no_dead_letters, fixture) {
  file("A");
  for (int minute = 0; minute < 600; ++minute) {
    for (const auto& a : poll()) BOOST_REQUIRE(give(a, verdict_kind::retry, false).empty());
    pass(60 * second);
  }
  BOOST_TEST(box->dead(0, 10).empty());
  BOOST_TEST(give(poll().at(0), verdict_kind::acknowledged).size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_operator_retries_edits_and_discards_dead_letters, fixture) {
  file("A"), file("A"), file("A");
  finish(give(poll()[0], verdict_kind::dead));
  BOOST_TEST(poll().empty());
  const bytes edited{1, 2, 3};
  BOOST_TEST(box->end(1, engine::DeliveryEnd::edited, {}, {}, &edited, now));
  BOOST_TEST(!box->end(1, engine::DeliveryEnd::retried, {}, {}, nullptr, now));
  auto again = poll();
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST(*again[0].body == edited);
  finish(give(again[0], verdict_kind::acknowledged));
  again = poll();
  BOOST_TEST(numbers(again) == (list{2}));
  finish(give(again[0], verdict_kind::dead));
  BOOST_TEST(box->end(2, engine::DeliveryEnd::discarded, {}, {}, nullptr, now));
  BOOST_TEST(numbers(poll()) == (list{3}));
}

BOOST_FIXTURE_TEST_CASE(the_breaker_opens_probes_and_closes, fixture) {
  for (int i = 0; i < 20; ++i) file("K" + std::to_string(i));
  const auto first = poll();
  BOOST_TEST(first.size() == 20u);
  for (const auto& a : first) give(a, verdict_kind::retry, false);
  BOOST_TEST(box->view(System::erp, now).breaker == "open");
  pass(second / 2);
  BOOST_TEST(poll().empty());
  pass(second);
  const auto probe = poll();
  BOOST_REQUIRE(probe.size() == 1u);
  BOOST_TEST(box->view(System::erp, now).breaker == "half_open");
  finish(give(probe[0], verdict_kind::acknowledged));
  BOOST_TEST(box->view(System::erp, now).breaker == "closed");
  pass(second);
  BOOST_TEST(poll().size() == 19u);
}

BOOST_FIXTURE_TEST_CASE(endpoints_do_not_disturb_each_other, fixture) {
  file("A", System::erp), file("A", System::mes);
  for (const auto& a : poll())
    if (a.system == System::erp)
      give(a, verdict_kind::dead);
    else
      finish(give(a, verdict_kind::acknowledged));
  BOOST_TEST(box->view(System::mes, now).acknowledged == 1u);
  BOOST_TEST(box->view(System::erp, now).waiting == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_paused_endpoint_waits_and_a_rate_is_kept, fixture) {
  file("A");
  box->pause(System::erp, timestamp::from_micros(now.micros() + 10 * second), "maintenance");
  BOOST_TEST(poll().empty());
  BOOST_CHECK(box->next_wake(now) == timestamp::from_micros(now.micros() + 10 * second));
  pass(10 * second);
  BOOST_TEST(poll().size() == 1u);
  box->limit_rate(System::mes, 2, 1);
  for (int i = 0; i < 20; ++i) file("M" + std::to_string(i), System::mes);
  std::size_t sent = 0;
  for (int tenth = 0; tenth < 50; ++tenth, pass(second / 10))
    for (const auto& a : poll())
      if (a.system == System::mes) {
        ++sent;
        finish(give(a, verdict_kind::acknowledged));
      }
  BOOST_TEST(sent >= 9u);
  BOOST_TEST(sent <= 12u);
}

BOOST_FIXTURE_TEST_CASE(an_attempt_without_an_answer_is_made_again, fixture) {
  file("A");
  const auto silent = poll();
  std::vector<delivery_end> ended;
  box->expire(now, ended);
  BOOST_TEST(poll().empty());
  pass(2 * std::int64_t{limits.attempt_timeout_ms} * 1000);
  box->expire(now, ended);
  BOOST_TEST(ended.empty());
  pass(second);
  const auto again = poll();
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST(give(silent[0], verdict_kind::acknowledged)
                 .empty());  // the late answer of the first means nothing
  BOOST_TEST(give(again[0], verdict_kind::acknowledged).size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(budgets_keep_a_reserve_for_holds, fixture) {
  limits.deliveries_max = 100;
  begin();
  for (int i = 0; i < 79; ++i) file("A");
  BOOST_TEST(!box->alarm(System::erp));
  file("A");
  BOOST_TEST(box->alarm(System::erp));
  for (int i = 80; i < 95; ++i) file("A");
  BOOST_TEST(!box->has_room(System::erp, Lane::rest, 1, 100));
  BOOST_TEST(box->has_room(System::erp, Lane::hold, 1, 100));
  for (int i = 95; i < 100; ++i) file("A", System::erp, Lane::hold);
  BOOST_TEST(!box->has_room(System::erp, Lane::hold, 1, 100));
  BOOST_TEST(box->has_room(System::mes, Lane::rest, 1, 100));
}

BOOST_FIXTURE_TEST_CASE(rows_give_the_same_outbox_back_also_with_bodies_on_disk_only, fixture) {
  limits.resident_bytes_max = 5'000;
  begin();
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 10; ++i)
      file("K" + std::to_string(i % 4), i % 2 ? System::erp : System::mes);
    for (const auto& a : poll())
      finish(give(a, round % 3 == 2 ? verdict_kind::dead : verdict_kind::acknowledged));
    store();
  }
  const auto hash = box->hash();
  const auto next = box->next_number();
  const auto waiting = box->size();
  begin();
  for (const auto& [number, row] : rows) BOOST_REQUIRE(box->load(number, row));
  box->set_next(next);
  BOOST_TEST(box->hash() == hash);
  BOOST_TEST(box->size() == waiting);
  for (const auto number : box->dead(0, 100)) {
    BOOST_TEST(box->bring_back(number, source()));
    BOOST_TEST(box->end(number, engine::DeliveryEnd::retried, {}, {}, nullptr, now));
  }
  std::map<std::pair<System, std::string>, std::uint64_t> last;
  for (int turn = 0; turn < 1000 && box->size() > 0; ++turn, pass(second))
    for (const auto& a : poll()) {
      auto& before = last[{a.system, a.key}];
      BOOST_TEST(a.number > before);
      before = a.number;
      BOOST_TEST(a.body->size() == 100u);
      finish(give(a, verdict_kind::acknowledged));
      store();
    }
  BOOST_TEST(box->size() == 0u);
  BOOST_TEST(rows.empty());
}

BOOST_FIXTURE_TEST_CASE(a_damaged_row_is_rebuilt_from_the_journal_and_stops_nobody, fixture) {
  limits.resident_bytes_max = 0;  // every body leaves memory
  begin();
  file("A");
  file("B");
  file("A");
  store();
  rows[1][20] ^= 1;
  const auto first = poll();
  BOOST_TEST(numbers(first) == (list{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(first[0].body->size() == 100u);
  BOOST_TEST(first[0].actor == "order/1");
  store();  // its row is whole again
  begin();
  for (const auto& [number, row] : rows) BOOST_REQUIRE(box->load(number, row));
  BOOST_TEST(numbers(poll()) == (list{1, 2}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_even_the_journal_lacks_is_a_damaged_dead_letter_of_its_key_alone,
                        fixture) {
  limits.resident_bytes_max = 0;
  begin();
  file("A");
  file("B");
  file("A");
  store();
  const auto kept = journal.at(1);
  journal.erase(1);
  rows[1][20] ^= 1;
  BOOST_TEST(numbers(poll()) == list{2}, boost::test_tools::per_element());
  BOOST_REQUIRE(lost.size() == 1u);
  BOOST_TEST(lost[0].number == 1u);
  BOOST_TEST((lost[0].end == engine::DeliveryEnd::dead));
  BOOST_TEST(lost[0].detail.starts_with("damaged"));
  finish(lost);
  lost.clear();
  BOOST_TEST(poll().empty());  // 3 waits behind it
  delivery_view v;
  BOOST_REQUIRE(box->view(1, source(), v));
  BOOST_TEST(v.state == "dead");
  BOOST_TEST(v.key == "A");
  BOOST_TEST(v.last_error.starts_with("damaged"));
  store();
  begin();
  for (const auto& [number, row] : rows) BOOST_REQUIRE(box->load(number, row));
  BOOST_TEST(box->dead(0, 10) == list{1}, boost::test_tools::per_element());
  // An edit has nothing to go on; a retry finds it still lost, and then found.
  const bytes edit(3, 1);
  BOOST_TEST(!box->end(1, engine::DeliveryEnd::edited, {}, {}, &edit, now));
  BOOST_TEST(box->end(1, engine::DeliveryEnd::retried, {}, {}, nullptr, now));
  BOOST_TEST(numbers(poll()) == list{2}, boost::test_tools::per_element());
  finish(lost);
  lost.clear();
  journal[1] = kept;
  BOOST_TEST(box->end(1, engine::DeliveryEnd::retried, {}, {}, nullptr, now));
  const auto again = poll();
  BOOST_REQUIRE(numbers(again) == list{1});
  BOOST_TEST(again[0].body->size() == 100u);
  finish(give(again[0], verdict_kind::acknowledged));
  BOOST_TEST(numbers(poll()) == list{3}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_waits_holds_the_journal_back, fixture) {
  BOOST_TEST(box->oldest_index() == 0u);
  file("A");
  file("B", System::mes);
  BOOST_TEST(box->oldest_index() == 101u);
  BOOST_TEST(box->end(1, engine::DeliveryEnd::acknowledged, {}, {}, nullptr, now));
  BOOST_TEST(box->oldest_index() == 102u);
  store();
  begin();
  for (const auto& [number, row] : rows) BOOST_REQUIRE(box->load(number, row));
  BOOST_TEST(box->oldest_index() == 102u);
}

BOOST_FIXTURE_TEST_CASE(holds_go_first_and_are_not_kept_by_attempts_of_others, fixture) {
  limits.endpoint.under_way_max = 4;
  limits.endpoint.holds_extra = 1;
  begin();
  for (int i = 0; i < 10; ++i) file("order/" + std::to_string(i));
  now = now.plus_ms(1);
  const auto first = file("batch/1", System::erp, Lane::hold);
  const auto under_way = poll();
  BOOST_TEST(under_way.size() == 4u);
  BOOST_TEST(under_way.front().number == first);
  const auto second_hold = file("batch/2", System::erp, Lane::hold);
  file("batch/3", System::erp, Lane::hold);
  BOOST_TEST(numbers(poll()) == std::vector{second_hold}, boost::test_tools::per_element());
  BOOST_CHECK(box->next_wake(now) > now);
  finish(give(under_way.front(), verdict_kind::acknowledged));
  BOOST_TEST(numbers(poll()).size() == 1u);
}
