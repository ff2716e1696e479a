// Walks JSON values and words what is wrong with a document as a whole.
#include "schemas/json_walk.hpp"

#include "schemas/json_scalar.hpp"

namespace millrace {
namespace {

constexpr std::size_t findings_max = 20;

bool is_atom(std::string_view token) {
  return token == "true" || token == "false" || token == "null";
}

void append_pointer_part(std::string& out, const json_path_part& part) {
  out += '/';
  if (part.name.data() == nullptr) {
    out += std::to_string(part.item);
    return;
  }
  for (const char c : part.name) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
}

}  // namespace

std::string_view trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t'))
    token.remove_suffix(1);
  return token;
}

bool json_walker::ok(simdjson::error_code code) {
  if (code == simdjson::SUCCESS) return true;
  if (!fatal_code_)
    fatal_code_ = code == simdjson::UTF8_ERROR ? "request.not_utf8" : "request.not_json";
  if (fatal_detail_.empty()) fatal_detail_ = simdjson::error_message(code);
  return false;
}

bool json_walker::stop(const char* code, std::string detail) {
  fatal_code_ = code;
  fatal_detail_ = std::move(detail);
  return false;
}

bool json_walker::enter(std::size_t depth) {
  return depth <= json_depth_max ||
         stop("request.too_deep",
              "nests deeper than " + std::to_string(json_depth_max) + " levels");
}

void json_walker::report(std::string detail) {
  if (findings_.size() >= findings_max) return;
  finding f;
  for (const auto& part : s_.path) append_pointer_part(f.pointer, part);
  f.detail = std::move(detail);
  findings_.push_back(std::move(f));
}

bool json_walker::walk(simdjson::ondemand::value value, std::size_t depth) {
  json_type type{};
  if (!ok(value.type().get(type))) return false;
  switch (type) {
    case json_type::object: {
      simdjson::ondemand::object object;
      if (!enter(depth) || !ok(value.get_object().get(object))) return false;
      for (auto entry : object) {
        simdjson::ondemand::field field;
        std::string_view key;
        if (!ok(std::move(entry).get(field)) || !ok(field.unescaped_key().get(key)) ||
            !walk(field.value(), depth + 1))
          return false;
      }
      return true;
    }
    case json_type::array: {
      simdjson::ondemand::array array;
      if (!enter(depth) || !ok(value.get_array().get(array))) return false;
      for (auto entry : array) {
        simdjson::ondemand::value item;
        if (!ok(std::move(entry).get(item)) || !walk(item, depth + 1)) return false;
      }
      return true;
    }
    case json_type::string: {
      std::string_view text;
      return ok(value.get_string().get(text));
    }
    case json_type::number:
      return check_number(trimmed(value.raw_json_token()));
    case json_type::boolean:
    case json_type::null:
      return check_atom(trimmed(value.raw_json_token()));
  }
  return false;
}

bool json_walker::walk_root(simdjson::ondemand::document& document, json_type type) {
  if (type == json_type::array) {
    simdjson::ondemand::array array;
    if (!ok(document.get_array().get(array))) return false;
    for (auto entry : array) {
      simdjson::ondemand::value item;
      if (!ok(std::move(entry).get(item)) || !walk(item, 2)) return false;
    }
    return true;
  }
  std::string_view text;
  if (type == json_type::string) return ok(document.get_string().get(text));
  if (!ok(document.raw_json_token().get(text))) return false;
  const auto token = trimmed(text);
  if (!(type == json_type::number ? check_number(token) : check_atom(token))) return false;
  double number = 0;
  bool flag = false;
  if (type == json_type::number) return ok(document.get_double().get(number));
  return token == "null" ? ok(document.is_null().error()) : ok(document.get_bool().get(flag));
}

bool json_walker::check_number(std::string_view token) {
  return is_json_number(token) ||
         stop("request.not_json", "\"" + std::string(token.substr(0, 40)) + "\" is not a number");
}

bool json_walker::check_atom(std::string_view token) {
  return is_atom(token) ||
         stop("request.not_json", "\"" + std::string(token.substr(0, 40)) + "\" is not a value");
}

}  // namespace millrace
