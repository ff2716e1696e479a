// layer: cluster
// Business time follows the machine's date slowly, and not at all over a step; monotonic time never
// goes back.
#define BOOST_TEST_MODULE clock
#include "cluster/clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace millrace;

BOOST_AUTO_TEST_CASE(small_differences_are_slewed_at_500_ppm) {
  BOOST_TEST(node_clock::slewed(1000, 2'000'000, 1'000'000) == 1500);  // a second later: 500 us
  BOOST_TEST(node_clock::slewed(1000, -2'000'000, 1'000'000) == 500);
  BOOST_TEST(node_clock::slewed(1000, 300, 1'000'000) == 1300);  // less than the most: all of it
  BOOST_TEST(node_clock::slewed(1000, 5'000'000, 0) == 1000);
}

BOOST_AUTO_TEST_CASE(a_step_is_not_followed) {
  for (const std::int64_t step : {5'000'001ll, -5'000'001ll, 3'600'000'000ll})
    BOOST_TEST(node_clock::slewed(1000, step, 1'000'000'000) == 1000);
}

BOOST_AUTO_TEST_CASE(the_machines_clocks_go_forward) {
  node_clock c;
  auto monotonic = c.monotonic_us();
  auto business = c.now();
  for (int i = 0; i < 1000; ++i) {
    c.poll();
    BOOST_REQUIRE(c.monotonic_us() >= monotonic);
    BOOST_REQUIRE(c.now() >= business);
    monotonic = c.monotonic_us();
    business = c.now();
  }
  BOOST_TEST(c.stepped_us() == 0);
}
