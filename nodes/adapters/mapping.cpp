// Mappings: checked as a whole when loaded, so that rendering can only fail on what a message
// lacks.
#include "nodes/adapters/mapping.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

#include "schemas/native.hpp"

namespace millrace {
namespace {

constexpr std::size_t rendered_bytes_max = 1 << 20;
constexpr std::array<std::string_view, 4> methods{"POST", "PUT", "PATCH", "DELETE"};
constexpr std::array<std::string_view, 8> from_options{"$from",   "or",       "table", "keep",
                                                       "default", "optional", "pad",   "number"};

bool is_pointer(std::string_view pointer) {
  if (!pointer.empty() && pointer.front() == '@') pointer.remove_prefix(1);
  return pointer.empty() || pointer.front() == '/';
}

// The parts of "a{/p}b": text and pointers by turns. nullopt when a brace is not closed or a
// pointer is none.
struct text_part {
  std::string text;
  bool pointer = false;
};
std::optional<std::vector<text_part>> text_parts(std::string_view pattern) {
  std::vector<text_part> out;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    if (open != 0) out.push_back({std::string(pattern.substr(0, open)), false});
    if (open == std::string_view::npos) return out;
    const auto close = pattern.find('}', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto pointer = pattern.substr(open + 1, close - open - 1);
    if (pointer.empty() || !is_pointer(pointer)) return std::nullopt;
    out.push_back({std::string(pointer), true});
    pattern.remove_prefix(close + 1);
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  // A segment of dots alone would climb up the path of the endpoint.
  if (!out.empty() && std::all_of(out.begin(), out.end(), [](char c) { return c == '.'; })) {
    std::string dots;
    for (std::size_t i = 0; i < out.size(); ++i) dots += "%2E";
    return dots;
  }
  return out;
}

std::string_view directive(const json_value& node) {
  for (const auto& [key, value] : node.members())
    if (key.starts_with('$')) return key;
  return {};
}

}  // namespace

/// Collects everything that is wrong with a mapping document.
class mapping::checker {
 public:
  explicit checker(const json_value& document) : document_(document) {}

  void must_be_object_of(const char* name, bool nested) {
    const auto* part = document_.find(name);
    if (part == nullptr) return;
    const std::string at = std::string("/") + name;
    if (!part->is_object()) return found(at, "must be an object");
    for (const auto& [key, value] : part->members()) {
      if (nested && !value.is_object()) found(at + '/' + key, "must be an object of codes");
      if (!nested && (value.is_object() || value.is_array()))
        found(at + '/' + key, "must be a plain value");
    }
  }

  void only(const json_value& node, const std::string& at,
            std::initializer_list<std::string_view> allowed) {
    for (const auto& [key, value] : node.members())
      if (std::find(allowed.begin(), allowed.end(), key) == allowed.end())
        found(at + '/' + key, "unknown member");
  }

  void rule(const std::string& at, const json_value& node) {
    if (!node.is_object()) return found(at, "must be an object");
    only(node, at, {"method", "path", "body", "document", "description"});
    const auto method = node.text("method");
    if (!method.empty() && std::find(methods.begin(), methods.end(), method) == methods.end())
      found(at + "/method", "must be POST, PUT, PATCH or DELETE");
    const auto path = node.text("path");
    if (!path.starts_with('/')) found(at + "/path", "must begin with '/'");
    const bool plain = std::ranges::all_of(path, [](char c) {
      return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
             c != '?' && c != '#';
    });
    if (!plain)
      found(at + "/path",
            "must be a path alone in ASCII, without query, blanks or control characters");
    text(at + "/path", path, false);
    const auto document = node.text("document");
    if (!document.empty() && !document.starts_with('/'))
      found(at + "/document", "must be a JSON pointer");
    if (!node.has("body")) return found(at + "/body", "is missing");
    body(at + "/body", *node.find("body"), false);
  }

  void found(std::string at, std::string what) {
    findings.push_back({std::move(at), std::move(what)});
  }

  std::vector<finding> findings;

 private:
  void pointer(const std::string& at, const json_value& value, bool in_each) {
    if (!value.is_string() || !is_pointer(value.text())) return found(at, "must be a JSON pointer");
    if (!in_each && value.text().starts_with('@'))
      found(at, "'@' has a meaning inside \"$each\" only");
  }

  void text(const std::string& at, const std::string& pattern, bool in_each) {
    const auto parts = text_parts(pattern);
    if (!parts) return found(at, "has a '{' that is not closed around a JSON pointer");
    for (const auto& part : *parts)
      if (part.pointer && !in_each && part.text.starts_with('@'))
        found(at, "'@' has a meaning inside \"$each\" only");
  }

  void named(const std::string& at, const char* where, const json_value& value) {
    const auto* names = document_.find(where);
    if (!value.is_string() || names == nullptr || !names->has(value.text()))
      found(at, "\"" + value.text() + "\" is not among \"" + where + "\"");
  }

