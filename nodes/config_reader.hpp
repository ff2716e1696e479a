// Reads one TOML table key by key, keeps findings, and refuses what nobody asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "schemas/result.hpp"

namespace millrace {

class table_reader {
 public:
  /// `where`: pointer of the table, for findings.
  table_reader(const toml::table& table, std::string where, std::vector<finding>& findings)
      : table_(table), where_(std::move(where)), findings_(findings) {}
  /// Every key that was not read is a finding.
  ~table_reader() {
    for (const auto& [key, node] : table_)
      if (seen_.count(std::string(key.str())) == 0) find(key.str(), "unknown key");
  }
  table_reader(const table_reader&) = delete;
  table_reader& operator=(const table_reader&) = delete;

  void text(std::string_view key, std::string& out) {
    if (const auto* node = take(key)) {
      const auto value = node->value_exact<std::string>();
      if (value)
        out = *value;
      else
        find(key, "must be a string");
    }
  }
  void flag(std::string_view key, bool& out) {
    if (const auto* node = take(key)) {
      const auto value = node->value_exact<bool>();
      if (value)
        out = *value;
      else
        find(key, "must be true or false");
    }
  }
  template <class Int>
  void number(std::string_view key, Int& out, std::int64_t min, std::int64_t max) {
    if (const auto* node = take(key)) {
      const auto value = node->value_exact<std::int64_t>();
      if (value && *value >= min && *value <= max)
        out = static_cast<Int>(*value);
      else
        find(key,
             "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    }
  }
  void texts(std::string_view key, std::vector<std::string>& out) {
    const auto* node = take(key);
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr) return find(key, "must be a list of strings");
    for (const auto& item : *list) {
      const auto value = item.value_exact<std::string>();
      if (!value) return find(key, "must be a list of strings");
      out.push_back(*value);
    }
  }
  void numbers(std::string_view key, std::vector<std::int64_t>& out) {
    const auto* node = take(key);
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr) return find(key, "must be a list of whole numbers");
    for (const auto& item : *list) {
      const auto value = item.value_exact<std::int64_t>();
      if (!value) return find(key, "must be a list of whole numbers");
      out.push_back(*value);
    }
  }
  [[nodiscard]] const toml::table* table(std::string_view key) {
    const auto* node = take(key);
    if (node != nullptr && node->as_table() == nullptr) find(key, "must be a table");
    return node == nullptr ? nullptr : node->as_table();
  }
  /// Tables of a list of tables ([[key]]).
  [[nodiscard]] std::vector<const toml::table*> tables(std::string_view key) {
    std::vector<const toml::table*> out;
    const auto* node = take(key);
    if (node == nullptr) return out;
    const auto* list = node->as_array();
    if (list == nullptr)
      return find(key, "must be a list of tables: [[" + std::string(key) + "]]"), out;
    for (const auto& item : *list) {
      if (item.as_table() == nullptr) return find(key, "must be a list of tables"), out;
      out.push_back(item.as_table());
    }
    return out;
  }
  void find(std::string_view key, std::string detail) {
    findings_.push_back({where_ + '/' + std::string(key), std::move(detail)});
  }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  const toml::node* take(std::string_view key) {
    seen_.insert(std::string(key));
    return table_.get(key);
  }
  const toml::table& table_;
  std::string where_;
  std::vector<finding>& findings_;
  std::set<std::string> seen_;
};

}  // namespace millrace
