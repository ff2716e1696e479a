// A small blocking HTTP client over libcurl: for the simulators, the demo, the command line and
// tests. One handle, so that connections are kept; not for the node itself, which must not block.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nodes/adapters/curl_handles.hpp"
#include "schemas/result.hpp"

namespace millrace {

struct http_request {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  long timeout_ms = 10'000;
};

struct http_answer {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  double seconds = 0;  // from start to the last byte
  /// First value of a header by its lower-case name; empty when absent.
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// One thread at a time.
class http_client {
 public:
  http_client();
  /// Any answer is a value, whatever its status. Errors: client.connection, client.timeout (nothing
  /// or not all came back).
  [[nodiscard]] result<http_answer> send(const http_request& request);

 private:
  curl_easy easy_;
};

/// Percent-encodes everything but unreserved characters: one path segment or query value.
[[nodiscard]] std::string percent_encode(std::string_view text);
/// Undoes percent-encoding; what is not encoded rightly stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

}  // namespace millrace
