// One HTTP/1.1 request out of bytes, by Boost.Beast behind a plain interface.
#pragma once

#include <memory>
#include <string_view>

#include "nodes/http/framing.hpp"
#include "nodes/http/message.hpp"
#include "schemas/result.hpp"

namespace millrace::http {

/// Parses one request after the other; the header block must have passed `check_header_block`.
class parser {
 public:
  explicit parser(const limits& bounds);
  ~parser();
  /// Starts a request with its complete header block. Errors: request.malformed.
  [[nodiscard]] result<void> begin(std::string_view header_block);
  /// Takes body bytes; returns how many were used. Errors: request.malformed, request.too_large.
  [[nodiscard]] result<std::size_t> put(std::string_view bytes);
  [[nodiscard]] bool complete() const;
  /// The connection may be used again after this request.
  [[nodiscard]] bool keep_alive() const;
  /// 0 or 1, of HTTP/1.x.
  [[nodiscard]] int minor_version() const;
  /// Moves the complete request out. Trailer fields are dropped.
  [[nodiscard]] request take();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace millrace::http
