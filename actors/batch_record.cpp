// Canonical JSON of what a record needs of it: objects of strings.
#include "actors/batch_record.hpp"

#include <algorithm>

#include "cluster/sha256.hpp"

namespace millrace::actors {

namespace {

/// RFC 8785, 3.2.2.2: the short escapes where there are any, else \u00xx; nothing else is escaped.
void append_canonical(std::string_view text, std::string& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view named = "\b\t\n\f\r\"\\";
  constexpr std::string_view letters = "btnfr\"\\";
  out += '"';
  for (const char c : text) {
    if (const auto at = named.find(c); at != std::string_view::npos) {
      out += '\\';
      out += letters[at];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

record_entry::record_entry(std::string_view what, timestamp at) {
  text("entry", what);
  time("recorded_at", at);
}

record_entry& record_entry::text(std::string_view name, std::string_view value) {
  if (!value.empty()) members_.emplace_back(name, value);
  return *this;
}
record_entry& record_entry::number(std::string_view name, const std::unique_ptr<decimal>& value) {
  return value ? text(name, value->to_string()) : *this;
}
record_entry& record_entry::number(std::string_view name, decimal value) {
  return text(name, value.to_string());
}
record_entry& record_entry::time(std::string_view name, timestamp value) {
  return value.given() ? text(name, value.to_string()) : *this;
}

std::string record_entry::json() const {
  auto members = members_;
  std::ranges::sort(members);
  std::string out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ',';
    append_canonical(name, out);
    out += ':';
    append_canonical(value, out);
  }
  out += '}';
  return out;
}

std::string next_record_hash(std::string_view before, std::string_view entry) {
  std::string text(before);
  text += '\n';
  text += entry;
  return sha256_hex(text);
}

}  // namespace millrace::actors
