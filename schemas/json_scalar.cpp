// Reads single values and words what is wrong with them.
#include "schemas/json_scalar.hpp"

#include <charconv>

#include "schemas/native.hpp"
#include "schemas/text.hpp"

namespace millrace {
namespace {

constexpr std::size_t shown_max = 40;

std::string quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, shown_max)) + "\"";
}

std::string worded(const error& e) { return e.code + ": " + e.detail; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool in_range(reflection::BaseType type, std::int64_t value) {
  const auto within = [value](std::int64_t low, std::int64_t high) {
    return value >= low && value <= high;
  };
  if (type == reflection::Byte) return within(INT8_MIN, INT8_MAX);
  if (type == reflection::UByte) return within(0, UINT8_MAX);
  if (type == reflection::Short) return within(INT16_MIN, INT16_MAX);
  if (type == reflection::UShort) return within(0, UINT16_MAX);
  if (type == reflection::Int) return within(INT32_MIN, INT32_MAX);
  if (type == reflection::UInt) return within(0, UINT32_MAX);
  return true;
}

std::string check_minimum(const field_plan& field, std::int64_t value, std::string least) {
  if (!field.has_minimum || value > field.minimum ||
      (value == field.minimum && !field.minimum_excluded))
    return {};
  return (field.minimum_excluded ? "must be greater than " : "must be at least ") +
         std::move(least);
}

std::string take_integer(const field_plan& field, std::string_view token, json_slot& out) {
  if (token.find_first_of(".eE") != std::string_view::npos)
    return "must be a whole number without exponent";
  const auto* end = token.data() + token.size();
  bool fits = false;
  if (field.scalar == reflection::ULong) {
    std::uint64_t wide = 0;
    const auto [last, failure] = std::from_chars(token.data(), end, wide);
    fits = last == end && failure == std::errc();
    out.integer = static_cast<std::int64_t>(wide);
    return fits ? std::string() : "is out of range";
  }
  const auto [last, failure] = std::from_chars(token.data(), end, out.integer);
  fits = last == end && failure == std::errc() && in_range(field.scalar, out.integer);
  return fits ? check_minimum(field, out.integer, std::to_string(field.minimum))
              : "is out of range";
}

}  // namespace

bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const bool leads_with_zero = at < text.size() && text[at] == '0';
  const auto whole = digits();
  if (whole == 0 || (leads_with_zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::string take_number(const field_plan& field, std::string_view token, json_slot& out) {
  if (field.shape == value_shape::integer) return take_integer(field, token, out);
  const auto [end, failure] = std::from_chars(token.data(), token.data() + token.size(), out.real);
  return failure == std::errc() && end == token.data() + token.size() ? std::string()
                                                                      : "is out of range";
}

std::string take_decimal(const field_plan& field, std::string_view text, bool is_number,
                         json_slot& out) {
  const auto parsed = is_number ? decimal::parse_json_number(text) : decimal::parse(text);
  if (!parsed) return worded(parsed.error());
  out.integer = parsed->micros();
  if (!field.has_minimum) return {};
  return check_minimum(field, out.integer, decimal::from_micros(field.minimum).to_string());
}

std::string check_text(const field_plan& field, std::string_view text) {
  const bool is_long = !field.is_vector && field.length_max != 0 && text.size() > field.length_max;
  if (is_long) return "is longer than " + std::to_string(field.length_max) + " bytes";
  if (!is_utf8(text)) return "has a lone surrogate";
  if (field.is_id && !is_actor_id(text))
    return "id.invalid: ids are 1 to 80 bytes of UTF-8 in NFC without control characters";
  if (field.is_unit && !is_unit_code(text))
    return "unknown unit " + quoted(text) + ": units are UN/ECE Recommendation 20 codes";
  return {};
}

std::string take_time(std::string_view text, json_slot& out) {
  const auto parsed = timestamp::parse(text);
  if (!parsed) return worded(parsed.error());
  out.integer = parsed->micros();
  return {};
}

std::string take_hash(std::string_view text, json_slot& out) {
  constexpr std::size_t half_digits = 16;
  const auto half = [text](std::size_t at, std::uint64_t& to) {
    const auto [end, failure] =
        std::from_chars(text.data() + at, text.data() + at + half_digits, to, 16);
    return failure == std::errc() && end == text.data() + at + half_digits;
  };
  const bool is_hash =
      text.size() == 2 * half_digits && half(0, out.hi) && half(half_digits, out.lo);
  return is_hash ? std::string() : "must be 32 hexadecimal digits";
}

std::string take_enum(const field_plan& field, std::string_view text, json_slot& out) {
  for (const auto& option : field.options)
    if (option.name == text) {
      out.integer = option.value;
      return {};
    }
  std::string known;
  for (const auto& option : field.options) {
    if (!known.empty()) known += ", ";
    known += option.name;
  }
  return quoted(text) + " is none of " + known;
}

}  // namespace millrace