  void from(const std::string& at, const json_value& node, bool in_each) {
    for (const auto& [key, value] : node.members())
      if (std::find(from_options.begin(), from_options.end(), key) == from_options.end())
        found(at + '/' + key, "unknown option");
    pointer(at + "/$from", *node.find("$from"), in_each);
    if (const auto* other = node.find("or")) pointer(at + "/or", *other, in_each);
    if (const auto* table = node.find("table")) named(at + "/table", "tables", *table);
    if (const auto* pad = node.find("pad");
        pad != nullptr && (pad->integer(-1) < 1 || pad->integer() > 80))
      found(at + "/pad", "must be between 1 and 80");
    for (const char* flag : {"optional", "number", "keep"})
      if (const auto* value = node.find(flag); value != nullptr && !value->is_bool())
        found(at + '/' + flag, "must be true or false");
  }

  void body(const std::string& at, const json_value& node, bool in_each) {
    const auto what = directive(node);
    if (what == "$from") return from(at, node, in_each);
    if (what == "$const") {
      only(node, at, {"$const"});
      return named(at + "/$const", "constants", *node.find("$const"));
    }
    if (what == "$text") {
      only(node, at, {"$text"});
      return text(at + "/$text", node.text("$text"), in_each);
    }
    if (what == "$each") {
      only(node, at, {"$each", "do"});
      pointer(at + "/$each", *node.find("$each"), in_each);
      if (!node.has("do")) return found(at + "/do", "is missing");
      return body(at + "/do", *node.find("do"), true);
    }
    if (!what.empty()) return found(at + '/' + std::string(what), "unknown directive");
    for (const auto& [key, value] : node.members()) body(at + '/' + key, value, in_each);
    for (std::size_t i = 0; i < node.items().size(); ++i)
      body(at + '/' + std::to_string(i), node.items()[i], in_each);
  }

  const json_value& document_;
};

/// Renders one envelope; the first thing that cannot be said ends it.
class mapping::renderer {
 public:
  renderer(const mapping& m, const json_value& envelope) : mapping_(m), envelope_(envelope) {}

  result<std::string> text(const std::string& pattern, const json_value* item, bool encode) {
    std::string out;
    const auto parts = text_parts(pattern).value_or(std::vector<text_part>());
    for (const auto& part : parts) {
      if (!part.pointer) {
        out += part.text;
        continue;
      }
      const auto* value = look(part.text, item);
      if (value == nullptr || value->text().empty()) return missing(part.text);
      out += encode ? percent_encoded(value->text()) : value->text();
    }
    return out;
  }

  // nullopt = left out.
  result<std::optional<json_value>> body(const json_value& node, const json_value* item) {
    const auto what = directive(node);
    if (what == "$from") return from(node, item);
    if (what == "$const") return std::optional(*mapping_.constants_.find(node.text("$const")));
    if (what == "$text") {
      auto out = text(node.text("$text"), item, false);
      if (!out) return std::move(out).error();
      return std::optional(json_value(*std::move(out)));
    }
    if (what == "$each") return each(node, item);
    if (node.is_object()) return object(node, item);
    if (node.is_array()) return array(node, item);
    return std::optional(node);
  }

 private:
  const json_value* look(std::string_view pointer, const json_value* item) const {
    if (pointer.starts_with('@')) return item != nullptr ? item->at(pointer.substr(1)) : nullptr;
    return envelope_.at(pointer);
  }
  static error missing(const std::string& pointer) {
    return {"mapping.missing", "the message has nothing at " + pointer};
  }

  result<std::optional<json_value>> from(const json_value& node, const json_value* item) {
    const auto pointer = node.text("$from");
    const auto* found = look(pointer, item);
    if ((found == nullptr || found->is_null() || (found->is_string() && found->text().empty())) &&
        node.has("or"))
      found = look(node.text("or"), item);
    const auto* fallback = node.find("default");
    if (found == nullptr || found->is_null()) {
      if (fallback != nullptr) return std::optional(*fallback);
      if (flagged(node, "optional")) return std::optional<json_value>();
      return missing(pointer);
    }
    json_value value = *found;
    if (const auto* table = node.find("table")) {
      const auto* code = mapping_.tables_.find(table->text())->find(value.text());
      if (code == nullptr && flagged(node, "keep")) code = &value;
      if (code == nullptr) code = fallback;
      if (code == nullptr)
        return error{"mapping.no_code", "\"" + value.text() + "\" at " + pointer +
                                            " is not in table \"" + table->text() + "\""};
      if (code->is_null() && flagged(node, "optional")) return std::optional<json_value>();
      value = json_value(*code);
    }
    if (const auto* pad = node.find("pad"))
      value = padded(value.text(), static_cast<std::size_t>(pad->integer()));
    if (flagged(node, "number")) {
      const auto exact = decimal::parse(value.text());
      if (!exact)
        return error{"mapping.not_a_number",
                     "\"" + value.text() + "\" at " + pointer + " is not a number"};
      value = json_value::number{exact->to_string()};
    }
    return std::optional(std::move(value));
  }

