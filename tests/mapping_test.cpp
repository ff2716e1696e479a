// layer: nodes
// Mappings: what is refused at load, how templates render, and the golden cases of every mapping in
// config/mappings.
#define BOOST_TEST_MODULE mapping
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "nodes/adapters/mapping.hpp"
#include "schemas/model.hpp"

using namespace millrace;

namespace {

std::string with_body(const std::string& body, const std::string& more = "") {
  return R"({"mapping":"m","version":1,"constants":{"plant":"1000"},"tables":{"units":{"EA":"ST"}},)" +
         more + R"("deliveries":{"t.v1":{"path":"/x","body":)" + body + "}}}";
}

json_value envelope() {
  return *json_value::parse(
      R"({"id":"msg_1","type":"t.v1","plant":"hamburg","data":{"order":"42","quantity":"10.50","unit":"EA",
    "empty":"","list":[{"n":"1","lots":["a","b"]},{"n":"2"}]}})");
}

std::string rendered(const std::string& body) {
  const auto map = mapping::load(with_body(body));
  BOOST_REQUIRE_MESSAGE(map, body << (map ? "" : map.error().detail));
  const auto out = (*map)->apply(envelope());
  return out ? out->body : out.error().code;
}

std::string load_error(const std::string& text) {
  const auto map = mapping::load(text);
  BOOST_REQUIRE(!map);
  BOOST_TEST(map.error().code == "config.invalid");
  return map.error().findings.empty() ? "" : map.error().findings.front().pointer;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_come_from_the_message) {
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/order"}})") == R"({"a":"42"})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/order","pad":6}})") == R"({"a":"000042"})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/quantity","number":true}})") == R"({"a":10.5})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/unit","table":"units"}})") == R"({"a":"ST"})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/order","table":"units","keep":true}})") ==
             R"({"a":"42"})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/order","table":"units","default":"?"}})") ==
             R"({"a":"?"})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/none","optional":true},"b":1})") == R"({"b":1})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/none","default":null}})") == R"({"a":null})");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/empty","or":"/data/unit"}})") == R"({"a":"EA"})");
  BOOST_TEST(rendered(R"({"a":{"$const":"plant"},"b":{"$text":"{/plant}-{/data/order}"}})") ==
             R"({"a":"1000","b":"hamburg-42"})");
}

BOOST_AUTO_TEST_CASE(lists_are_rendered_item_by_item) {
  BOOST_TEST(
      rendered(
          R"({"l":{"$each":"/data/list","do":{"n":{"$from":"@/n"},"o":{"$from":"/data/order"}}}})") ==
      R"({"l":[{"n":"1","o":"42"},{"n":"2","o":"42"}]})");
  BOOST_TEST(
      rendered(R"({"l":{"$each":"/data/list","do":{"$each":"@/lots","do":{"$from":"@"}}}})") ==
      R"({"l":[["a","b"],[]]})");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_said_is_an_error_of_its_own) {
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/none"}})") == "mapping.missing");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/order","table":"units"}})") == "mapping.no_code");
  BOOST_TEST(rendered(R"({"a":{"$from":"/data/unit","number":true}})") == "mapping.not_a_number");
  BOOST_TEST(rendered(R"({"a":{"$each":"/data/order","do":1}})") == "mapping.not_a_list");
  const auto map = mapping::load(with_body("1"));
  BOOST_REQUIRE(map);
  auto other = envelope();
  other.set("type", "unknown.v1");
  BOOST_TEST((*map)->apply(other).error().code == "mapping.no_delivery");
  BOOST_TEST(rendered('"' + std::string(1 << 20, 'x') + '"') == "mapping.too_large");
}

BOOST_AUTO_TEST_CASE(paths_are_encoded_and_cannot_climb) {
  const auto map = mapping::load(
      R"({"mapping":"m","version":1,"deliveries":{"*":{"path":"/o/{/data/id}/x","body":1}}})");
  BOOST_REQUIRE(map);
  const auto path = [&](const char* id) {
    auto message = json_value::make_object({{"type", "any"}});
    message.set("data", json_value::make_object({{"id", id}}));
    return (*map)->apply(message)->path;
  };
  BOOST_TEST(path("a b/c?d") == "/o/a%20b%2Fc%3Fd/x");
  BOOST_TEST(path("..") == "/o/%2E%2E/x");
  BOOST_TEST(path("Mü") == "/o/M%C3%BC/x");
}

