// Checks of a request's raw header block.
// Kept apart from Beast, which accepts more than we do (obs-fold, repeated equal Content-Length,
// blank Host).
#include "nodes/http/framing.hpp"

#include <charconv>

namespace millrace::http {
namespace {

error malformed(std::string detail) { return {"request.malformed", std::move(detail)}; }

bool is_token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  for (const char c : text)
    if (!is_token_char(c)) return false;
  return !text.empty();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// method SP target SP HTTP/1.x with single blanks; sets `minor`.
result<void> check_request_line(std::string_view line, int& minor) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed("the request line has three parts");
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(line.substr(0, first))) return malformed("the method is not a token");
  if (target.empty()) return malformed("the request target is empty");
  for (const char c : target)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f)
      return malformed("the request target has characters that must be percent-encoded");
  if (target.front() != '/' && target != "*") return malformed("the request target must be a path");
  if (version == "HTTP/1.1")
    minor = 1;
  else if (version == "HTTP/1.0")
    minor = 0;
  else
    return malformed("the version is not HTTP/1.1");
  return {};
}

result<void> check_field(std::string_view line, framing& out, int& hosts) {
  if (line.front() == ' ' || line.front() == '\t')
    return malformed("folded header lines are not accepted");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("a header line without a colon");
  const auto name = line.substr(0, colon);
  if (!is_token(name)) return malformed("a header name is not a token");
  const auto value = trimmed(line.substr(colon + 1));
  for (const char c : value)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return malformed("a header value has control characters");
  if (same_name(name, "content-length")) {
    if (out.content_length) return malformed("Content-Length is given twice");
    std::uint64_t n = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (value.empty() || failed != std::errc() || end != value.data() + value.size())
      return malformed("Content-Length is not a number");
    out.content_length = n;
  } else if (same_name(name, "transfer-encoding")) {
    if (out.chunked) return malformed("Transfer-Encoding is given twice");
    if (!same_name(value, "chunked")) return malformed("the only transfer coding is chunked");
    out.chunked = true;
  } else if (same_name(name, "host")) {
    ++hosts;
    if (value.empty() || value.find_first_of(" \t/@,") != std::string_view::npos)
      return malformed("Host is not a host");
  } else if (same_name(name, "expect")) {
    if (!same_name(value, "100-continue")) return malformed("the only expectation is 100-continue");
    out.expect_continue = true;
  }
  return {};
}

}  // namespace

std::optional<std::size_t> header_block_end(std::string_view in, bool& bare_lf) {
  bare_lf = false;
  for (auto at = in.find('\n'); at != std::string_view::npos; at = in.find('\n', at + 1)) {
    if (at == 0 || in[at - 1] != '\r') {
      bare_lf = true;
      return std::nullopt;
    }
    if (at >= 3 && in[at - 2] == '\n') return at + 1;
  }
  return std::nullopt;
}

result<framing> check_header_block(std::string_view block, const limits& bounds) {
  framing out;
  int minor = 1;
  int hosts = 0;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < block.size();) {
    const auto end = block.find("\r\n", at);
    if (end == std::string_view::npos) return malformed("a header line without an end");
    const auto line = block.substr(at, end - at);
    at = end + 2;
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
      return malformed("a bare CR, LF or NUL in the header");
    if (line.empty()) break;
    const auto checked =
        lines == 0 ? check_request_line(line, minor) : check_field(line, out, hosts);
    if (!checked) return checked.error();
    if (++lines > bounds.headers_max + 1)
      return error{"request.header_too_large", "too many header fields"};
  }
  if (lines == 0) return malformed("the request line is missing");
  if (out.chunked && out.content_length)
    return malformed("Content-Length together with Transfer-Encoding");
  if (out.chunked && minor == 0) return malformed("HTTP/1.0 has no transfer codings");
  if (hosts > 1 || (minor == 1 && hosts == 0))
    return malformed("exactly one Host header is needed");
  return out;
}

}  // namespace millrace::http
