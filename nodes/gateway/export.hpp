// NDJSON answers: events by /v1/export, and lists for who accepts application/x-ndjson.
#pragma once

#include <string>
#include <string_view>

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

inline constexpr std::string_view lines_type = "application/x-ndjson";

/// Whether the caller accepts lines instead of one object.
[[nodiscard]] bool wants_lines(const call_ptr& c);
/// Lines, and where the next ones are (a path) when there are more. `cursor` is where they end.
void answer_lines(const call_ptr& c, std::string lines, const std::string& next,
                  std::string_view cursor);
/// GET /v1/export?from=&plant=a,b&types=x,y: events as CloudEvents, a line each, up to a bound that
/// the Link header carries on from. Next-Cursor is always given: from there later events are read.
void get_export(core& g, const call_ptr& c);

}  // namespace millrace::gateway
