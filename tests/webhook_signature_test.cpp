// layer: nodes
// Standard Webhooks signatures against the specification's own vector, and everything that must not
// pass.
#define BOOST_TEST_MODULE webhook_signature
#include <boost/test/unit_test.hpp>

#include "nodes/adapters/webhook_signature.hpp"

using namespace millrace;

namespace {

const std::string secret =
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";  // of the specification's test vector
const std::string other_secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD0000";
const std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const std::string body = R"({"test": 2432232314})";
constexpr std::int64_t at = 1614265330;
const std::string expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

}  // namespace

BOOST_AUTO_TEST_CASE(signs_as_the_specification_does) {
  const auto keys = webhook_secrets::parse({secret});
  BOOST_REQUIRE(keys);
  BOOST_TEST(keys->sign(id, at, body) == expected);
  BOOST_TEST(keys->verify(id, std::to_string(at), expected, body, at));
}

BOOST_AUTO_TEST_CASE(a_rotation_carries_both_signatures_and_either_key_verifies) {
  const auto both = webhook_secrets::parse({other_secret, secret});
  BOOST_REQUIRE(both);
  const auto header = both->sign(id, at, body);
  BOOST_TEST(header.ends_with(expected));
  BOOST_TEST(webhook_secrets::parse({secret})->verify(id, std::to_string(at), header, body, at));
  BOOST_TEST(
      webhook_secrets::parse({other_secret})->verify(id, std::to_string(at), header, body, at));
}

BOOST_AUTO_TEST_CASE(nothing_else_passes) {
  const auto keys = *webhook_secrets::parse({secret});
  const auto time = std::to_string(at);
  BOOST_TEST(!keys.verify("msg_other", time, expected, body, at));
  BOOST_TEST(!keys.verify(id, std::to_string(at + 1), expected, body, at));
  BOOST_TEST(!keys.verify(id, time, expected, body + " ", at));
  BOOST_TEST(!keys.verify(id, time, "", body, at));
  BOOST_TEST(!keys.verify(id, time, "v1,", body, at));
  BOOST_TEST(!keys.verify(id, time, "v2" + expected.substr(2), body, at));
  BOOST_TEST(!keys.verify(id, time + "x", expected, body, at));
  BOOST_TEST(!keys.verify(id, "", expected, body, at));
  BOOST_TEST(!webhook_secrets::parse({other_secret})->verify(id, time, expected, body, at));
}

BOOST_AUTO_TEST_CASE(old_and_future_messages_are_refused_after_five_minutes) {
  const auto keys = *webhook_secrets::parse({secret});
  const auto time = std::to_string(at);
  BOOST_TEST(keys.verify(id, time, expected, body, at + webhook_tolerance_s));
  BOOST_TEST(!keys.verify(id, time, expected, body, at + webhook_tolerance_s + 1));
  BOOST_TEST(keys.verify(id, time, expected, body, at - webhook_tolerance_s));
  BOOST_TEST(!keys.verify(id, time, expected, body, at - webhook_tolerance_s - 1));
}

BOOST_AUTO_TEST_CASE(a_wrong_secret_is_refused_without_repeating_it) {
  for (const std::string wrong :
       {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ="}) {
    const auto keys = webhook_secrets::parse({wrong});
    BOOST_REQUIRE(!keys);
    BOOST_TEST(keys.error().code == "config.invalid");
    BOOST_TEST((wrong == "whsec_" || keys.error().detail.find(wrong) == std::string::npos));
  }
}
