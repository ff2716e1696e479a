// Text forms and exact arithmetic of decimals and times, and how they are read and written.
// They are parsed by hand because no library type is exact, strict and free of locales at once.
#include "schemas/native.hpp"

#include <utility>

#include <array>
#include <charconv>
#include <chrono>

namespace millrace {
namespace {

__extension__ typedef __int128 wide_signed;
__extension__ typedef unsigned __int128 wide_unsigned;

constexpr std::int64_t micros_max = INT64_MAX;
constexpr int fraction_digits = 6;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

error decimal_error(std::string_view code, std::string_view text) {
  constexpr std::size_t shown_max = 40;
  return {std::string(code), "\"" + std::string(text.substr(0, shown_max)) +
                                 "\" is not a decimal with at most six "
                                 "fractional digits within +-9223372036854.775807"};
}

/// Integer digits, fraction digits and sign of a number's text; empty `whole` when the syntax is
/// wrong.
struct number_parts {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::string_view rest;
};

number_parts split_number(std::string_view text) {
  number_parts parts;
  std::size_t at = 0;
  if (at < text.size() && text[at] == '-') {
    parts.negative = true;
    ++at;
  }
  const auto whole_begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  const auto whole = text.substr(whole_begin, at - whole_begin);
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return {};
  if (at < text.size() && text[at] == '.') {
    const auto fraction_begin = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == fraction_begin) return {};
    parts.fraction = text.substr(fraction_begin, at - fraction_begin);
  }
  parts.whole = whole;
  parts.rest = text.substr(at);
  return parts;
}

/// Value of digits `whole` `fraction` with the decimal point moved right by `shift` (left when
/// negative).
result<decimal> compose(const number_parts& parts, std::int64_t shift, std::string_view text) {
  wide_unsigned micros = 0;
  const auto digits = static_cast<std::int64_t>(parts.whole.size() + parts.fraction.size());
  const auto point =
      static_cast<std::int64_t>(parts.whole.size()) + shift;  // digits left of the decimal point
  const auto last = point + fraction_digits;                  // digits that count
  for (std::int64_t i = 0; i < digits; ++i) {
    const auto n = static_cast<std::size_t>(i);
    const char c = n < parts.whole.size() ? parts.whole[n] : parts.fraction[n - parts.whole.size()];
    if (i >= last) {
      if (c != '0') return decimal_error("decimal.scale", text);
      continue;
    }
    micros = micros * 10 + static_cast<unsigned>(c - '0');
    if (micros > static_cast<wide_unsigned>(micros_max))
      return decimal_error("decimal.range", text);
  }
  if (micros != 0)
    for (std::int64_t i = digits; i < last; ++i) {
      micros *= 10;
      if (micros > static_cast<wide_unsigned>(micros_max))
        return decimal_error("decimal.range", text);
    }
  const auto value = static_cast<std::int64_t>(micros);
  return decimal::from_micros(parts.negative ? -value : value);
}

/// a * b / c, rounded half away from zero.
std::optional<std::int64_t> multiply_divide(std::int64_t a, std::int64_t b, std::int64_t c) {
  if (c == 0) return std::nullopt;
  const auto product = static_cast<wide_signed>(a) * b;
  const bool negative = (product < 0) != (c < 0);
  const auto numerator = static_cast<wide_unsigned>(product < 0 ? -product : product);
  const auto wide = static_cast<wide_signed>(c);
  const auto denominator = static_cast<wide_unsigned>(wide < 0 ? -wide : wide);
  const auto quotient = (numerator + denominator / 2) / denominator;
  if (quotient > static_cast<wide_unsigned>(micros_max)) return std::nullopt;
  const auto value = static_cast<std::int64_t>(quotient);
  return negative ? -value : value;
}

error time_error(std::string_view code, std::string_view text) {
  constexpr std::size_t shown_max = 40;
  return {std::string(code),
          "\"" + std::string(text.substr(0, shown_max)) +
              "\" is not an RFC 3339 time after 1970-01-01T00:00:00Z and before the year 10000"};
}

/// Value of `count` digits at `at`, or -1.
int digits_at(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// Minutes east of UTC of "Z", "+hh:mm" or "-hh:mm"; nullopt when it is none of them.
std::optional<int> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digits_at(text, 1, 2);
  const int minutes = digits_at(text, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

void append_padded(std::string& out, std::int64_t value, int width) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  const auto length = static_cast<int>(end - digits.data());
  for (int i = length; i < width; ++i) out += '0';
  out.append(digits.data(), end);
}

/// ".5" for 500,000 of a million; nothing for 0.
void append_fraction(std::string& out, std::int64_t millionths) {
  if (millionths == 0) return;
  out += '.';
  append_padded(out, millionths, fraction_digits);
  while (out.back() == '0') out.pop_back();
}

}  // namespace

result<decimal> decimal::parse(std::string_view text) {
  const auto parts = split_number(text);
  if (parts.whole.empty() || !parts.rest.empty()) return decimal_error("decimal.syntax", text);
  return compose(parts, 0, text);
}

result<decimal> decimal::parse_json_number(std::string_view text) {
  const auto parts = split_number(text);
  if (parts.whole.empty()) return decimal_error("decimal.syntax", text);
  if (parts.rest.empty()) return compose(parts, 0, text);
  auto exponent_text = parts.rest.substr(1);
  const bool has_plus = !exponent_text.empty() && exponent_text[0] == '+';
  if (has_plus) exponent_text.remove_prefix(1);
  std::int32_t exponent = 0;
  const auto [end, failure] =
      std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  const bool is_exponent = parts.rest[0] == 'e' || parts.rest[0] == 'E';
  const bool is_complete = end == exponent_text.data() + exponent_text.size();
  if (!is_exponent || !is_complete || failure == std::errc::invalid_argument ||
      (has_plus && exponent_text.starts_with('-')))
    return decimal_error("decimal.syntax", text);
  constexpr std::int32_t exponent_max = 400;  // beyond, any digit but 0 is out of range anyway
  if (failure == std::errc::result_out_of_range || exponent > exponent_max ||
      exponent < -exponent_max)
    return decimal_error("decimal.range", text);
  return compose(parts, exponent, text);
}

std::string decimal::to_string() const {
  std::string out;
  const bool negative = micros_ < 0;
  const auto magnitude =
      negative ? 0 - static_cast<std::uint64_t>(micros_) : static_cast<std::uint64_t>(micros_);
  constexpr auto unit = static_cast<std::uint64_t>(scale);
  if (negative) out += '-';
  append_padded(out, static_cast<std::int64_t>(magnitude / unit), 1);
  append_fraction(out, static_cast<std::int64_t>(magnitude % unit));
  return out;
}

namespace {
thread_local bool overflowed = false;
}

void decimal::note_overflow() { overflowed = true; }

bool decimal::take_overflow() { return std::exchange(overflowed, false); }

std::optional<decimal> decimal::checked_add(decimal a, decimal b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.micros_, b.micros_, &sum) || sum == INT64_MIN) return std::nullopt;
  return decimal(sum);
}

