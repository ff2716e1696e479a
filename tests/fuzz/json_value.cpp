// layer: nodes
// JSON documents as values (mappings, answers of outer systems, bulk requests): what is read is
// written as the same document, and pointers stay inside it.
#include "nodes/json/json_value.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  const auto pointer = line(input);
  const auto value = json_value::parse(input);
  if (!value) return expect(!value.error().code.empty(), "a clear error");
  const auto text = value->dump();
  const auto again = json_value::parse(text);
  expect(again.has_value() && *again == *value, "what is read is written as the same document");
  if (const auto* found = value->at(pointer)) {
    expect(found->dump().size() <= text.size(), "a pointer names a part");
    (void)found->integer();
    (void)found->text();
  }
}

}  // namespace millrace::fuzz
