// layer: schemas
// The evolution gate: this tree's schemas against every release, and each kind of break in a small
// schema.
#define BOOST_TEST_MODULE evolution
#include <boost/test/unit_test.hpp>

#include "schemas/evolution.hpp"
#include "tests/schema_fixture.hpp"

using namespace millrace;

namespace {

std::string joined(const std::vector<finding>& findings) {
  std::string out;
  for (const auto& f : findings) out += f.pointer + ": " + f.detail + "; ";
  return out;
}

/// What the gate says when `from` becomes `to` in the widget schema.
std::string verdict(std::string_view from, std::string_view to) {
  static const auto released = test::compile_schema(test::widget_schema);
  return joined(
      compare_schemas(released, test::compile_schema(test::with(test::widget_schema, from, to))));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_schemas_keep_what_every_release_promised) {
  const auto baselines = std::filesystem::path(MILLRACE_SOURCE_DIR) / "schemas" / "baselines";
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(baselines, absent)) {
    if (entry.path().extension() != ".bfbs") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const bytes released(std::istreambuf_iterator<char>(in), {});
    const auto broken = compare_schemas(released, schema_model::built_in().binary());
    BOOST_TEST(joined(broken) == "", entry.path().filename().string() + ": " + joined(broken));
  }
}

BOOST_AUTO_TEST_CASE(the_built_in_schema_conforms_to_itself) {
  const auto binary = schema_model::built_in().binary();
  BOOST_TEST(joined(compare_schemas(binary, binary)) == "");
}

BOOST_AUTO_TEST_CASE(additions_are_free) {
  const std::pair<const char*, const char*> additions[] = {
      {"last:string (id:7);",
       "last:string (id:7); more:string (id:8); at:millrace.Time (native_inline, id:9);"},
      {"note:string (id:0); }", "note:string (id:0); size:Life (id:1); }"},
      {"sold = 1 }", "sold = 1, scrapped = 2 }"},
      {"union Event { WidgetMade, WidgetSold }",
       "table WidgetLost (event:\"production.widget.lost.v1\") {} union Event { WidgetMade, "
       "WidgetSold, WidgetLost }"},
      {"union Pack { Box, Bag }", "table Crate { a:int (id:0); } union Pack { Box, Bag, Crate }"},
      {"last:string (id:7);", "last:string (id:7, index);"},
      {"/// Makes a widget.", "/// Makes a fine widget."},
      {"owner:\"erp, mes\"", "owner:\"erp,mes\""},
      {"steward:\"the workshop\"", "steward:\"the other workshop\""},
      {"unit:string (id:2, required);", "unit:string (id:2);"}};
  for (const auto& [from, to] : additions)
    BOOST_TEST(verdict(from, to) == "", std::string(to) + " -> " + verdict(from, to));
}

