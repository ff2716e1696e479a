// layer: nodes
// A whole request as bytes: framing, parser, routes, headers (Idempotency-Key, If-Match, cursors,
// Prefer, …), bodies. However the bytes are cut on their way, the request is the same; every
// request gets one answer that HTTP allows and JSON clients can read.
#include <spdlog/spdlog.h>

#include "nodes/config.hpp"
#include "nodes/gateway/gateway.hpp"
#include "nodes/http/framing.hpp"
#include "nodes/http/parser.hpp"
#include "nodes/json/json_value.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/engine_double.hpp"
#include "tests/exchange_double.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {
namespace {

using tests::engine_double;
using tests::exchange_double;

struct world {
  engine_double engine;
  gateway::gateway gate{engine, schema_model::built_in(), gateway::authenticator(dev_tokens()), {}};
  world() {
    spdlog::set_level(spdlog::level::off);
    engine.plant_names = {"hamburg", "munich"};
    order::StateT state;
    state.material = "PUMP-100";
    state.unit = "EA";
    engine.put("hamburg", "order", "1000042", state, 3);
  }
};

/// The request in these bytes, its body handed over in pieces of `step` bytes.
result<http::request> read_request(std::string_view raw, std::size_t step) {
  http::limits bounds;
  bounds.header_bytes_max = 4096;
  bounds.body_bytes_max = 8192;
  bool bare_lf = false;
  const auto end = http::header_block_end(raw, bare_lf);
  if (!end) return error{"request.malformed", "no header"};
  const auto checked = http::check_header_block(raw.substr(0, *end), bounds);
  if (!checked) return checked.error();
  http::parser parser(bounds);
  if (const auto begun = parser.begin(raw.substr(0, *end)); !begun) return begun.error();
  for (auto rest = raw.substr(*end); !parser.complete() && !rest.empty();) {
    const auto used = parser.put(rest.substr(0, step));
    if (!used) return used.error();
    expect(*used <= std::min(step, rest.size()), "no more is used than was given");
    if (*used == 0 && step >= rest.size()) break;
    if (*used == 0) step *= 2;  // Beast wants a whole chunk header at once
    rest.remove_prefix(*used);
  }
  if (!parser.complete()) return error{"request.malformed", "not complete"};
  return parser.take();
}

void check_answer(const http::response& r) {
  expect(r.status >= 200 && r.status < 600, "a status");
  for (const auto& h : r.headers)
    expect(h.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
           "a header is one line");
  if (r.get("Content-Type").find("json") == std::string_view::npos || r.body.empty()) return;
  const auto body = json_value::parse(r.body, 64);
  expect(body.has_value(), "an answer is JSON");
  if (r.status >= 400) expect(!body->text("code").empty(), "a refusal has a code");
}

}  // namespace

void fuzz(std::string_view input) {
  static world w;
  const auto whole = read_request(input, input.size() + 1);
  const auto cut = read_request(input, 3);
  expect(whole.has_value() == cut.has_value(), "cuts do not change what is accepted");
  if (!whole) return;
  expect(whole->target == cut->target && whole->body == cut->body &&
             whole->headers.size() == cut->headers.size(),
         "cuts do not change the request");
  auto e = std::make_shared<exchange_double>(*whole);
  w.gate.handle(e);
  if (e->head) return e->stream->close();
  expect(e->answered.has_value(), "every request is answered");
  check_answer(*e->answered);
  w.engine.asked.clear();
  w.engine.batch_sizes.clear();
  w.engine.listed.clear();
  w.engine.acted.clear();
  w.engine.read_how.clear();
  w.engine.watchers.clear();
  w.engine.plant_names = {"hamburg", "munich"};
}

}  // namespace millrace::fuzz
