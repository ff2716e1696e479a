// layer: actors
// ISO 8601 durations: what is read, what is refused, and sums that survive their text.
#define BOOST_TEST_MODULE duration
#include "actors/duration.hpp"

#include <boost/test/unit_test.hpp>

using namespace millrace;
using namespace millrace::actors;

BOOST_AUTO_TEST_CASE(reads_the_durations_that_have_a_length) {
  BOOST_CHECK_EQUAL(*duration_seconds(""), 0);
  BOOST_CHECK_EQUAL(*duration_seconds("PT30M"), 1800);
  BOOST_CHECK_EQUAL(*duration_seconds("PT1H30M5S"), 5405);
  BOOST_CHECK_EQUAL(*duration_seconds("P1DT2H"), 93600);
  BOOST_CHECK_EQUAL(*duration_seconds("P2W"), 1209600);
  BOOST_CHECK_EQUAL(*duration_seconds("PT1.5S"), 1);
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_duration) {
  for (const char* text : {"P", "PT", "30M", "P1Y", "P1M", "PT1M1H", "PT1H1H", "PT-1H", "PT1",
                           "P1DT", "PT.5S", "PT1.5H", "P999999999W", "pt1h"})
    BOOST_CHECK_MESSAGE(!duration_seconds(text), text);
}

BOOST_AUTO_TEST_CASE(writes_what_it_reads) {
  for (const std::int64_t seconds : {1, 59, 60, 3600, 3661, 86400 * 3 + 5})
    BOOST_CHECK_EQUAL(*duration_seconds(duration_text(seconds)), seconds);
  BOOST_CHECK_EQUAL(duration_text(0), "");
}

BOOST_AUTO_TEST_CASE(adds_subtracts_and_scales) {
  BOOST_CHECK_EQUAL(duration_sum("PT50M", "PT20M"), "PT1H10M");
  BOOST_CHECK_EQUAL(duration_difference("PT1H10M", "PT20M"), "PT50M");
  BOOST_CHECK_EQUAL(duration_difference("PT10M", "PT20M"), "");
  BOOST_CHECK_EQUAL(duration_scaled("PT6M", decimal::from_units(10), decimal::from_units(1)),
                    "PT1H");
  BOOST_CHECK_EQUAL(duration_scaled("PT1H", decimal::from_units(1), decimal::from_units(3)),
                    "PT20M");
}
