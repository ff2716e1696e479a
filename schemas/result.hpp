// result<T>: a value or an error of the catalogue. Names as in std::expected, which GCC 12 lacks in
// C++20.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace {

/// One finding about a document: an RFC 6901 pointer and what is wrong there.
struct finding {
  std::string pointer;
  std::string detail;
};

/// An expected failure. `code` is stable and listed in schemas/errors.hpp or in a kind's Refusal
/// enum.
struct error {
  std::string code;
  std::string detail;
  std::vector<finding> findings = {};
};

template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  result(T value)
      : held_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit as in std::expected
  result(millrace::error e) : held_(std::in_place_index<1>, std::move(e)) {}  // NOLINT
  [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] T& value() & { return std::get<0>(held_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(held_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(held_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const millrace::error& error() const& { return std::get<1>(held_); }
  [[nodiscard]] millrace::error&& error() && { return std::get<1>(std::move(held_)); }

 private:
  std::variant<T, millrace::error> held_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  result() = default;
  result(millrace::error e)
      : error_(std::move(e)), failed_(true) {}  // NOLINT: implicit as in std::expected
  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const millrace::error& error() const& { return error_; }
  [[nodiscard]] millrace::error&& error() && { return std::move(error_); }

 private:
  millrace::error error_;
  bool failed_ = false;
};

}  // namespace millrace
