// layer: nodes
// The node's configuration: bad TOML and bad values are findings, never a crash; what is accepted
// has its values within their bounds.
#include "nodes/config.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  const auto config = parse_config(input, "/nonexistent");
  if (config) {
    (void)check_config(*config);
    expect(config->http.body_bytes_max <= 8u * 1024 * 1024 && config->http_threads >= 1,
           "values are within their bounds");
  } else {
    expect(config.error().code == "config.invalid" && !config.error().detail.empty(),
           "a clear error");
  }
  const auto text = line(input);
  if (const auto where = parse_host_port(text)) expect(!where->first.empty(), "a host has a name");
  if (const auto e = parse_endpoint(text))
    expect(e->system != System::none && !e->url.empty(), "an endpoint is somewhere");
}

}  // namespace millrace::fuzz