BOOST_AUTO_TEST_CASE(every_break_is_found) {
  struct change {
    const char *from, *to, *words;
  };
  const change cases[] = {
      // fields
      {"  last:string (id:7);\n", "", "/millrace.widget.State/last: was removed (id 7)"},
      {"  flags:[bool] (id:22);\n", "", "/millrace.widget.MakeWidget/flags: was removed"},
      {"last:string (id:7)", "latest:string (id:7)",
       "/millrace.widget.State/last: has lost its id 7 to latest"},
      {"unit:string (id:3);\n  made_at:millrace.Time (native_inline, id:4)",
       "unit:string (id:4);\n  made_at:millrace.Time (native_inline, id:3)",
       "/millrace.widget.State/unit: has lost its id 3"},
      {"small:byte", "small:short", "/millrace.widget.MakeWidget/small: was Byte and is Short"},
      {"tags:[string]", "tags:[Item]",
       "/millrace.widget.MakeWidget/tags: was [String] and is [millrace.widget.Item]"},
      {"sign:Sign = plus (id:5)", "sign:byte = 1 (id:5)",
       "/millrace.widget.MakeWidget/sign: was Byte millrace.widget.Sign"},
      {"parts:[Item]", "parts:[Part]", "/millrace.widget.State/parts: was [millrace.widget.Item]"},
      {"last:string (id:7)", "last:string (id:7, required)",
       "/millrace.widget.State/last: became required"},
      {"flags:[bool] (id:22);", "flags:[bool] (id:22); who:string (id:23, required);",
       "/millrace.widget.MakeWidget/who: is new and required"},
      {"flag:bool = true", "flag:bool", "/millrace.widget.MakeWidget/flag: changed its default"},
      {"maybe:int = null", "maybe:int", "/millrace.widget.MakeWidget/maybe: changed its default"},
      {"sign:Sign = plus", "sign:Sign = minus",
       "/millrace.widget.MakeWidget/sign: changed its default"},
      {"last:string (id:7)", "last:string (id:7, deprecated)",
       "/millrace.widget.State/last: was deprecated"},
      {"material:string (id:0, index)", "material:string (id:0)",
       "/millrace.widget.State/material: is no longer indexed"},
      {"id:2, unit:\"unit\"", "id:2, unit:\"KGM\"",
       "/millrace.widget.State/quantity: unit was \"unit\" and is \"KGM\""},
      {", reference:\"widget\"", "", "/millrace.widget.MakeWidget/material: reference was"},
      {"limit_low:millrace.Decimal (id:5)", "limit_low:millrace.Decimal (native_inline, id:5)",
       "limit_low: native_inline was"},
      // tables
      {"table Part (row:\"parts\") { name:string (id:0); }", "",
       "/millrace.widget.Part: was removed or renamed"},
      {"row:\"parts\"", "row:\"pieces\"", "row was \"parts\" and is \"pieces\""},
      {"owner:\"erp, mes\"", "owner:\"erp\"",
       "/millrace.widget.MakeWidget: owner was \"erp,mes\" and is \"erp\""},
      {"(owner:\"any\", fact)", "(owner:\"any\")", "/millrace.widget.ReportSale: fact was"},
      {"(owner:\"any\", fact)", "(owner:\"any\", fact, signed)",
       "/millrace.widget.ReportSale: signed was"},
      {", creates", "", "/millrace.widget.MakeWidget: creates was"},
      {"production.widget.sold.v1", "production.widget.sold.v2",
       "event was \"production.widget.sold.v1\""},
      {"production.widget.tell.v1", "production.widget.tell.v2", "delivery was"},
      {"collection:\"widgets\"", "collection:\"gadgets\"",
       "/millrace.widget.State: collection was"},
      {"domain:\"production\"", "domain:\"quality\"", "domain was"},
      // enums and unions
      {"sold = 1 }", "bought = 1 }",
       "/millrace.widget.Life/sold: was removed or renamed (number 1)"},
      {"sold = 1 }", "sold = 2 }", "/millrace.widget.Life/sold: had the number 1 and has 2"},
      {"enum Life : ubyte", "enum Life : ushort",
       "/millrace.widget.Life: changed its underlying type"},
      {"exists = 1", "present = 1", "/millrace.widget.Refusal/exists: was removed"},
      {"union Event { WidgetMade, WidgetSold }", "union Event { WidgetSold, WidgetMade }",
       "/millrace.widget.Event/WidgetMade: had the number 1"},
      {"union Event { WidgetMade, WidgetSold }", "union Event { WidgetMade }",
       "/millrace.widget.Event/WidgetSold: was removed"},
      {"union Pack { Box, Bag }", "union Pack { Box, Bag:Item }",
       "/millrace.widget.Pack/Bag: was millrace.widget.Bag"},
      {"union Delivery { TellErp }", "", "/millrace.widget.Delivery: was removed"}};
  for (const auto& [from, to, words] : cases) {
    const auto found = verdict(from, to);
    BOOST_TEST(found.find(words) != std::string::npos,
               std::string(from) + " => " + to + " -> " + found);
  }
}

BOOST_AUTO_TEST_CASE(structs_do_not_grow) {
  const std::string before =
      "namespace millrace; struct Point { x:int; y:int; } table Place { at:Point (id:0); }";
  const auto released = test::compile_schema(before);
  const auto grown = test::compile_schema(test::with(before, "y:int;", "y:int; z:int;"));
  const auto turned = test::compile_schema(test::with(before, "x:int; y:int;", "y:int; x:int;"));
  const auto loose = test::compile_schema(test::with(before, "struct Point", "table Point"));
  BOOST_TEST(joined(compare_schemas(released, grown))
                 .find("/millrace.Point: is a struct and changed its layout") != std::string::npos);
  BOOST_TEST(
      joined(compare_schemas(released, turned)).find("/millrace.Point/x: has lost its id 0 to y") !=
      std::string::npos);
  BOOST_TEST(joined(compare_schemas(released, loose)).find("changed between table and struct") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_baseline_is_named) {
  const auto current = schema_model::built_in().binary();
  BOOST_TEST(joined(compare_schemas(bytes(100, 7), current)) ==
             "/released: is not a binary schema; ");
  BOOST_TEST(joined(compare_schemas(current, bytes())) == "/current: is not a binary schema; ");
}
