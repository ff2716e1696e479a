// Writes JSON documents of our own making: keys and values in the order of the calls, commas and
// escapes by itself.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/json.hpp"

namespace millrace {

class json_text {
 public:
  json_text& key(std::string_view name) {
    separate();
    append_json_string(name, out_);
    out_ += ':';
    is_first_ = true;
    return *this;
  }
  json_text& open(char bracket) {
    separate();
    out_ += bracket;
    is_first_ = true;
    return *this;
  }
  json_text& close(char bracket) {
    out_ += bracket;
    is_first_ = false;
    return *this;
  }
  json_text& value(std::string_view text) {
    separate();
    append_json_string(text, out_);
    return *this;
  }
  json_text& value(const char* text) { return value(std::string_view(text)); }
  json_text& value(const std::string& text) { return value(std::string_view(text)); }
  json_text& value(std::same_as<bool> auto flag) { return raw(flag ? "true" : "false"); }
  json_text& value(std::int64_t number) { return raw(std::to_string(number)); }
  /// `text` is JSON already.
  json_text& raw(std::string_view text) {
    separate();
    out_ += text;
    return *this;
  }
  /// A key and its value.
  template <class Value>
  json_text& pair(std::string_view name, const Value& what) {
    return key(name).value(what);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!is_first_) out_ += ',';
    is_first_ = false;
  }

  std::string out_;
  bool is_first_ = true;
};

}  // namespace millrace
