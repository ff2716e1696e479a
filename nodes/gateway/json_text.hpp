// Writes JSON objects and arrays as text, member by member, straight into one string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/json.hpp"
#include "schemas/native.hpp"

namespace millrace::gateway {

/// An object under construction; closes itself at the end of its scope.
class json_object {
 public:
  explicit json_object(std::string& out) : out_(out) { out_ += '{'; }
  ~json_object() { out_ += '}'; }
  json_object(const json_object&) = delete;
  json_object& operator=(const json_object&) = delete;

  /// Writes the member's name and gives the text to append its value to.
  std::string& key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(name, out_);
    out_ += ':';
    return out_;
  }
  json_object& text(std::string_view name, std::string_view value) {
    append_json_string(value, key(name));
    return *this;
  }
  /// Left out when empty.
  json_object& some(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  json_object& number(std::string_view name, std::uint64_t value) {
    key(name) += std::to_string(value);
    return *this;
  }
  json_object& flag(std::string_view name, bool value) {
    key(name) += value ? "true" : "false";
    return *this;
  }
  /// Left out when not given.
  json_object& when(std::string_view name, timestamp value) {
    return value.given() ? text(name, value.to_string()) : *this;
  }
  json_object& raw(std::string_view name, std::string_view json) {
    key(name) += json;
    return *this;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

/// An array under construction; `next` separates the items.
class json_array {
 public:
  explicit json_array(std::string& out) : out_(out) { out_ += '['; }
  ~json_array() { out_ += ']'; }
  json_array(const json_array&) = delete;
  json_array& operator=(const json_array&) = delete;
  std::string& next() {
    if (!first_) out_ += ',';
    first_ = false;
    return out_;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace millrace::gateway
