// layer: schemas
// The AsyncAPI document: valid JSON, no key twice, no dangling reference, a message for every event
// and delivery.
#define BOOST_TEST_MODULE asyncapi
#include <boost/test/unit_test.hpp>

#include <set>

#include <simdjson.h>

#include "schemas/asyncapi.hpp"
#include "tests/schema_fixture.hpp"

using namespace millrace;
using simdjson::dom::element;

namespace {

template <class Visit>
void for_each_object(element at, Visit visit) {
  if (at.is_object()) {
    visit(at);
    for (const auto field : simdjson::dom::object(at)) for_each_object(field.value, visit);
  } else if (at.is_array()) {
    for (const auto item : simdjson::dom::array(at)) for_each_object(item, visit);
  }
}

struct parsed {
  explicit parsed(const schema_model& model) : text(asyncapi_json(model)) {
    BOOST_REQUIRE(parser.parse(text).get(root) == simdjson::SUCCESS);
  }
  [[nodiscard]] bool has(const std::string& pointer) const {
    return root.at_pointer(pointer).error() == simdjson::SUCCESS;
  }
  std::string text;
  simdjson::dom::parser parser;
  element root;
};

}  // namespace

BOOST_AUTO_TEST_CASE(no_key_stands_twice_and_no_reference_dangles) {
  const parsed document(schema_model::built_in());
  for_each_object(document.root, [&](element object) {
    std::set<std::string_view> keys;
    for (const auto field : simdjson::dom::object(object)) {
      BOOST_TEST(keys.insert(field.key).second, "twice: " << field.key);
      std::string_view to;
      if (field.key != "$ref" || field.value.get(to) != simdjson::SUCCESS) continue;
      BOOST_REQUIRE(to.starts_with('#'));
      BOOST_TEST(document.has(std::string(to.substr(1))), "dangling: " << to);
    }
  });
}

BOOST_AUTO_TEST_CASE(every_event_and_delivery_is_a_message_of_its_channel) {
  const parsed document(schema_model::built_in());
  BOOST_TEST(std::string_view(document.root["asyncapi"]) == "3.0.0");
  std::size_t events = 0;
  for (const auto& kind : schema_model::built_in().kinds()) {
    for (const auto& e : kind.events)
      if (e.object != nullptr) {
        ++events;
        BOOST_TEST(document.has("/channels/events/messages/" + e.wire_name), e.wire_name);
        BOOST_TEST(document.has("/components/messages/" + e.wire_name + "/payload"), e.wire_name);
      }
    for (const auto& d : kind.deliveries)
      if (d.object != nullptr)
        BOOST_TEST(document.has("/channels/deliveries/messages/" + kind.name + '.' + d.wire_name),
                   d.wire_name);
  }
  BOOST_TEST(events > 100u);
  BOOST_TEST(document.has("/channels/events/messages/platform.exception.raised.v1"));
}