BOOST_AUTO_TEST_CASE(a_wrong_mapping_is_refused_with_its_place) {
  BOOST_TEST(load_error("[]") == "/mapping");
  BOOST_TEST(load_error("{") == "");
  BOOST_TEST(load_error(R"({"version":1,"deliveries":{"*":{"path":"/x","body":1}}})") ==
             "/mapping");
  BOOST_TEST(
      load_error(R"({"mapping":"m","version":0,"deliveries":{"*":{"path":"/x","body":1}}})") ==
      "/version");
  BOOST_TEST(load_error(R"({"mapping":"m","version":1})") == "/deliveries");
  BOOST_TEST(
      load_error(R"({"mapping":"m","version":1,"deliveries":{"a":{"path":"x","body":1}}})") ==
      "/deliveries/a/path");
  BOOST_TEST(
      load_error(R"({"mapping":"m","version":1,"deliveries":{"a":{"path":"/{x}","body":1}}})") ==
      "/deliveries/a/path");
  BOOST_TEST(
      load_error(R"({"mapping":"m","version":1,"deliveries":{"a":{"path":"/x?y=1","body":1}}})") ==
      "/deliveries/a/path");
  BOOST_TEST(load_error(R"({"mapping":"m","version":1,"deliveries":{"a":{"path":"/x"}}})") ==
             "/deliveries/a/body");
  BOOST_TEST(
      load_error(
          R"({"mapping":"m","version":1,"deliveries":{"a":{"method":"GET","path":"/x","body":1}}})") ==
      "/deliveries/a/method");
  BOOST_TEST(load_error(with_body(R"({"a":{"$form":"/x"}})")) == "/deliveries/t.v1/body/a/$form");
  BOOST_TEST(load_error(with_body(R"({"a":{"$from":"x"}})")) == "/deliveries/t.v1/body/a/$from");
  BOOST_TEST(load_error(with_body(R"({"a":{"$from":"@/x"}})")) == "/deliveries/t.v1/body/a/$from");
  BOOST_TEST(load_error(with_body(R"({"a":{"$from":"/x","tabel":"units"}})")) ==
             "/deliveries/t.v1/body/a/tabel");
  BOOST_TEST(load_error(with_body(R"({"a":{"$from":"/x","table":"none"}})")) ==
             "/deliveries/t.v1/body/a/table");
  BOOST_TEST(load_error(with_body(R"({"a":{"$const":"none"}})")) ==
             "/deliveries/t.v1/body/a/$const");
  BOOST_TEST(load_error(with_body(R"({"a":{"$each":"/x"}})")) == "/deliveries/t.v1/body/a/do");
  BOOST_TEST(load_error(with_body("1", R"("extra":1,)")) == "/extra");
}

BOOST_AUTO_TEST_CASE(the_canonical_mapping_hands_the_envelope_on) {
  const auto out = mapping::canonical()->apply(envelope());
  BOOST_REQUIRE(out);
  BOOST_TEST(out->path == "/inbox");
  BOOST_TEST(out->method == "POST");
  BOOST_TEST(out->document_pointer == "/document");
  BOOST_CHECK(*json_value::parse(out->body) == envelope());
}

BOOST_AUTO_TEST_CASE(every_mapping_has_golden_cases_and_meets_them) {
  const std::filesystem::path folder =
      std::filesystem::path(MILLRACE_SOURCE_DIR) / "config" / "mappings";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    const auto map = mapping::load_file(entry.path().string());
    BOOST_REQUIRE_MESSAGE(map, entry.path() << ": " << (map ? "" : map.error().detail));
    const auto golden = folder / "golden" / entry.path().filename();
    const auto parsed = json_value::parse(text_of(golden));
    BOOST_REQUIRE_MESSAGE(parsed, golden << " is missing or not JSON");
    BOOST_REQUIRE(!parsed->items().empty());
    for (const auto& one : parsed->items()) {
      const auto out = (*map)->apply(*one.find("envelope"));
      BOOST_REQUIRE_MESSAGE(
          out, golden << " " << one.text("case") << ": " << (out ? "" : out.error().detail));
      BOOST_TEST(out->path == one.text("path"), one.text("case"));
      BOOST_TEST(out->body == one.find("body")->dump(), one.text("case"));
    }
  }
  BOOST_TEST(files >= 3u);
}

BOOST_AUTO_TEST_CASE(mappings_speak_of_deliveries_that_exist) {
  const auto& model = schema_model::built_in();
  const auto exists = [&](const std::string& type) {
    for (const auto& kind : model.kinds())
      for (const auto& delivery : kind.deliveries)
        if (delivery.wire_name == type) return true;
    return false;
  };
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(MILLRACE_SOURCE_DIR) / "config" / "mappings")) {
    if (entry.path().extension() != ".json") continue;
    const auto document = json_value::parse(text_of(entry.path()));
    BOOST_REQUIRE(document);
    for (const auto& [type, rule] : document->find("deliveries")->members())
      BOOST_TEST(exists(type), entry.path() << " names " << type);
  }
}
