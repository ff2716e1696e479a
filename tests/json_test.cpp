// layer: schemas
// JSON into tables and back: what is good comes back the same, what is bad is named at its place.
#define BOOST_TEST_MODULE json
#include <boost/test/unit_test.hpp>

#include <flatbuffers/reflection.h>

#include <random>

#include "schemas/json.hpp"
#include "tests/schema_fixture.hpp"

using namespace millrace;

namespace {

const test::loaded_schema& widget() {
  static const auto loaded = test::load_schema(test::widget_schema);
  return loaded;
}
const table_model& make_widget() { return *widget().model->kind("widget")->command("make-widget"); }

result<bytes> read(std::string_view json) {
  return json_to_table(*widget().model, make_widget(), json);
}

std::string write(bytes_view table) {
  std::string out;
  table_to_json(*widget().model, make_widget(), table, out);
  return out;
}

/// "code pointer: detail; pointer: detail".
std::string refusal(std::string_view json) {
  const auto made = read(json);
  if (made) return "accepted";
  std::string out = made.error().code;
  for (const auto& f : made.error().findings) out += " " + f.pointer + ": " + f.detail;
  return out;
}

/// A good body with `more` appended inside its object.
std::string body(std::string_view more) {
  return R"({"material":"M","quantity":"1","unit":"EA")" + std::string(more) + "}";
}

bool is_refused_with(std::string_view json, std::string_view words) {
  const auto answer = refusal(json);
  const bool matches = answer.find(words) != std::string::npos;
  if (!matches) BOOST_TEST_MESSAGE(std::string(json.substr(0, 120)) + " -> " + answer);
  return matches;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_full_body_comes_back_in_the_schemas_order) {
  const std::string json =
      R"({"material":"M-1","quantity":"12.5","unit":"KGM","note":"a\"b\\\nö","items":[{"name":"x","count":3,"items":[]},)"
      R"({"name":"y","count":1,"items":[{"name":"z","count":7,"items":[]}]}],"sign":"minus","small":-128,)"
      R"("big":18446744073709551615,"ratio":0.25,"flag":false,"at":"2026-11-24T08:00:00Z","low":"0","tags":["a",""],)"
      R"("weights":["1","-2.5"],"digest":"00112233445566778899aabbccddeeff","digests":["ffffffffffffffff0000000000000001"],)"
      R"("maybe":0,"box":{"Box":{"weight":"3"}},"signs":["plus","minus"],"numbers":[0,65535],)"
      R"("times":["2026-11-24T08:00:00.5Z"],"flags":[true,false]})";
  BOOST_TEST(refusal(json) == "accepted");
  const auto made = read(json);
  BOOST_REQUIRE(made);
  BOOST_TEST(write(*made) == json);
  BOOST_TEST(verify_table(*widget().model, make_widget(), *made));
  const auto* object = make_widget().object;
  BOOST_TEST(flatbuffers::Verify(widget().model->schema(), *object, made->data(), made->size()));
}

BOOST_AUTO_TEST_CASE(one_field_reads_as_it_does_in_the_whole) {
  const auto made = read(
      body(R"(,"note":"a\"b\\\nö","items":[{"name":"x","count":3}],"sign":"minus","small":-128,)"
           R"("big":18446744073709551615,"ratio":0.25,"flag":false,"at":"2026-11-24T08:00:00Z",)"
           R"("digest":"00112233445566778899aabbccddeeff","box":{"Box":{"weight":"3"}})"));
  BOOST_REQUIRE(made);
  const auto text = [&](std::string_view pointer) {
    return field_text(make_widget(), *made, pointer).value_or("takes the JSON");
  };
  BOOST_TEST(text("/material") == "M");
  BOOST_TEST(text("/quantity") == "1");
  BOOST_TEST(text("/note") == "a\"b\\\nö");
  BOOST_TEST(text("/sign") == "minus");
  BOOST_TEST(text("/small") == "-128");
  BOOST_TEST(text("/big") == "18446744073709551615");
  BOOST_TEST(text("/ratio") == "0.25");
  BOOST_TEST(text("/flag") == "false");
  BOOST_TEST(text("/at") == "2026-11-24T08:00:00Z");
  BOOST_TEST(text("/digest") == "00112233445566778899aabbccddeeff");
  BOOST_TEST(text("/maybe").empty());
  BOOST_TEST(text("/nothing").empty());
  BOOST_TEST(text("/material/deeper").empty());
  BOOST_TEST(text("").empty());
  BOOST_TEST(text("/items/0/name") == "takes the JSON");
  BOOST_TEST(text("/box/Box/weight") == "takes the JSON");
}

