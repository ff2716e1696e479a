// layer: nodes
// Request targets and cursors: what is decoded, how, and what is refused.
#define BOOST_TEST_MODULE router
#include <boost/test/unit_test.hpp>

#include "nodes/gateway/cloud_event.hpp"
#include "nodes/gateway/correlation.hpp"
#include "nodes/gateway/path.hpp"
#include "nodes/gateway/utf8.hpp"

using namespace millrace;
using namespace millrace::gateway;

BOOST_AUTO_TEST_CASE(segments_are_decoded_one_by_one) {
  const auto t =
      parse_target("/v1/plants/hamburg/batches/A%2FB%20%C3%A4+?limit=5&q=a+b%2B&empty=&flag");
  BOOST_REQUIRE(t.has_value());
  BOOST_TEST(t->path == "/v1/plants/hamburg/batches/A%2FB%20%C3%A4+");
  BOOST_REQUIRE(t->segments.size() == 5u);
  BOOST_TEST(t->segments[4] == "A/B \xc3\xa4+");
  BOOST_TEST(t->get("limit") == "5");
  BOOST_TEST(t->get("q") == "a b+");
  BOOST_TEST(t->has("empty"));
  BOOST_TEST(t->has("flag"));
  BOOST_TEST(!t->has("other"));
}

BOOST_AUTO_TEST_CASE(decoding_happens_once) {
  const auto t = parse_target("/a%252Fb");
  BOOST_REQUIRE(t.has_value());
  BOOST_TEST(t->segments[0] == "a%2Fb");
}

BOOST_AUTO_TEST_CASE(bad_targets_are_refused) {
  for (const char* bad : {"/a%", "/a%2", "/a%zz", "/%ff", "/%c3", "/%c0%af", "/%ed%a0%80", "/a%00b",
                          "/a%0ab", "/%c2%85", "/a?x=%"})
    BOOST_TEST(!parse_target(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(odd_slashes_make_empty_segments) {
  BOOST_TEST(parse_target("/")->segments.empty());
  BOOST_TEST(parse_target("//")->segments.size() == 2u);
  BOOST_TEST(parse_target("/a/")->segments.size() == 2u);
  BOOST_TEST(parse_target("/a/")->segments[1].empty());
}

BOOST_AUTO_TEST_CASE(encoding_and_decoding_are_inverse) {
  const std::string id = "MATERIAL~BATCH /%?#\xc3\xa4";
  BOOST_TEST(parse_target("/" + encode_segment(id))->segments[0] == id);
}

BOOST_AUTO_TEST_CASE(ids_are_short_nfc_text) {
  BOOST_TEST(is_actor_id("1000042"));
  BOOST_TEST(is_actor_id("caf\xc3\xa9"));
  BOOST_TEST(!is_actor_id("cafe\xcc\x81"));  // the same word in NFD
  BOOST_TEST(!is_actor_id(""));
  BOOST_TEST(!is_actor_id(std::string(81, 'x')));
  BOOST_TEST(is_actor_id(std::string(80, 'x')));
  BOOST_TEST(!is_actor_id("a\nb"));
  BOOST_TEST(!is_actor_id("\xff"));
}

BOOST_AUTO_TEST_CASE(plants_have_plain_names) {
  BOOST_TEST(is_plant_name("hamburg"));
  BOOST_TEST(is_plant_name("de-01.a_b"));
  for (const char* bad : {"", "-a", "a b", "a~b", "a/b", "a:b", "\xc3\xa4"})
    BOOST_TEST(!is_plant_name(bad));
  BOOST_TEST(!is_plant_name(std::string(41, 'a')));
}

BOOST_AUTO_TEST_CASE(cursors_survive_the_round) {
  const std::vector<std::string> one{"hamburg"};
  const std::vector<std::string> two{"hamburg", "munich"};
  BOOST_TEST((parse_cursor("0", one)->front().second == position{}));
  BOOST_TEST((parse_cursor("1.42.3", one)->front().second == position{1, 42, 3}));
  const auto both = parse_cursor("hamburg:1.42.3,munich:1.7.0", two);
  BOOST_REQUIRE(both.has_value());
  BOOST_TEST(to_text(*both) == "hamburg:1.42.3,munich:1.7.0");
  BOOST_TEST((parse_cursor("munich:1.7.0", two)->front().second == position{}));
  for (const char* bad : {"x", "1.2", "1.2.3.4", "-1.2.3", "1.2.3x", "99999999999.1.1"})
    BOOST_TEST(!parse_cursor(bad, one).has_value(), bad);
  BOOST_TEST(!parse_cursor("1.42.3", two).has_value());
  BOOST_TEST(!parse_cursor("hamburg:x", two).has_value());
}

BOOST_AUTO_TEST_CASE(correlations_are_uuid_7_when_made_here) {
  const auto a = make_correlation();
  const auto b = make_correlation();
  BOOST_TEST(a.size() == 36u);
  BOOST_TEST(a[14] == '7');
  BOOST_TEST(std::string("89ab").find(a[19]) != std::string::npos);
  BOOST_TEST(a != b);
  BOOST_TEST(is_correlation("ERP-4711"));
  BOOST_TEST(!is_correlation("a b"));
  BOOST_TEST(!is_correlation(std::string(129, 'a')));
}
