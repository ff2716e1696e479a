// Helpers for answers that are lists.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/gateway/call.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {

/// Answers {"items":[…],"next"}; `append(item, out)` writes one item.
template <class T, class F>
void answer_items(const call_ptr& c, const std::vector<T>& items, std::string_view next, F append) {
  std::string out = "{\"items\":";
  {
    json_array all(out);
    for (const auto& i : items) append(i, all.next());
  }
  out += ",\"next\":";
  if (next.empty())
    out += "null";
  else
    append_json_string(next, out);
  out += '}';
  c->json(200, std::move(out));
}

/// Wall clock of this node.
[[nodiscard]] inline timestamp wall_clock() {
  return timestamp::from_micros(std::chrono::duration_cast<std::chrono::microseconds>(
                                    std::chrono::system_clock::now().time_since_epoch())
                                    .count());
}

}  // namespace millrace::gateway