BOOST_AUTO_TEST_CASE(a_small_body_is_given_its_defaults) {
  const auto made = read(body(""));
  BOOST_REQUIRE(made);
  BOOST_TEST(
      write(*made) ==
      R"({"material":"M","quantity":"1","unit":"EA","items":[],"sign":"plus","small":0,"big":0,"ratio":0,"flag":true,)"
      R"("tags":[],"weights":[],"digests":[],"signs":[],"numbers":[],"times":[],"flags":[]})");
}

BOOST_AUTO_TEST_CASE(quantities_come_as_strings_or_numbers_and_stay_exact) {
  for (const auto* given : {"12.345678", "\"12.345678\"", "12345678e-6", "1.2345678E1"}) {
    const auto made = read(std::string(R"({"material":"M","unit":"EA","quantity":)") + given + "}");
    BOOST_REQUIRE_MESSAGE(made, given);
    BOOST_TEST(write(*made).find(R"("quantity":"12.345678")") != std::string::npos);
  }
  const auto large = read(R"({"material":"M","unit":"EA","quantity": 9007199254740.993123 })");
  BOOST_REQUIRE(large);
  BOOST_TEST(write(*large).find("\"9007199254740.993123\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(keys_may_be_escaped_and_in_any_order) {
  BOOST_TEST(refusal(R"({"un\u0069t":"EA","quantity":1,"material":"\u004d"})") == "accepted");
  BOOST_TEST(
      refusal(" \n\t{ \"unit\" : \"EA\" , \"quantity\" : 1 , \"material\" : \"M\" } \r\n ") ==
      "accepted");
}

BOOST_AUTO_TEST_CASE(what_is_not_json_is_said_to_be_that) {
  for (const char* json : {"",
                           " ",
                           "{",
                           "}",
                           "{\"material\"",
                           "{\"material\":}",
                           "{\"material\":\"M\",}",
                           "{material:\"M\"}",
                           "{'material':'M'}",
                           "nul",
                           "tru",
                           "{}x",
                           "{}{}",
                           "[1,2",
                           "{\"small\":01}",
                           "{\"small\":+1}",
                           "{\"small\":1.}",
                           "{\"small\":.5}",
                           "{\"flag\":True}",
                           "{\"flag\":truex}",
                           "{\"ratio\":NaN}",
                           "{\"ratio\":Infinity}",
                           "{\"ratio\":-}",
                           "{\"ratio\":1e}",
                           "{\"nobody\":01}",
                           "{\"nobody\":[1,]}",
                           "{\"nobody\":{\"a\" 1}}",
                           "{\"nobody\":nulll}",
                           "{\"note\":\"a\nb\"}",
                           "{\"note\":\"\\x\"}",
                           "{\"note\":\"\\u12\"}",
                           "{\"note\":\"a}",
                           "\xef\xbb\xbf{}",
                           "01",
                           "-",
                           "[tru]",
                           "{\"a\":1 \"b\":2}",
                           "{,}",
                           "{\"a\"::1}",
                           "[1 2]",
                           "\"a\" 1"})
    BOOST_TEST(refusal(json).starts_with("request.not_json"),
               std::string(json) + " -> " + refusal(json));
}

BOOST_AUTO_TEST_CASE(bad_utf8_and_lone_surrogates_are_refused) {
  BOOST_TEST(refusal("{\"note\":\"\xff\"}") == "request.not_utf8");
  BOOST_TEST(refusal("{\"note\":\"\xed\xa0\x80\"}") == "request.not_utf8");
  BOOST_TEST(refusal("{\"note\":\"\xc0\xaf\"}") == "request.not_utf8");
  for (const char* escape : {"\\ud800", "\\ud800x", "\\udc00", "\\ud800\\u0041"})
    BOOST_TEST(refusal(body(R"(,"note":")" + std::string(escape) + "\"")) != "accepted", escape);
  BOOST_TEST(refusal(body(R"(,"note":"\ud83c\udfed")")) == "accepted");
}

BOOST_AUTO_TEST_CASE(depth_ends_at_32) {
  const auto nested = [](std::size_t levels) {
    std::string open, close;
    for (std::size_t i = 0; i < levels - 1; ++i) open += "[", close += "]";
    return "{\"nobody\":" + open + close + "}";
  };
  BOOST_TEST(is_refused_with(nested(32), "request.invalid /nobody: unknown field"));
  BOOST_TEST(refusal(nested(33)) == "request.too_deep");
  BOOST_TEST(refusal(nested(100'000)) == "request.too_deep");
  BOOST_TEST(refusal(std::string(100'000, '[')) != "accepted");
  std::string items = R"({"name":"x"})";
  for (int i = 0; i < 20; ++i) items = R"({"name":"x","items":[)" + items + "]}";
  BOOST_TEST(refusal(body(R"(,"items":[)" + items + "]")) == "request.too_deep");
}

BOOST_AUTO_TEST_CASE(a_doubled_key_is_refused_alone) {
  BOOST_TEST(refusal(R"({"small":"x","material":"M","material":"N"})") == "request.duplicate_key");
  BOOST_TEST(refusal(R"({"material":"M","m\u0061terial":"N"})") == "request.duplicate_key");
  BOOST_TEST(refusal(R"({"small":"x","small":1})") == "request.duplicate_key");
  BOOST_TEST(refusal(body(R"(,"items":[{"name":"a","name":"b"}])")) == "request.duplicate_key");
}

BOOST_AUTO_TEST_CASE(findings_carry_their_pointer) {
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "request.invalid : must be an object"},
      {"null", "request.invalid : must be an object"},
      {"1.5e3", "request.invalid : must be an object"},
      {"\"a\"", "request.invalid : must be an object"},
      {"{}", "request.invalid /material: is required /quantity: is required /unit: is required"},
      {body(R"(,"a/b~c":1)"), "/a~1b~0c: unknown field"},
      {body(R"(,"note":null)"), "/note: is null"},
      {body(R"(,"note":1)"), "/note: must be a string"},
      {body(R"(,"note":"12345678901")"), "/note: is longer than 10 bytes"},
      {body(R"(,"items":{})"), "/items: must be an array"},
      {body(R"(,"items":[{"name":"a"},{}])"), "/items/1/name: is required"},
      {body(R"(,"items":[{"name":"a","items":[{"name":"b","count":0}]}])"),
       "/items/0/items/0/count: must be at least 1"},
      {body(R"(,"items":[1])"), "/items/0: must be an object"},
      {body(R"(,"items":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}])"),
       "/items: has more than 3 items"},
      {body(R"(,"items":[{"name":""}])"), "/items/0/name: id.invalid"},
      {body(R"(,"items":[{"name":"a\u0000"}])"), "/items/0/name: id.invalid"},
      {body(R"(,"items":[{"name":"o\u0308"}])"), "/items/0/name: id.invalid"},
      {body(R"(,"sign":"times")"), "/sign: \"times\" is none of minus, plus"},
      {body(R"(,"sign":1)"), "/sign: must be a string"},
      {body(R"(,"small":128)"), "/small: is out of range"},
      {body(R"(,"small":1.0)"), "/small: must be a whole number"},
      {body(R"(,"small":"1")"), "/small: must be a number"},
      {body(R"(,"big":-1)"), "/big: is out of range"},
      {body(R"(,"big":18446744073709551616)"), "/big: is out of range"},
      {body(R"(,"flag":"true")"), "/flag: must be true or false"},
      {body(R"(,"ratio":1e999)"), "/ratio: is out of range"},
      {body(R"(,"at":"yesterday")"), "/at: time.syntax"},
      {body(R"(,"at":1)"), "/at: must be a string"},
      {body(R"(,"low":true)"), "/low: must be a decimal"},
      {body(R"(,"low":"1e3")"), "/low: decimal.syntax"},
      {body(R"(,"low":0.0000001)"), "/low: decimal.scale"},
      {body(R"(,"low":1e40)"), "/low: decimal.range"},
      {body(R"(,"digest":"xyz")"), "/digest: must be 32 hexadecimal digits"},
      {body(R"(,"box":{"Crate":{}})"), "/box/Crate: unknown member"},
      {body(R"(,"box":{})"), "/box: has no member"},
      {body(R"(,"box":{"Bag":{},"Box":{}})"), "only one member"},
      {body(R"(,"box":{"Bag":{"weight":"1"}})"), "/box/Bag/weight: unknown field"},
      {body(R"(,"numbers":[65536])"), "/numbers/0: is out of range"},
      {R"({"material":"M","quantity":"0","unit":"EA"})", "/quantity: must be greater than 0"},
      {R"({"material":"M","quantity":-1,"unit":"EA"})", "/quantity: must be greater than 0"},
      {R"({"material":"M","quantity":"1","unit":"PIECES"})", "/unit: unknown unit \"PIECES\""},
      {R"({"material":"","quantity":"1","unit":"EA"})", "/material: id.invalid"}};
  for (const auto& [json, words] : cases) BOOST_TEST(is_refused_with(json, words), json);
}

BOOST_AUTO_TEST_CASE(all_findings_come_at_once_but_no_more_than_20) {
  BOOST_TEST(refusal(R"({"small":999,"flag":1,"quantity":"x","extra":{}})") ==
             "request.invalid /small: is out of range /flag: must be true or false /quantity: "
             "decimal.syntax: \"x\" is not a "
             "decimal with at most six fractional digits within +-9223372036854.775807 /extra: "
             "unknown field "
             "/material: is required /unit: is required");
  std::string many = "{";
  for (int i = 0; i < 50; ++i) many += "\"x" + std::to_string(i) + "\":1,";
  many.back() = '}';
  const auto made = read(many);
  BOOST_REQUIRE(!made);
  BOOST_TEST(made.error().findings.size() == 20u);
  // What is not JSON behind the findings still decides.
  BOOST_TEST(refusal(R"({"small":999,"flag":tru})") == "request.not_json");
}

BOOST_AUTO_TEST_CASE(a_refused_body_leaves_nothing_behind_for_the_next) {
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(refusal(R"({"items":[{"name":"a","items":[{"name":)") == "request.not_json");
    BOOST_TEST(refusal(body(R"(,"items":[{"name":"a","count":0}])")) != "accepted");
    const auto made = read(body(""));
    BOOST_REQUIRE(made);
    BOOST_TEST(verify_table(*widget().model, make_widget(), *made));
  }
}

BOOST_AUTO_TEST_CASE(a_large_body_grows_the_parser) {
  std::string tags = ",\"note\":\"n\",\"numbers\":[";
  for (int i = 0; i < 50'000; ++i) tags += std::to_string(i) + ",";
  tags.back() = ']';
  const auto made = read(body(tags));
  BOOST_REQUIRE(made);
  BOOST_TEST(verify_table(*widget().model, make_widget(), *made));
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_body_is_not_json) {
  const auto whole = body(R"(,"items":[{"name":"x","count":3}],"ratio":1.5,"flag":true)");
  for (std::size_t length = 0; length < whole.size(); ++length)
    BOOST_TEST(refusal(whole.substr(0, length)) == "request.not_json", whole.substr(0, length));
}

BOOST_AUTO_TEST_CASE(a_damaged_table_is_never_taken_for_a_good_one) {
  const auto made = read(body(
      R"(,"note":"n","items":[{"name":"x","count":3}],"tags":["a"],"weights":["1"],"box":{"Bag":{"note":"b"}})"));
  BOOST_REQUIRE(made);
  const auto& model = *widget().model;
  constexpr std::size_t padding_max = 8;  // nobody misses it
  for (std::size_t length = 0; length + padding_max < made->size(); ++length)
    BOOST_TEST(!verify_table(model, make_widget(), bytes_view(made->data(), length)));
  std::mt19937 random(7);
  std::size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = *made;
    for (int n = 0; n < 1 + round % 3; ++n)
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    if (!verify_table(model, make_widget(), damaged)) continue;
    ++accepted;
    // What we accept, the reference verifier accepts as well, and it can be written.
    BOOST_REQUIRE(
        flatbuffers::Verify(model.schema(), *make_widget().object, damaged.data(), damaged.size()));
    BOOST_REQUIRE(!write(damaged).empty());
  }
  BOOST_TEST(accepted > 0u);
}

BOOST_AUTO_TEST_CASE(enums_out_of_range_and_bad_text_do_not_verify) {
  const auto made = read(body(R"(,"note":"QQQQ","sign":"minus")"));
  BOOST_REQUIRE(made);
  auto bad_text = *made;
  const std::string_view all(reinterpret_cast<const char*>(bad_text.data()), bad_text.size());
  bad_text[all.find("QQQQ")] = 0xff;
  BOOST_TEST(!verify_table(*widget().model, make_widget(), bad_text));
  auto bad_enum = *made;
  auto* root = flatbuffers::GetMutableRoot<flatbuffers::Table>(bad_enum.data());
  const auto* sign = make_widget().object->fields()->LookupByKey("sign");
  BOOST_REQUIRE(root->SetField<std::int8_t>(sign->offset(), 9, 1));
  BOOST_TEST(!verify_table(*widget().model, make_widget(), bad_enum));
}

BOOST_AUTO_TEST_CASE(strings_are_escaped) {
  std::string out;
  append_json_string(std::string_view("a\"\\\b\f\n\r\t\x01\x7f/\0z", 13), out);
  BOOST_TEST(out == "\"a\\\"\\\\\\u0008\\u000c\\n\\r\\t\\u0001\x7f/\\u0000z\"");
}

BOOST_AUTO_TEST_CASE(the_published_exchange_is_read_by_the_built_in_schemas) {
  struct call {
    const char *collection, *command, *json;
  };
  const call calls[] = {
      {"plants", "commission", R"({"region":"eu","time_zone":"Europe/Berlin"})"},
      {"materials", "define", R"({"revision":"A","base_unit":"EA"})"},
      {"materials", "define",
       R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010","work_center":"WC-1",)"
       R"("description":"Assemble"},{"operation":"0020","work_center":"WC-2","description":"Test"}],)"
       R"("components":[{"material":"HOUSING","quantity":"1","unit":"EA","operation":"0010"}]})"},
      {"materials", "set-inspection-plan",
       R"({"plan":"IP-7","revision":"1","characteristics":[{"name":"pressure","lower":"9.5","upper":"10.5",)"
       R"("unit":"BAR"}]})"},
      {"batches", "receive",
       R"({"material":"HOUSING","quantity":"100","unit":"EA","supplier":"ACME","supplier_lot":"L-17"})"},
      {"orders", "create",
       R"({"material":"PUMP-100","revision":"A","quantity":"10","unit":"EA","due":"2026-12-01T00:00:00Z"})"},
      {"orders", "request-release", R"({})"},
      {"orders", "confirm-operation",
       R"({"confirmation":"C-1","operation":"0010","yield":"10","scrap":"0","unit":"EA","final":true,)"
       R"("occurred_at":"2026-11-24T08:00:00Z"})"},
      {"orders", "report-consumption",
       R"({"report":"G-1","operation":"0010","material":"HOUSING","batch":"HSG-0001","quantity":"10","unit":"EA"})"},
      {"orders", "report-production",
       R"({"report":"P-1","batch":"PMP-0001","quantity":"10","unit":"EA"})"},
      {"inspections", "create", R"({"batch":"PMP-0001","plan":"IP-7"})"},
      {"inspections", "create", R"({"batch":"PMP-0001","plan":"IP-7","retest_of":"IL-1"})"},
      {"inspections", "record-result",
       R"({"characteristic":"pressure","value":"11.2","unit":"BAR"})"},
      {"inspections", "decide-usage", R"({"decision":"reject"})"},
      {"inspections", "decide-usage", R"({"decision":"accept"})"},
      {"shipments", "plan",
       R"({"customer":"C-77","items":[{"item":"10","material":"PUMP-100","quantity":"5","unit":"EA"}]})"},
      {"shipments", "allocate", R"({"item":"10","batch":"PMP-0001","quantity":"5","unit":"EA"})"},
      {"shipments", "pick", R"({})"},
      {"shipments", "ship", R"({})"},
      {"batches", "place-hold", R"({"hold":"H-9","type":"quality","reason":"visual defect"})"},
      {"batches", "release-hold", R"({"hold":"H-9","reason":"looks fine"})"}};
  const auto& model = schema_model::built_in();
  for (const auto& [collection, name, json] : calls) {
    const auto* kind = model.collection(collection);
    BOOST_REQUIRE_MESSAGE(kind, collection);
    const auto* command = kind->command(name);
    BOOST_REQUIRE_MESSAGE(command, std::string(collection) + " " + name);
    const auto made = json_to_table(model, *command, json);
    BOOST_TEST(made.has_value(), std::string(collection) + " " + name);
    if (!made)
      for (const auto& f : made.error().findings) BOOST_TEST_MESSAGE(f.pointer + ": " + f.detail);
    if (made) BOOST_TEST(verify_table(model, *command, *made));
  }
}
