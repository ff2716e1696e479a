// The fields of a step ("material PUMP-100, quantity 5") as JSON, and conditions on JSON documents.
#include <algorithm>

#include "nodes/demo/scenario.hpp"
#include "schemas/native.hpp"

namespace millrace::demo {
namespace {

constexpr std::size_t depth_max = 8;

error invalid(std::string detail) { return {"scenario.invalid", std::move(detail)}; }

/// Reads from the front of a text.
class reader {
 public:
  explicit reader(std::string_view text) : left_(text) {}

  result<json_value> object(char end, std::size_t depth) {
    auto out = json_value::make_object();
    if (depth > depth_max) return invalid("nested too deeply");
    for (skip(); !at(end); skip()) {
      const auto name = word();
      if (name.empty()) return invalid("a field's name is missing before '" + rest() + "'");
      if (out.has(name)) return invalid("the field " + name + " is there twice");
      skip();
      auto v = value(depth);
      if (!v) return v;
      out.set(name, *std::move(v));
      if (auto ok = separator(',', end); !ok) return ok.error();
    }
    return close(end, std::move(out));
  }

 private:
  result<json_value> value(std::size_t depth) {
    if (left_.empty()) return invalid("a field has no value");
    switch (left_.front()) {
      case '{':
        left_.remove_prefix(1);
        return object('}', depth + 1);
      case '[':
        left_.remove_prefix(1);
        return list(depth + 1);
      case '"':
        return quoted();
      default:
        return bare();
    }
  }

  result<json_value> list(std::size_t depth) {
    auto out = json_value::make_array();
    if (depth > depth_max) return invalid("nested too deeply");
    for (skip(); !at(']'); skip()) {
      auto v = value(depth);
      if (!v) return v;
      out.push(*std::move(v));
      if (auto ok = separator(';', ']'); !ok) return ok.error();
    }
    return close(']', std::move(out));
  }

  result<json_value> quoted() {
    const auto end = left_.find('"', 1);
    if (end == std::string_view::npos) return invalid("a quotation mark is not closed");
    const std::string text(left_.substr(1, end - 1));
    left_.remove_prefix(end + 1);
    return json_value(text);
  }

  result<json_value> bare() {
    const auto end = std::min(left_.find_first_of(",;]}"), left_.size());
    auto text = left_.substr(0, end);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    left_.remove_prefix(end);
    if (text.empty()) return invalid("a field has no value before '" + rest() + "'");
    if (text == "true" || text == "false") return json_value(text == "true");
    if (text.front() == '#') return json_value(json_value::number{std::string(text.substr(1))});
    return json_value(text);
  }

  result<void> separator(char between, char end) {
    skip();
    if (at(end)) return {};
    if (left_.empty() || left_.front() != between)
      return invalid(std::string("'") + between + "' is missing before '" + rest() + "'");
    left_.remove_prefix(1);
    return {};
  }

  result<json_value> close(char end, json_value out) {
    if (end == '\0') return out;
    if (left_.empty()) return invalid(std::string("'") + end + "' is missing");
    left_.remove_prefix(1);
    return out;
  }

  std::string word() {
    const auto end = std::min(left_.find_first_of(" ,;[]{}"), left_.size());
    const std::string out(left_.substr(0, end));
    left_.remove_prefix(end);
    return out;
  }
  void skip() {
    while (!left_.empty() && left_.front() == ' ') left_.remove_prefix(1);
  }
  [[nodiscard]] bool at(char end) const {
    return left_.empty() || (end != '\0' && left_.front() == end);
  }
  [[nodiscard]] std::string rest() const { return std::string(left_.substr(0, 40)); }

  std::string_view left_;
};

/// A text, or "at least N" of a number.
bool matches(const json_value* found, std::string_view value) {
  constexpr std::string_view at_least = "at least ";
  if (found == nullptr) return false;
  if (!value.starts_with(at_least)) return found->text() == value;
  const auto number = decimal::parse(found->text());
  const auto least = decimal::parse(value.substr(at_least.size()));
  return number && least && *number >= *least;
}

bool fits(const json_value& item, const std::vector<std::pair<std::string, std::string>>& with) {
  return std::all_of(with.begin(), with.end(),
                     [&](const auto& pair) { return matches(item.at(pair.first), pair.second); });
}

}  // namespace

result<json_value> parse_scenario_fields(std::string_view text) {
  return reader(text).object('\0', 0);
}

bool holds(const scenario_condition& c, const json_value& in) {
  const auto* found = in.at(c.pointer);
  const auto number = [&] {
    return found == nullptr ? 0
                            : std::count_if(found->items().begin(), found->items().end(),
                                            [&](const auto& item) { return fits(item, c.with); });
  };
  switch (c.what) {
    case scenario_condition::kind::equals:
      return matches(found, c.value);
    case scenario_condition::kind::absent:
      return found == nullptr || (found->items().empty() && found->members().empty() &&
                                  (found->text().empty() || found->text() == "false"));
    case scenario_condition::kind::some:
      return number() > 0;
    case scenario_condition::kind::count:
      return std::to_string(number()) == c.value;
  }
  return false;
}

}  // namespace millrace::demo
