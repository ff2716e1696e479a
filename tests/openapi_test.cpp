// layer: schemas
// The OpenAPI document: valid JSON, no dangling reference, a path for everything that can be called
// and for nothing else.
#define BOOST_TEST_MODULE openapi
#include <boost/test/unit_test.hpp>

#include <set>

#include <simdjson.h>

#include "schemas/openapi.hpp"
#include "tests/schema_fixture.hpp"

using namespace millrace;
using simdjson::dom::element;

namespace {

/// Calls `visit` with every object below `at`.
template <class Visit>
void for_each_object(element at, Visit visit) {
  if (at.is_object()) {
    visit(at);
    for (const auto field : simdjson::dom::object(at)) for_each_object(field.value, visit);
  } else if (at.is_array()) {
    for (const auto item : simdjson::dom::array(at)) for_each_object(item, visit);
  }
}

/// A parsed document with its parser, which owns the tree.
struct parsed {
  explicit parsed(const schema_model& model) : text(openapi_json(model)) {
    BOOST_REQUIRE(parser.parse(text).get(root) == simdjson::SUCCESS);
  }
  [[nodiscard]] bool has(const std::string& pointer) const {
    return root.at_pointer(pointer).error() == simdjson::SUCCESS;
  }
  [[nodiscard]] std::string at(const std::string& pointer) const {
    element found;
    BOOST_REQUIRE_MESSAGE(root.at_pointer(pointer).get(found) == simdjson::SUCCESS, pointer);
    return simdjson::minify(found);
  }
  std::string text;
  simdjson::dom::parser parser;
  element root;
};

std::string escaped(std::string path) {
  for (auto at = path.find('/'); at != std::string::npos; at = path.find('/', at + 2))
    path.replace(at, 1, "~1");
  return path;
}

void check_document(const schema_model& model) {
  const parsed document(model);
  for_each_object(document.root, [&](element object) {
    std::set<std::string_view> keys;
    for (const auto field : simdjson::dom::object(object)) {
      BOOST_TEST(keys.insert(field.key).second,
                 "the key " + std::string(field.key) + " stands twice");
      std::string_view target;
      if (field.key == "$ref" && field.value.get(target) == simdjson::SUCCESS)
        BOOST_TEST(document.has(std::string(target.substr(1))),
                   "nothing at " + std::string(target));
    }
  });
  std::set<std::string> operations;
  for_each_object(document.root.at_key("paths"), [&](element object) {
    std::string_view id;
    if (object.at_key("operationId").get(id) == simdjson::SUCCESS)
      BOOST_TEST(operations.insert(std::string(id)).second,
                 std::string(id) + " names two operations");
  });
  for (const auto& kind : model.kinds())
    for (const auto& command : kind.commands) {
      if (!command.object) continue;
      const auto actor = kind.name == "plant" ? std::string("/v1/plants/{plant}/")
                                              : "/v1/plants/{plant}/" + kind.collection + "/{id}/";
      BOOST_TEST(document.has("/paths/" + escaped(actor + command.wire_name) + "/post") ==
                     !command.internal,
                 command.wire_name);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_built_in_api_is_described_whole) {
  check_document(schema_model::built_in());
}

BOOST_AUTO_TEST_CASE(a_kind_appears_by_its_schema_alone) {
  const auto loaded = test::load_schema(test::widget_schema);
  check_document(*loaded.model);
  const parsed document(*loaded.model);
  const std::string make =
      "/paths/" + escaped("/v1/plants/{plant}/widgets/{id}/make-widget") + "/post";
  BOOST_TEST(document.at(make + "/x-owner") == "\"erp, mes\"");
  BOOST_TEST(document.at(make + "/x-fact") == "false");
  BOOST_TEST(document.at(make + "/x-creates") == "true");
  BOOST_TEST(document.at(make + "/summary") == "\"Makes a widget.\"");
  BOOST_TEST(document.at(make + "/tags/0") == "\"production\"");
  BOOST_TEST(document.at(make + "/x-refusals/1") == "\"widget.sold\"");
  const std::string sale =
      "/paths/" + escaped("/v1/plants/{plant}/widgets/{id}/report-sale") + "/post";
  BOOST_TEST(document.at(sale + "/x-owner") == "\"any\"");
  BOOST_TEST(document.at(sale + "/x-fact") == "true");
  BOOST_TEST(document.at(sale + "/summary") == "\"Report sale\"");
  BOOST_TEST(!document.has("/paths/" + escaped("/v1/plants/{plant}/widgets/{id}/recount")));
  const std::string list = "/paths/" + escaped("/v1/plants/{plant}/widgets") + "/get/parameters";
  BOOST_TEST(
      document.at(list + "/2") ==
      R"({"name":"life","in":"query","schema":{"type":"string","enum":["created","sold"]}})");
  BOOST_TEST(document.has("/paths/" + escaped("/v1/widgets") + "/get"));
  const std::string schemas = "/components/schemas/";
  BOOST_TEST(document.at(schemas + "widget.MakeWidget/required") ==
             R"(["material","quantity","unit"])");
  BOOST_TEST(document.at(schemas + "widget.MakeWidget/additionalProperties") == "false");
  BOOST_TEST(document.at(schemas + "widget.MakeWidget/properties/quantity/x-exclusive-minimum") ==
             "\"0\"");
  BOOST_TEST(document.at(schemas + "widget.MakeWidget/properties/items/allOf/0/maxItems") == "3");
  BOOST_TEST(document.at(schemas + "widget.WidgetSold/x-event") == "\"production.widget.sold.v1\"");
  BOOST_TEST(document.has(schemas + "widget.Item"));
}

BOOST_AUTO_TEST_CASE(the_platforms_own_routes_are_there) {
  const parsed document(schema_model::built_in());
  for (const char* path : {"/v1/events", "/v1/transactions/{correlation}", "/v1/deadletters",
                           "/v1/endpoints", "/v1/exceptions", "/v1/plants/{plant}/stock",
                           "/v1/plants/{plant}/batches/{id}/genealogy", "/v1/processes"})
    BOOST_TEST(document.has("/paths/" + escaped(path) + "/get"), path);
  BOOST_TEST(document.at("/paths/" + escaped("/healthz") + "/get/security") == "[]");
  BOOST_TEST(document.at("/openapi") == "\"3.1.0\"");
  BOOST_TEST(document.at("/components/securitySchemes/bearer/scheme") == "\"bearer\"");
}
