// JSON text to values and back: simdjson reads (UTF-8 and grammar checked), we write.
#include "nodes/json/json_value.hpp"

#include <charconv>
#include <optional>

#include "schemas/json.hpp"
#include "schemas/simdjson.hpp"

namespace millrace {
namespace {

using simdjson::ondemand::json_type;

error not_json(std::string detail) { return {"request.not_json", std::move(detail)}; }

error failed(simdjson::error_code code) {
  if (code == simdjson::UTF8_ERROR) return {"request.not_utf8", "the text is not UTF-8"};
  return not_json(simdjson::error_message(code));
}

std::string_view trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t'))
    token.remove_suffix(1);
  return token;
}

// `Source` is a document or a value of simdjson: both offer the same reading functions.
template <class Source>
result<json_value> read(Source& from, std::size_t depth);

template <class Source>
result<json_value> read_object(Source& from, std::size_t depth) {
  simdjson::ondemand::object fields;
  if (auto code = from.get_object().get(fields)) return failed(code);
  json_value out = json_value::make_object();
  for (auto field : fields) {
    std::string_view key;
    if (auto code = field.unescaped_key().get(key)) return failed(code);
    if (out.has(key))
      return error{"request.duplicate_key", "the key \"" + std::string(key) + "\" is there twice"};
    std::string owned(key);
    simdjson::ondemand::value value;
    if (auto code = field.value().get(value)) return failed(code);
    auto read_value = read(value, depth - 1);
    if (!read_value) return std::move(read_value).error();
    out.set(owned, *std::move(read_value));
  }
  return out;
}

template <class Source>
result<json_value> read_array(Source& from, std::size_t depth) {
  simdjson::ondemand::array items;
  if (auto code = from.get_array().get(items)) return failed(code);
  json_value out = json_value::make_array();
  for (auto item : items) {
    simdjson::ondemand::value value;
    if (auto code = item.get(value)) return failed(code);
    auto read_value = read(value, depth - 1);
    if (!read_value) return std::move(read_value).error();
    out.push(*std::move(read_value));
  }
  return out;
}

template <class Source>
result<json_value> read_scalar(Source& from, json_type type) {
  if (type == json_type::string) {
    std::string_view text;
    if (auto code = from.get_string().get(text)) return failed(code);
    return json_value(text);
  }
  if (type == json_type::boolean) {
    bool value = false;
    if (auto code = from.get_bool().get(value)) return failed(code);
    return json_value(value);
  }
  if (type == json_type::null) {
    bool null = false;
    if (auto code = from.is_null().get(null)) return failed(code);
    return null ? result<json_value>(json_value()) : not_json("not a JSON value");
  }
  std::string_view token;
  if constexpr (std::is_same_v<Source, simdjson::ondemand::value>)
    token = from.raw_json_token();
  else if (auto code = from.raw_json_token().get(token))
    return failed(code);
  const std::string text(trimmed(token));
  simdjson::ondemand::number parsed;
  if (auto code = from.get_number().get(parsed)) return failed(code);
  return json_value(json_value::number{text});
}

template <class Source>
result<json_value> read(Source& from, std::size_t depth) {
  json_type type{};
  if (auto code = from.type().get(type)) return failed(code);
  if ((type == json_type::object || type == json_type::array) && depth == 0)
    return error{"request.too_deep", "the document nests too deep"};
  if (type == json_type::object) return read_object(from, depth);
  if (type == json_type::array) return read_array(from, depth);
  return read_scalar(from, type);
}

const std::string no_text;
const json_value::array no_items;
const json_value::object no_members;

std::optional<std::size_t> array_index(std::string_view token) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  std::size_t index = 0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (code != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return index;
}

std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size())
      out += token[++i] == '1' ? '/' : '~';
    else
      out += token[i];
  }
  return out;
}

}  // namespace

json_value::json_value(object members) : held_(std::move(members)) {}

json_value json_value::make_object(
    std::initializer_list<std::pair<std::string, json_value>> members) {
  object out;
  for (const auto& [key, value] : members) out.push_back({key, value});
  return json_value(std::move(out));
}

result<json_value> json_value::parse(std::string_view text, std::size_t depth_max) {
  simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  if (auto code = parser.iterate(padded).get(document)) return failed(code);
  bool scalar = true;
  if (auto code = document.is_scalar().get(scalar)) return failed(code);
  if (scalar) return not_json("neither an object nor an array");
  auto out = read(document, depth_max);
  if (out && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return not_json("there is more after the document");
  return out;
}

std::string json_value::dump() const {
  std::string out;
  dump_to(out);
  return out;
}

void json_value::dump_to(std::string& out) const {
  if (is_null()) {
    out += "null";
  } else if (const auto* text_value = std::get_if<std::string>(&held_)) {
    append_json_string(*text_value, out);
  } else if (is_array()) {
    out += '[';
    bool first = true;
    for (const auto& item : items()) {
      if (!std::exchange(first, false)) out += ',';
      item.dump_to(out);
    }
    out += ']';
  } else if (is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, value] : members()) {
      if (!std::exchange(first, false)) out += ',';
      append_json_string(key, out);
      out += ':';
      value.dump_to(out);
    }
    out += '}';
  } else {
    out += text();
  }
}

std::string json_value::text() const {
  if (const auto* value = std::get_if<std::string>(&held_)) return *value;
  if (const auto* value = std::get_if<number>(&held_)) return value->text;
  if (const auto* value = std::get_if<bool>(&held_)) return *value ? "true" : "false";
  return no_text;
}

bool json_value::truth() const {
  const auto* value = std::get_if<bool>(&held_);
  return value != nullptr && *value;
}

std::int64_t json_value::integer(std::int64_t fallback) const {
  const std::string digits = text();
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return !digits.empty() && code == std::errc() && end == digits.data() + digits.size() ? value
                                                                                        : fallback;
}

const json_value::array& json_value::items() const {
  const auto* value = std::get_if<array>(&held_);
  return value != nullptr ? *value : no_items;
}

const json_value::object& json_value::members() const {
  const auto* value = std::get_if<object>(&held_);
  return value != nullptr ? *value : no_members;
}

const json_value* json_value::find(std::string_view key) const {
  for (const auto& entry : members())
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string json_value::text(std::string_view key) const {
  const auto* value = find(key);
  return value != nullptr ? value->text() : no_text;
}

const json_value* json_value::at(std::string_view pointer) const {
  const json_value* here = this;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const auto slash = pointer.find('/');
    const auto token = pointer.substr(0, slash);
    pointer.remove_prefix(slash == std::string_view::npos ? pointer.size() : slash);
    if (here->is_array()) {
      const auto index = array_index(token);
      if (!index || *index >= here->items().size()) return nullptr;
      here = &here->items()[*index];
    } else if ((here = here->find(unescaped(token))) == nullptr) {
      return nullptr;
    }
  }
  return here;
}

json_value& json_value::set(std::string_view key, json_value value) {
  if (!is_object()) held_ = object();
  auto& all = std::get<object>(held_);
  for (auto& entry : all)
    if (entry.key == key) {
      entry.value = std::move(value);
      return *this;
    }
  all.push_back({std::string(key), std::move(value)});
  return *this;
}

json_value& json_value::push(json_value value) {
  if (!is_array()) held_ = array();
  std::get<array>(held_).push_back(std::move(value));
  return *this;
}

bool json_value::operator==(const json_value& other) const { return held_ == other.held_; }

}  // namespace millrace