  static bool flagged(const json_value& node, std::string_view flag) {
    const auto* value = node.find(flag);
    return value != nullptr && value->truth();
  }

  static std::string padded(std::string text, std::size_t width) {
    const bool digits =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits && text.size() < width) text.insert(0, width - text.size(), '0');
    return text;
  }

  result<std::optional<json_value>> each(const json_value& node, const json_value* item) {
    const auto pointer = node.text("$each");
    const auto* list = look(pointer, item);
    json_value out = json_value::make_array();
    if (list == nullptr || list->is_null()) return std::optional(std::move(out));
    if (!list->is_array())
      return error{"mapping.not_a_list", "what is at " + pointer + " is not a list"};
    for (const auto& entry : list->items()) {
      auto rendered = body(*node.find("do"), &entry);
      if (!rendered) return rendered;
      if (*rendered) out.push(**std::move(rendered));
    }
    return std::optional(std::move(out));
  }

  result<std::optional<json_value>> object(const json_value& node, const json_value* item) {
    json_value out = json_value::make_object();
    for (const auto& [key, value] : node.members()) {
      auto rendered = body(value, item);
      if (!rendered) return rendered;
      if (*rendered) out.set(key, **std::move(rendered));
    }
    return std::optional(std::move(out));
  }

  result<std::optional<json_value>> array(const json_value& node, const json_value* item) {
    json_value out = json_value::make_array();
    for (const auto& value : node.items()) {
      auto rendered = body(value, item);
      if (!rendered) return rendered;
      if (*rendered) out.push(**std::move(rendered));
    }
    return std::optional(std::move(out));
  }

  const mapping& mapping_;
  const json_value& envelope_;
};

result<std::shared_ptr<const mapping>> mapping::load(std::string_view json) {
  auto parsed = json_value::parse(json);
  if (!parsed)
    return error{"config.invalid",
                 "the mapping is not readable: " + parsed.error().detail,
                 {{"", parsed.error().detail}}};
  const json_value& document = *parsed;
  checker check(document);
  check.only(document, "",
             {"mapping", "version", "description", "constants", "tables", "deliveries"});
  if (document.text("mapping").empty()) check.found("/mapping", "the mapping needs a name");
  const auto* version = document.find("version");
  if (version == nullptr || !version->is_number() || version->integer() < 1)
    check.found("/version", "must be a number from 1");
  check.must_be_object_of("constants", false);
  check.must_be_object_of("tables", true);
  const auto* deliveries = document.find("deliveries");
  if (deliveries == nullptr || !deliveries->is_object() || deliveries->members().empty())
    check.found("/deliveries", "must be an object with at least one delivery type");
  else
    for (const auto& [type, rule] : deliveries->members()) check.rule("/deliveries/" + type, rule);
  if (!check.findings.empty())
    return error{"config.invalid",
                 "the mapping \"" + document.text("mapping") + "\" is not valid: " +
                     check.findings[0].pointer + ' ' + check.findings[0].detail,
                 check.findings};

  auto out = std::make_shared<mapping>();
  out->name_ = document.text("mapping");
  out->version_ = version->integer();
  if (const auto* constants = document.find("constants")) out->constants_ = *constants;
  if (const auto* tables = document.find("tables")) out->tables_ = *tables;
  for (const auto& [type, rule] : deliveries->members())
    out->rules_.push_back({type, rule.has("method") ? rule.text("method") : "POST",
                           rule.text("path"), rule.text("document"), *rule.find("body")});
  return std::shared_ptr<const mapping>(std::move(out));
}

result<std::shared_ptr<const mapping>> mapping::load_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return error{"config.invalid", "the mapping file " + path + " cannot be read"};
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto out = load(text);
  if (!out) return error{"config.invalid", path + ": " + out.error().detail, out.error().findings};
  return out;
}

std::shared_ptr<const mapping> mapping::canonical() {
  static const auto loaded = load(R"({"mapping":"canonical","version":1,
    "deliveries":{"*":{"path":"/inbox","body":{"$from":""},"document":"/document"}}})");
  return *loaded;
}

result<mapped_request> mapping::apply(const json_value& envelope) const {
  const auto type = envelope.text("type");
  const delivery_rule* chosen = nullptr;
  for (const auto& rule : rules_)
    if (rule.type == type || (rule.type == "*" && chosen == nullptr)) chosen = &rule;
  if (chosen == nullptr)
    return error{"mapping.no_delivery", "the mapping \"" + name_ + "\" does not know " + type};
  renderer render(*this, envelope);
  auto path = render.text(chosen->path, nullptr, true);
  if (!path) return std::move(path).error();
  auto body = render.body(chosen->body, nullptr);
  if (!body) return std::move(body).error();
  mapped_request out{chosen->method, *std::move(path), {}, chosen->document};
  if (*body) (**body).dump_to(out.body);
  if (out.body.size() > rendered_bytes_max)
    return error{"mapping.too_large", "the rendered message exceeds 1 MiB"};
  return out;
}

}  // namespace millrace
