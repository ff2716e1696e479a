// layer: cluster
// Durable timers: due order, moving, cancelling, firing only as armed, and coming back from their
// rows.
#define BOOST_TEST_MODULE timers
#include <boost/test/unit_test.hpp>

#include "cluster/timers.hpp"

using namespace millrace;

namespace {
timestamp at(std::int64_t s) { return timestamp::from_micros(s * 1'000'000); }
}  // namespace

BOOST_AUTO_TEST_CASE(timers_fall_due_in_order) {
  timer_table t;
  BOOST_TEST(!t.next_due().given());
  t.arm("order/1", "late", at(30));
  t.arm("order/2", "soon", at(10));
  t.arm("order/1", "middle", at(20));
  BOOST_CHECK(t.next_due() == at(10));
  BOOST_TEST(t.take_due(at(9), 10).empty());
  const auto due = t.take_due(at(25), 10);
  BOOST_REQUIRE(due.size() == 2u);
  BOOST_TEST(due[0].name == "soon");
  BOOST_TEST(due[1].name == "middle");
  BOOST_CHECK(t.next_due() == at(30));
  BOOST_TEST(t.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_timer_that_was_handed_out_is_not_handed_out_again) {
  timer_table t;
  t.arm("order/1", "t", at(10));
  BOOST_TEST(t.take_due(at(10), 10).size() == 1u);
  BOOST_TEST(t.take_due(at(10), 10).empty());
  t.hand_back("order/1", "t");
  BOOST_TEST(t.take_due(at(10), 10).size() == 1u);
  t.hand_back_all();
  BOOST_TEST(t.take_due(at(10), 10).size() == 1u);
}

BOOST_AUTO_TEST_CASE(only_a_pending_timer_with_that_due_fires) {
  timer_table t;
  t.arm("order/1", "t", at(10));
  t.arm("order/1", "t", at(20));
  BOOST_TEST(!t.fire("order/1", "t", at(10)));
  BOOST_TEST(t.fire("order/1", "t", at(20)));
  BOOST_TEST(!t.fire("order/1", "t", at(20)));
  BOOST_TEST(t.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_timer_is_gone) {
  timer_table t;
  t.arm("order/1", "t", at(10));
  t.arm("order/1", "t", {});
  BOOST_TEST(t.take_due(at(100), 10).empty());
  BOOST_TEST(!t.pending("order/1", "t", at(10)));
}

BOOST_AUTO_TEST_CASE(rows_give_the_same_table_back) {
  timer_table t;
  std::map<std::string, bytes> rows;
  const auto store = [&] {
    for (auto& [key, row] : t.take_dirty()) {
      if (row.empty())
        rows.erase(key);
      else
        rows[key] = row;
    }
  };
  for (int i = 0; i < 50; ++i) t.arm("order/" + std::to_string(i), "t", at(100 - i));
  store();
  for (int i = 0; i < 50; i += 3)
    t.arm("order/" + std::to_string(i), "t", i % 2 ? at(500) : timestamp());
  store();
  timer_table again;
  for (const auto& [key, row] : rows) BOOST_REQUIRE(again.load(key, row));
  BOOST_TEST(again.hash() == t.hash());
  BOOST_TEST(again.size() == t.size());
  BOOST_CHECK(again.next_due() == t.next_due());
  BOOST_TEST(t.take_dirty().empty());
}
