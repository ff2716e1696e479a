// layer: schemas
// The model of the program's own schemas, and every contradiction that a schema's attributes can
// have.
#define BOOST_TEST_MODULE model
#include <boost/test/unit_test.hpp>

#include "schemas/json.hpp"
#include "tests/schema_fixture.hpp"

using namespace millrace;

namespace {

/// All findings about the widget schema with `from` made `to`, as "pointer: detail; ".
std::string findings(std::string_view from, std::string_view to) {
  const auto binary = test::compile_schema(test::with(test::widget_schema, from, to));
  const auto loaded = schema_model::load(binary);
  if (loaded) return "accepted";
  std::string out;
  for (const auto& f : loaded.error().findings) out += f.pointer + ": " + f.detail + "; ";
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_kind_is_read_from_its_schema) {
  const auto loaded = test::load_schema(test::widget_schema);
  const auto* kind = loaded.model->kind("widget");
  BOOST_REQUIRE(kind);
  BOOST_TEST(loaded.model->collection("widgets") == kind);
  BOOST_TEST(kind->domain == "production");
  BOOST_TEST(kind->steward == "the workshop");
  BOOST_TEST(kind->referenced);
  BOOST_TEST(!kind->process);
  const auto* make = kind->command("make-widget");
  BOOST_REQUIRE(make);
  BOOST_TEST(make->member == 1);
  BOOST_TEST(kind->command(std::uint8_t{1}) == make);
  BOOST_TEST(make->doc == "Makes a widget.");
  BOOST_TEST(system_names(make->owners) == "erp, mes");
  BOOST_TEST(make->creates);
  BOOST_TEST(make->lane == 1);
  BOOST_REQUIRE(make->references.size() == 1u);
  BOOST_TEST(make->references[0].first == "material");
  const auto* sale = kind->command("report-sale");
  BOOST_REQUIRE(sale);
  BOOST_TEST(sale->any_owner);
  BOOST_TEST(sale->fact);
  BOOST_TEST(sale->lane == 3);
  BOOST_TEST(kind->command("recount")->internal);
  BOOST_TEST(kind->event(1)->wire_name == "production.widget.made.v1");
  BOOST_TEST(kind->delivery(1)->wire_name == "production.widget.tell.v1");
  BOOST_TEST(kind->row("parts")->name == "Part");
  BOOST_REQUIRE(kind->indexes.size() == 2u);
  BOOST_TEST(kind->indexes[0].field == "material");
  BOOST_TEST(kind->indexes[0].enumeration == nullptr);
  BOOST_TEST(kind->indexes[1].enumeration != nullptr);
  BOOST_REQUIRE(kind->refusals.size() == 2u);
  BOOST_TEST(kind->refusals[1].first == "sold");
  BOOST_TEST(kind->refusals[1].second == "The widget is sold");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_found) {
  const auto loaded = test::load_schema(test::widget_schema);
  const auto* kind = loaded.model->kind("widget");
  BOOST_TEST(!loaded.model->kind("gadget"));
  BOOST_TEST(!loaded.model->collection("widget"));
  BOOST_TEST(!kind->command("MakeWidget"));
  for (const int member : {0, 4, 255})
    BOOST_TEST(!kind->command(static_cast<std::uint8_t>(member)));
  BOOST_TEST(!kind->event(0));
  BOOST_TEST(!kind->row("Part"));
  BOOST_TEST(!loaded.model->table("millrace.widget.Nothing"));
  BOOST_TEST(!loaded.model->table("millrace.Decimal"));
  BOOST_TEST(loaded.model->table("millrace.widget.Item")->name == "Item");
}

BOOST_AUTO_TEST_CASE(the_built_in_schemas_hold_together) {
  const auto& model = schema_model::built_in();
  BOOST_TEST(!model.kinds().empty());
  for (const auto& kind : model.kinds()) {
    BOOST_TEST(model.kind(kind.name) == &kind);
    BOOST_TEST(model.collection(kind.collection) == &kind);
    for (const auto& command : kind.commands)
      if (command.object) BOOST_TEST(kind.command(command.wire_name) == &command);
  }
  BOOST_TEST(model.table("millrace.engine.Record").has_value());
}

BOOST_AUTO_TEST_CASE(contradictions_are_findings) {
  struct contradiction {
    const char *from, *to, *words;
  };
  const contradiction cases[] = {
      {"owner:\"erp, mes\"", "owner:\"erp, sap\"",
       "/widget/MakeWidget/owner: unknown system \"sap\""},
      {"owner:\"erp, mes\"", "owner:\"any, mes\"", "\"any\" stands alone"},
      {"owner:\"erp, mes\", ", "", "/widget/MakeWidget/owner: is missing"},
      {"(internal)", "(internal, owner:\"erp\")", "/widget/Recount/owner: an internal command"},
      {"priority:\"release\"", "priority:\"urgent\"", "/widget/MakeWidget/priority: unknown lane"},
      {"kind:\"widget\"", "kind:\"gadget\"", "kind stands on millrace.widget.State"},
      {"kind:\"widget\"", "kind:\"Widget\"", "lower-case"},
      {"collection:\"widgets\"", "collection:\"Widgets\"", "/widget/collection: must be"},
      {"domain:\"production\"", "domain:\"cooking\"", "/widget/domain: unknown domain"},
      {", steward:\"the workshop\"", "", "/widget/steward: is missing"},
      {"event:\"production.widget.sold.v1\"", "event:\"production.widget.made.v1\"", "is taken"},
      {"event:\"production.widget.sold.v1\"", "event:\"widget sold\"",
       "is not domain.noun.verb.vN"},
      {"event:\"production.widget.sold.v1\"", "event:\"production.widget.sold.v0\"",
       "is not domain.noun.verb.vN"},
      {"table WidgetSold (event:\"production.widget.sold.v1\")", "table WidgetSold",
       "/widget/WidgetSold/event"},
      {"(owner:\"any\", fact)", "(owner:\"any\", event:\"a.b.c.v1\")",
       "/widget/ReportSale/event: does not belong on a command"},
      {"delivery:\"production.widget.tell.v1\"", "owner:\"erp\"",
       "/widget/TellErp/owner: does not belong on a delivery"},
      {"unit:string (id:3)", "unit:string (id:3, required)",
       "/widget/State/unit: required stands on fields of commands only"},
      {"last:string (id:7)", "last:Item (id:7, index)",
       "/widget/State/last/index: only strings and enums"},
      {"last:string (id:7)", "limit:string (id:7, index)", "lists have a parameter of that name"},
      {"note:string (id:3, max_length:10)", "note:string (id:3, index)",
       "only fields of State are indexed"},
      {"reference:\"widget\"", "reference:\"gadget\"", "no kind is called \"gadget\""},
      {", referenced", "", "widget is not marked referenced"},
      {"exclusive_minimum:\"0\"", "exclusive_minimum:\"zero\"", "\"zero\" is not a decimal"},
      {"exclusive_minimum:\"0\"", "exclusive_minimum:\"0\", minimum:\"0\"", "has two minimums"},
      {"max_length:10", "minimum:\"1\"", "/widget/MakeWidget/note/minimum: only numbers"},
      {"max_length:10", "max_length:\"many\"", "max_length: is not a positive whole number"},
      {"flag:bool = true (id:9)", "flag:bool = true (id:9, max_length:3)",
       "only strings and vectors have a length"},
      {"small:byte (id:6)", "small:byte (id:6, actor_id)", "only strings are ids"},
      {"required, unit:\"unit\"", "required, unit:\"pounds\"", "neither a string field"},
      {"  /// The widget is sold\n", "", "/widget/Refusal/sold: has no doc comment"},
      {"sold = 2", "IsSold = 2", "/widget/Refusal/IsSold: must be lower-case"},
      {"table Bag { note:string (id:0); }", "table Bag { note:string; }",
       "/widget/Bag/note: has no explicit id"},
      {"table Box {", "struct Point { x:int; } table Box { at:Point (id:1);",
       "/widget/Box/at: has a type without a JSON form"}};
  for (const auto& [from, to, words] : cases) {
    const auto found = findings(from, to);
    BOOST_TEST(found.find(words) != std::string::npos, std::string(to) + " -> " + found);
  }
}

BOOST_AUTO_TEST_CASE(a_union_without_members_is_missed) {
  BOOST_TEST(findings("union Command", "union Orders").find("/widget: has no union Command") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_binary_schema_is_refused) {
  const bytes nothing;
  const bytes noise(1000, 0xa5);
  for (const auto& binary : {nothing, noise}) {
    const auto loaded = schema_model::load(binary);
    BOOST_REQUIRE(!loaded);
    BOOST_TEST(loaded.error().code == "config.invalid");
  }
  auto cut = test::compile_schema(test::widget_schema);
  cut.resize(cut.size() / 2);
  BOOST_TEST(!schema_model::load(cut));
}

BOOST_AUTO_TEST_CASE(names_become_kebab_case) {
  BOOST_TEST(kebab_case("ConfirmOperation") == "confirm-operation");
  BOOST_TEST(kebab_case("Release") == "release");
  BOOST_TEST(kebab_case("OpenCAPA") == "open-capa");
  BOOST_TEST(kebab_case("SetERPNumber") == "set-erp-number");
  BOOST_TEST(kebab_case("") == "");
}

BOOST_AUTO_TEST_CASE(systems_have_numbers) {
  BOOST_TEST(*system_number("erp") == 1);
  BOOST_TEST(*system_number("ops") == 11);
  for (const char* name : {"", "none", "ERP", "any", "sap"}) BOOST_TEST(!system_number(name));
  BOOST_TEST(system_names(0) == "");
  BOOST_TEST(system_names(1u << 1 | 1u << 11) == "erp, ops");
}
