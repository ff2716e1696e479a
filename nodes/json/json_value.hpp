// A JSON document as a value: what mappings, simulators and the demo read, change and write.
// Commands and states never pass through it (they go straight to FlatBuffers); numbers keep their
// text, so no digit is lost.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "schemas/result.hpp"

namespace millrace {

class json_value {
 public:
  /// A number as it was written, e.g. "12.50".
  struct number {
    std::string text;
    bool operator==(const number&) const = default;
  };
  struct member;
  using array = std::vector<json_value>;
  using object = std::vector<member>;  // in the order of the document

  json_value() = default;
  json_value(std::nullptr_t) {}                                // NOLINT: literals read as JSON
  json_value(std::same_as<bool> auto value) : held_(value) {}  // NOLINT
  json_value(std::string value) : held_(std::move(value)) {}   // NOLINT
  json_value(std::string_view value) : held_(std::string(value)) {}  // NOLINT
  json_value(const char* value) : held_(std::string(value)) {}       // NOLINT
  json_value(number value) : held_(std::move(value)) {}              // NOLINT
  template <std::integral Int>
  requires(!std::same_as<Int, bool>) json_value(Int value)
      : held_(number{std::to_string(value)}) {}         // NOLINT
  json_value(array items) : held_(std::move(items)) {}  // NOLINT
  json_value(object members);                           // NOLINT
  [[nodiscard]] static json_value make_object(
      std::initializer_list<std::pair<std::string, json_value>> members = {});
  [[nodiscard]] static json_value make_array(std::vector<json_value> items = {}) {
    return json_value(std::move(items));
  }

  /// Reads an object or an array. Errors: request.not_json, request.too_deep,
  /// request.duplicate_key.
  [[nodiscard]] static result<json_value> parse(std::string_view text, std::size_t depth_max = 32);
  /// Compact JSON text.
  [[nodiscard]] std::string dump() const;
  void dump_to(std::string& out) const;

  [[nodiscard]] bool is_null() const { return held_.index() == 0; }
  [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(held_); }
  [[nodiscard]] bool is_number() const { return std::holds_alternative<number>(held_); }
  [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(held_); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<array>(held_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<object>(held_); }

  /// The text of a string or number, "true"/"false" of a boolean, empty of anything else.
  [[nodiscard]] std::string text() const;
  /// The value of a boolean, false of anything else.
  [[nodiscard]] bool truth() const;
  /// The value of an integral number (or of a string that holds one), else the fallback.
  [[nodiscard]] std::int64_t integer(std::int64_t fallback = 0) const;
  /// Items of an array, none of anything else.
  [[nodiscard]] const array& items() const;
  /// Members of an object, none of anything else.
  [[nodiscard]] const object& members() const;

  /// Member of an object, nullptr when there is none.
  [[nodiscard]] const json_value* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Text of a member, empty when there is none.
  [[nodiscard]] std::string text(std::string_view key) const;
  /// What an RFC 6901 pointer names ("" = this), nullptr when there is nothing.
  [[nodiscard]] const json_value* at(std::string_view pointer) const;

  /// Sets a member; what is not an object becomes one.
  json_value& set(std::string_view key, json_value value);
  /// Appends an item; what is not an array becomes one.
  json_value& push(json_value value);

  bool operator==(const json_value& other) const;

 private:
  std::variant<std::nullptr_t, bool, number, std::string, array, object> held_ = nullptr;
};

struct json_value::member {
  std::string key;
  json_value value;
  bool operator==(const member&) const = default;
};

}  // namespace millrace
