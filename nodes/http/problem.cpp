// Errors as RFC 9457 application/problem+json.
// One place, so that every refusal of the node looks the same.
#include "nodes/http/problem.hpp"

#include "schemas/errors.hpp"
#include "schemas/json.hpp"
#include "schemas/text.hpp"

namespace millrace::http {
namespace {

/// A detail may repeat what a client sent (a header), which need not be UTF-8: then only its ASCII.
std::string readable(std::string_view text) {
  std::string out;
  const bool whole = is_utf8(text);
  for (const char c : text)
    if (whole || (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f))
      out += c;
  return out;
}

void member(std::string_view name, std::string_view value, std::string& out) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(readable(value), out);
}

}  // namespace

std::string problem_json(const error& e, const problem_context& around) {
  std::string out = "{\"type\":";
  append_json_string("urn:millrace:problem:" + e.code, out);
  auto title = around.title.empty() ? error_title(e.code) : around.title;
  member("title", title.empty() ? "The actor refused the command" : title, out);
  out += ",\"status\":" + std::to_string(http_status(e.code));
  if (!e.detail.empty()) member("detail", e.detail, out);
  if (!around.instance.empty()) member("instance", around.instance, out);
  member("code", e.code, out);
  if (!around.correlation.empty()) member("correlation", around.correlation, out);
  if (!e.findings.empty()) {
    out += ",\"errors\":[";
    for (std::size_t i = 0; i < e.findings.size(); ++i) {
      out += i == 0 ? "{\"pointer\":" : ",{\"pointer\":";
      append_json_string(e.findings[i].pointer, out);
      member("detail", e.findings[i].detail, out);
      out += '}';
    }
    out += ']';
  }
  out += '}';
  return out;
}

response problem(const error& e, const problem_context& around) {
  response r;
  r.status = http_status(e.code);
  r.set("Content-Type", "application/problem+json");
  if (!around.correlation.empty()) r.set("Correlation-Id", std::string(around.correlation));
  if (r.status == 429 || r.status == 503)
    r.set("Retry-After", std::to_string(around.retry_after_s == 0 ? 1 : around.retry_after_s));
  if (r.status == 401) r.set("WWW-Authenticate", "Bearer realm=\"millrace\"");
  r.body = problem_json(e, around);
  return r;
}

}  // namespace millrace::http
