// Request targets: strict percent-decoding of path and query.
// Every byte that reaches an id has passed here once, and only once: nothing is decoded twice.
#include "nodes/gateway/path.hpp"

#include <algorithm>
#include <charconv>

#include "nodes/gateway/utf8.hpp"

namespace millrace::gateway {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

result<std::string> decode(std::string_view raw, bool plus_is_blank) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '%') {
      const int high = i + 2 < raw.size() ? hex_digit(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
      if (high < 0 || low < 0)
        return error{"request.malformed", "a percent sign without two hexadecimal digits"};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_blank && raw[i] == '+' ? ' ' : raw[i];
    }
  }
  if (!is_utf8(out)) return error{"request.malformed", "the request target is not UTF-8"};
  if (has_control_characters(out))
    return error{"request.malformed", "the request target has control characters"};
  return out;
}

}  // namespace

std::string_view target::get(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return {};
}

bool target::has(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& q) { return q.first == name; });
}

result<target> parse_target(std::string_view raw) {
  target out;
  const auto mark = raw.find('?');
  const auto path = raw.substr(0, mark);
  out.path = path;
  for (std::size_t at = 1; at <= path.size() && path.size() > 1;) {
    const auto end = std::min(path.find('/', at), path.size());
    auto segment = decode(path.substr(at, end - at), false);
    if (!segment) return segment.error();
    out.segments.push_back(std::move(*segment));
    at = end + 1;
  }
  if (mark == std::string_view::npos) return out;
  auto rest = raw.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals), true);
    if (!name) return name.error();
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value) return value.error();
    out.query.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::string encode_segment(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

bool is_plant_name(std::string_view text) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || text.size() > 40 || !alphanumeric(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

long long parse_number(std::string_view text, long long max) {
  long long out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || text.front() == '-' || failed != std::errc() ||
      end != text.data() + text.size() || out > max)
    return -1;
  return out;
}

}  // namespace millrace::gateway
