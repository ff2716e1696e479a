// Errors as RFC 9457 application/problem+json, made in one place from codes of the catalogue and of
// kinds.
#pragma once

#include <string>
#include <string_view>

#include "nodes/http/message.hpp"
#include "schemas/result.hpp"

namespace millrace::http {

/// What surrounds an error in its answer.
struct problem_context {
  std::string_view instance;     // path of the request
  std::string_view correlation;  // Correlation-Id of the answer
  std::string_view title;        // of a kind's refusal; empty = the catalogue's title for the code
  std::uint32_t retry_after_s = 0;
};

/// {"type":"urn:millrace:problem:<code>","title","status","detail","instance","code","errors":[{pointer,detail}]}
/// with the status of the code; 429 and 503 carry Retry-After.
[[nodiscard]] response problem(const error& e, const problem_context& around = {});
/// The JSON text alone, for answers inside a batch.
[[nodiscard]] std::string problem_json(const error& e, const problem_context& around = {});

}  // namespace millrace::http
