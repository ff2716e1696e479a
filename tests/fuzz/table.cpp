// layer: schemas
// A FlatBuffer from outside against a command, an event or a state of a kind: what verifies can be
// written as JSON and hashed.
#include "schemas/canonical.hpp"
#include "schemas/json.hpp"
#include "schemas/text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {
namespace {

/// "order command 3", "order event 1", "order state" or "order row lines".
const table_model* named_table(std::string_view text) {
  const auto part = [&] {
    const auto end = std::min(text.find(' '), text.size());
    const auto out = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return out;
  };
  const auto* kind = schema_model::built_in().kind(part());
  if (kind == nullptr) return nullptr;
  const auto what = part();
  std::uint8_t member = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9') member = static_cast<std::uint8_t>(member * 10 + (c - '0'));
  if (what == "command") return kind->command(member);
  if (what == "event") return kind->event(member);
  if (what == "delivery") return kind->delivery(member);
  if (what == "row") return kind->row(text);
  return &kind->state;
}

}  // namespace

void fuzz(std::string_view input) {
  const auto& model = schema_model::built_in();
  const auto* type = named_table(line(input));
  if (type == nullptr || type->object == nullptr) return;
  // As the callers do: tables are read where they are aligned.
  const bytes aligned(input.begin(), input.end());
  if (!verify_table(model, *type, aligned)) return;
  std::string text;
  table_to_json(model, *type, aligned, text);
  expect(is_utf8(text), "JSON out is UTF-8");
  (void)canonical_hash(model, *type, aligned);
}

}  // namespace millrace::fuzz
