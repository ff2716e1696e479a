// Checks of a request's raw header block, before any parser sees it: what proxies and servers may
// read differently (request smuggling) is refused here. RFC 9112 §2.2, §3, §5, §6.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "nodes/http/message.hpp"
#include "schemas/result.hpp"

namespace millrace::http {

/// How the body of a request is delimited.
struct framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool expect_continue = false;
};

/// `block` is the request line and the fields up to and with the empty line. Refuses
/// (request.malformed, request.header_too_large, request.too_large) bare LF or CR, NUL, obs-fold,
/// blanks before the colon, Content-Length with Transfer-Encoding, doubled or odd Content-Length,
/// any coding but one "chunked", HTTP/1.1 without exactly one Host, and versions other than 1.0
/// and 1.1.
[[nodiscard]] result<framing> check_header_block(std::string_view block, const limits& bounds);

/// Position after the empty line that ends a header block; nullopt when it has not arrived. A bare
/// LF counts as an error: `bare_lf` is set as soon as one is seen.
[[nodiscard]] std::optional<std::size_t> header_block_end(std::string_view in, bool& bare_lf);

}  // namespace millrace::http
