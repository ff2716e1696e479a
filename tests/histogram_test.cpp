// layer: nodes
// The load generator's histogram: quantiles stay within a bucket's width of the truth, at the
// edges, too.
#define BOOST_TEST_MODULE histogram
#include "nodes/load/histogram.hpp"

#include <boost/test/unit_test.hpp>

using millrace::load::format_ns;
using millrace::load::histogram;

BOOST_AUTO_TEST_CASE(an_empty_histogram_has_no_quantile) {
  BOOST_TEST(histogram().quantile(0.5) == 0u);
}

BOOST_AUTO_TEST_CASE(quantiles_are_within_two_percent) {
  histogram h;
  for (std::uint64_t i = 1; i <= 100'000; ++i) h.add(i * 100);
  for (const double q : {0.5, 0.9, 0.99, 0.999}) {
    const double truth = q * 100'000 * 100;
    BOOST_TEST(static_cast<double>(h.quantile(q)) >= truth * 0.999);
    BOOST_TEST(static_cast<double>(h.quantile(q)) <= truth * 1.02);
  }
  BOOST_TEST(h.quantile(1.0) == 10'000'000u);
}

BOOST_AUTO_TEST_CASE(values_beyond_the_range_count_as_the_largest) {
  histogram h;
  h.add(~std::uint64_t{0});
  h.add(0);
  BOOST_TEST(h.count() == 2u);
  BOOST_TEST(h.quantile(0.5) == 0u);
}

BOOST_AUTO_TEST_CASE(merging_adds_counts_and_keeps_the_maximum) {
  histogram a;
  histogram b;
  a.add(10);
  b.add(1'000'000);
  a.merge(b);
  BOOST_TEST(a.count() == 2u);
  BOOST_TEST(a.max() == 1'000'000u);
}

BOOST_AUTO_TEST_CASE(durations_read_in_the_unit_that_fits) {
  BOOST_TEST(format_ns(123'000) == "123 µs");
  BOOST_TEST(format_ns(4'560'000) == "4.56 ms");
  BOOST_TEST(format_ns(1'200'000'000) == "1.20 s");
}
