// Header look-ups of requests and responses.
// Names compare as ASCII without case (RFC 9110 §5.1).
#include "nodes/http/message.hpp"

#include <algorithm>

namespace millrace::http {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view request::get(std::string_view name) const {
  for (const auto& h : headers)
    if (same_name(h.name, name)) return h.value;
  return {};
}

bool request::has(std::string_view name) const { return count(name) != 0; }

std::size_t request::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      headers.begin(), headers.end(), [&](const header& h) { return same_name(h.name, name); }));
}

response& response::set(std::string_view name, std::string value) {
  for (auto& h : headers)
    if (same_name(h.name, name)) {
      h.value = std::move(value);
      return *this;
    }
  headers.push_back({std::string(name), std::move(value)});
  return *this;
}

std::string_view response::get(std::string_view name) const {
  for (const auto& h : headers)
    if (same_name(h.name, name)) return h.value;
  return {};
}

}  // namespace millrace::http
