// layer: schemas
// A command's JSON on its way into a FlatBuffer and back: what is accepted verifies, and its own
// text means the same table.
#include "schemas/json.hpp"
#include "schemas/canonical.hpp"
#include "schemas/text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  const auto& model = schema_model::built_in();
  const auto* type = named_command(line(input));
  if (type == nullptr) type = named_command("order confirm-operation");
  const auto table = json_to_table(model, *type, input);
  if (!table) {
    expect(!table.error().code.empty() && table.error().findings.size() <= 20, "a clear error");
    return;
  }
  expect(verify_table(model, *type, *table), "an accepted command verifies");
  std::string text;
  table_to_json(model, *type, *table, text);
  expect(is_utf8(text), "JSON out is UTF-8");
  const auto again = json_to_table(model, *type, text);
  expect(again.has_value(), "JSON out is JSON in");
  expect(canonical_hash(model, *type, *table) == canonical_hash(model, *type, *again),
         "the text of a table means the same table");
}

}  // namespace millrace::fuzz
