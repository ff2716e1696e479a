// layer: nodes
// Mappings of outer systems and what they make of a message: first line the message, the rest the
// mapping. What loads renders a request that may be sent, or says why not.
#include "nodes/adapters/mapping.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  const auto envelope = json_value::parse(line(input));
  const auto loaded = mapping::load(input);
  if (!loaded)
    return expect(loaded.error().code == "config.invalid" || !loaded.error().code.empty(),
                  "a clear error");
  if (!envelope) return;
  const auto made = (*loaded)->apply(*envelope);
  if (!made) return expect(made.error().code.rfind("mapping.", 0) == 0, "a clear error");
  expect(!made->path.empty() && made->path.front() == '/', "a path begins with a slash");
  for (const char c : made->path)
    expect(static_cast<unsigned char>(c) > 0x20 && c != 0x7f, "a path is one word");
  const auto body = json_value::parse("[" + made->body + "]", 64);
  expect(body.has_value(), "a body is JSON");
}

}  // namespace millrace::fuzz
