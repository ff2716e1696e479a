// layer: schemas
// The canonical hash sees what a table says and nothing of how its bytes lie.
#define BOOST_TEST_MODULE canonical
#include <boost/test/unit_test.hpp>

#include <flatbuffers/reflection.h>

#include <set>

#include "schemas/canonical.hpp"
#include "schemas/json.hpp"
#include "tests/schema_fixture.hpp"

using namespace millrace;

namespace {

hash128 hash_of(const schema_model& model, std::string_view json) {
  const auto& type = *model.kind("widget")->command("make-widget");
  const auto made = json_to_table(model, type, json);
  BOOST_REQUIRE_MESSAGE(made, std::string(json));
  return canonical_hash(model, type, *made);
}

const schema_model& widget() {
  static const auto loaded = test::load_schema(test::widget_schema);
  return *loaded.model;
}

std::string body(std::string_view more) {
  return R"({"material":"M","quantity":"1","unit":"EA")" + std::string(more) + "}";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_order_of_building_does_not_count) {
  BOOST_TEST(
      (hash_of(widget(), body(R"(,"note":"n","small":3)")) ==
       hash_of(widget(), R"({"small":3,"note":"n","unit":"EA","quantity":1,"material":"M"})")));
}

BOOST_AUTO_TEST_CASE(an_untidy_buffer_hashes_as_a_tidy_one) {
  const auto& type = *widget().kind("widget")->event(1);
  const auto slot = [&type](const char* name) {
    return type.object->fields()->LookupByKey(name)->offset();
  };
  const auto build = [&](bool is_untidy) {
    flatbuffers::FlatBufferBuilder builder;
    if (is_untidy) builder.CreateString("nobody points here");
    const auto material = builder.CreateString("M");
    const auto start = builder.StartTable();
    builder.AddOffset(slot("material"), material);
    const std::int64_t zero = 0;
    if (is_untidy) builder.AddStruct(slot("quantity"), &zero);
    builder.Finish(flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start)));
    return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  };
  const auto tidy = build(false), untidy = build(true);
  BOOST_TEST(tidy.size() != untidy.size());
  BOOST_REQUIRE(verify_table(widget(), type, untidy));
  BOOST_TEST((canonical_hash(widget(), type, tidy) == canonical_hash(widget(), type, untidy)));
}

BOOST_AUTO_TEST_CASE(defaults_and_empty_values_count_as_absent) {
  for (const char* more : {R"(,"flag":true)", R"(,"sign":"plus")", R"(,"small":0)", R"(,"tags":[])",
                           R"(,"note":"")", R"(,"ratio":0.0)", R"(,"big":0,"items":[])"})
    BOOST_TEST((hash_of(widget(), body(more)) == hash_of(widget(), body(""))), more);
}

BOOST_AUTO_TEST_CASE(every_difference_in_meaning_shows) {
  const char* different[] = {"",
                             R"(,"flag":false)",
                             R"(,"sign":"minus")",
                             R"(,"small":1)",
                             R"(,"small":-1)",
                             R"(,"big":1)",
                             R"(,"ratio":1)",
                             R"(,"tags":[""])",
                             R"(,"tags":["",""])",
                             R"(,"tags":["ab"])",
                             R"(,"tags":["a","b"])",
                             R"(,"note":"ab")",
                             R"(,"items":[{"name":"a"}])",
                             R"(,"items":[{"name":"a","items":[{"name":"b"}]}])",
                             R"(,"items":[{"name":"a"},{"name":"b"}])",
                             R"(,"low":"0")",
                             R"(,"low":"1")",
                             R"(,"maybe":0)",
                             R"(,"maybe":1)",
                             R"(,"box":{"Box":{}})",
                             R"(,"box":{"Bag":{}})",
                             R"(,"box":{"Bag":{"note":"x"}})",
                             R"(,"at":"2026-11-24T08:00:00Z")",
                             R"(,"weights":["1"])",
                             R"(,"weights":["0","1"])",
                             R"(,"digest":"00000000000000000000000000000001")",
                             R"(,"signs":["plus"])",
                             R"(,"numbers":[1])",
                             R"(,"flags":[true])",
                             R"(,"flags":[false])",
                             R"(,"digests":["00000000000000010000000000000000"])"};
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (const auto* more : different) {
    const auto hash = hash_of(widget(), body(more));
    BOOST_TEST(seen.insert({hash.hi, hash.lo}).second, more);
  }
}

BOOST_AUTO_TEST_CASE(an_appended_field_leaves_old_hashes_as_they_were) {
  const auto later = test::load_schema(
      test::with(test::widget_schema, "flags:[bool] (id:22);",
                 "flags:[bool] (id:22); more:string (id:23); count:int = 7 (id:24);"));
  const auto json = body(R"(,"note":"n","items":[{"name":"a","count":2}])");
  BOOST_TEST((hash_of(*later.model, json) == hash_of(widget(), json)));
}

BOOST_AUTO_TEST_CASE(the_hash_is_the_same_in_every_release) {
  const auto hash = hash_of(
      widget(),
      body(
          R"(,"note":"n","items":[{"name":"a","count":2}],"ratio":0.5,"at":"2026-11-24T08:00:00Z")"));
  BOOST_TEST(hash.hi == 16899368997405393477u);
  BOOST_TEST(hash.lo == 106675938243191615u);
}
