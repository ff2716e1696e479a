// layer: nodes
// Frames of the client port: verified whole, then command by command against the schemas.
#include "nodes/client_envelope.hpp"
#include "nodes/config.hpp"
#include "schemas/json.hpp"
#include "tests/engine_double.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  static tests::engine_double engine;
  engine.plant_names = {"hamburg"};
  const auto& model = schema_model::built_in();
  const auto* frame = verified_frame(as_bytes(input));
  if (frame == nullptr || frame->commands() == nullptr) return;
  gateway::identity who;
  who.who.name = "dev-mes";
  who.who.systems = 0xffff;
  who.persons = true;
  for (const auto* command : *frame->commands()) {
    const auto r = request_of(*command, who, engine, model, 30'000);
    if (!r) {
      expect(!r.error().code.empty(), "a clear error");
      continue;
    }
    const auto* type = model.kind(r->to.kind)->command(r->command);
    expect(type != nullptr && verify_table(model, *type, r->body), "what is taken verifies");
    expect(r->deadline_ms <= 30'000 && r->key.size() <= 255, "limits hold");
  }
}

}  // namespace millrace::fuzz