std::optional<decimal> decimal::scaled(decimal a, std::int64_t numerator,
                                       std::int64_t denominator) {
  const auto value = multiply_divide(a.micros_, numerator, denominator);
  if (!value) return std::nullopt;
  return decimal(*value);
}

std::optional<decimal> decimal::proportion(decimal a, decimal b, decimal c) {
  return scaled(a, b.micros_, c.micros_);
}

result<timestamp> timestamp::parse(std::string_view text) {
  constexpr std::size_t seconds_end = 19;  // "2026-11-24T08:00:00"
  if (text.size() <= seconds_end || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
    return time_error("time.syntax", text);
  const int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2),
            day = digits_at(text, 8, 2);
  const int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2),
            second = digits_at(text, 17, 2);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  const bool in_day =
      hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
  if (year < 0 || month < 0 || day < 0 || !in_day || !date.ok())
    return time_error("time.syntax", text);
  std::size_t at = seconds_end;
  std::int64_t micros = 0;
  if (text[at] == '.') {
    std::int64_t weight = scale_us / 10;
    const auto fraction_begin = ++at;
    for (; at < text.size() && is_digit(text[at]); ++at, weight /= 10)
      micros += weight * (text[at] - '0');
    if (at == fraction_begin) return time_error("time.syntax", text);
  }
  const auto offset = parse_offset(text.substr(at));
  if (!offset) return time_error("time.syntax", text);
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = ((days * 24 + hour) * 60 + minute - *offset) * 60 + second;
  // A leap second is the last second of a UTC day; it counts as the first of the next.
  if (second == 60 && seconds % 86'400 != 0) return time_error("time.syntax", text);
  const std::int64_t us = seconds * scale_us + micros;
  if (us <= 0 || us > last_us) return time_error("time.range", text);
  return timestamp(us);
}

std::string timestamp::to_string() const {
  std::int64_t seconds = us_ / scale_us;
  std::int64_t micros = us_ % scale_us;
  if (micros < 0) {
    micros += scale_us;
    --seconds;
  }
  std::int64_t days = seconds / 86'400;
  std::int64_t in_day = seconds % 86'400;
  if (in_day < 0) {
    in_day += 86'400;
    --days;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  std::string out;
  out.reserve(32);
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, in_day / 3600, 2);
  out += ':';
  append_padded(out, in_day / 60 % 60, 2);
  out += ':';
  append_padded(out, in_day % 60, 2);
  append_fraction(out, micros);
  out += 'Z';
  return out;
}

}  // namespace millrace
