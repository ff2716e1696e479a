// The pure half of the rest adapter: an attempt as the envelope that mappings read, and an HTTP
// answer as a verdict.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/engine.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace {

/// {id, type, plant, actor, key, correlation, causation, timestamp, data}: data is the delivery's
/// table as canonical JSON. Error: mapping.unknown_type when the attempt names no delivery of the
/// schemas, or its body is damaged.
[[nodiscard]] result<json_value> delivery_envelope(const schema_model& model, const attempt& a);

/// W3C traceparent: the trace is the correlation's, the span this attempt's.
[[nodiscard]] std::string traceparent_of(const attempt& a);

/// What came back from an endpoint.
struct rest_answer {
  long status = 0;        // 0 = none: connection, name, time
  std::string failure;    // why there is no answer
  std::string body;       // cut at the size limit
  bool replayed = false;  // Idempotent-Replayed: true
  std::int64_t retry_after_s = 0;
};

/// 2xx: acknowledged with the document at `document_pointer` of the answer. 409 with the mark of a
/// replay: likewise. 410: gone. No answer, 3xx, 408, 425, 429 and 5xx: retry, not before
/// Retry-After. Other 4xx: dead with the answer's reason.
[[nodiscard]] attempt_result verdict_of(const rest_answer& answer,
                                        std::string_view document_pointer);

inline constexpr std::int64_t retry_after_s_max = 3600;
inline constexpr std::size_t detail_bytes_max = 500;

}  // namespace millrace
