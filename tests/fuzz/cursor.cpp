// layer: nodes
// Request targets and cursors of the event feed: what is read is written as the same place.
#include "nodes/gateway/cloud_event.hpp"
#include "nodes/gateway/correlation.hpp"
#include "nodes/gateway/path.hpp"
#include "nodes/gateway/utf8.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  const auto text = line(input);
  if (const auto p = gateway::parse_position(text)) {
    const auto again = gateway::parse_position(p->text());
    expect(again && *again == *p, "a position is written as itself");
  }
  for (const auto& plants :
       {std::vector<std::string>{"hamburg"}, std::vector<std::string>{"hamburg", "munich"}, {}})
    if (const auto c = gateway::parse_cursor(text, plants)) {
      expect(c->size() == plants.size(), "a cursor has every plant");
      const auto again = gateway::parse_cursor(gateway::to_text(*c), plants);
      expect(again && *again == *c, "a cursor is written as itself");
    }
  if (const auto t = gateway::parse_target(text)) {
    for (const auto& s : t->segments) {
      expect(is_utf8(s) && !gateway::has_control_characters(s), "a segment is text");
      if (s.empty()) continue;
      const auto again = gateway::parse_target('/' + gateway::encode_segment(s));
      expect(again && again->segments.size() == 1 && again->segments[0] == s,
             "a segment is written as itself");
    }
    for (const auto& [name, value] : t->query)
      expect(is_utf8(name) && is_utf8(value), "a query is text");
  }
  const auto number = gateway::parse_number(text, 65535);
  expect(number >= -1 && number <= 65535, "a number is within its bound");
  (void)gateway::is_correlation(text);
  (void)gateway::is_plant_name(text);
}

}  // namespace millrace::fuzz
