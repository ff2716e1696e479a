// Events as CloudEvents 1.0 (structured JSON), and their cursors.
// A cursor carries the generation, so that one from before a re-founding cannot be taken for one of
// now.
#include "nodes/gateway/cloud_event.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/path.hpp"

namespace millrace::gateway {
namespace {

template <class T>
bool read_number(std::string_view& text, T& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool read_dot(std::string_view& text) {
  if (text.empty() || text.front() != '.') return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string position::text() const {
  return std::to_string(generation) + '.' + std::to_string(index) + '.' + std::to_string(ordinal);
}

result<position> parse_position(std::string_view text) {
  position p;
  if (text.empty() || text == "0") return p;
  if (read_number(text, p.generation) && read_dot(text) && read_number(text, p.index) &&
      read_dot(text) && read_number(text, p.ordinal) && text.empty())
    return p;
  return error{"cursor.invalid", "a cursor is one that the platform gave out, or 0"};
}

std::string to_text(const vector_cursor& c) {
  if (c.size() == 1) return c.front().second.text();
  std::string out;
  for (const auto& [plant, p] : c) out += (out.empty() ? "" : ",") + plant + ':' + p.text();
  return out;
}

result<vector_cursor> parse_cursor(std::string_view text, const std::vector<std::string>& plants) {
  vector_cursor out;
  for (const auto& p : plants) out.emplace_back(p, position{});
  if (text.empty() || text == "0") return out;
  if (text.find(':') == std::string_view::npos) {
    auto p = parse_position(text);
    if (!p) return p.error();
    if (out.size() != 1) return error{"cursor.invalid", "the cursor is of one plant"};
    out.front().second = *p;
    return out;
  }
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto colon = part.find(':');
    if (colon == std::string_view::npos)
      return error{"cursor.invalid", "a part of the cursor names no plant"};
    auto p = parse_position(part.substr(colon + 1));
    if (!p) return p.error();
    for (auto& [plant, held] : out)
      if (plant == part.substr(0, colon)) held = *p;
  }
  return out;
}

void append_cloud_event(const schema_model& model, std::string_view plant, const event_view& e,
                        std::string& out) {
  json_object o(out);
  const position p{1, e.index, e.ordinal};
  o.text("specversion", "1.0");
  o.text("id", std::string(plant) + '/' + p.text());
  const auto* kind = model.kind(e.kind);
  o.text("source", "/v1/plants/" + encode_segment(plant));
  o.text("type", e.type);
  if (!e.kind.empty()) o.text("subject", e.kind + '/' + e.id);
  o.text("time", e.stamp.to_string());
  o.text("datacontenttype", "application/json");
  o.some("correlationid", e.correlation);
  o.some("causationid", e.causation);
  o.some("principal", e.principal);
  o.some("onbehalfof", e.on_behalf_of);
  o.text("sequence", std::to_string(e.sequence));
  const auto* type = kind == nullptr ? nullptr : kind->event(e.member);
  if (type != nullptr)
    table_to_json(model, *type, e.body, o.key("data"));
  else if (!e.body.empty())
    o.raw("data", std::string_view(reinterpret_cast<const char*>(e.body.data()), e.body.size()));
}

}  // namespace millrace::gateway
