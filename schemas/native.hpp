// The value types of the plant floor as C++ sees them: exact decimals, times and 128-bit ids.
// The generated object API uses them in place of the raw FlatBuffers structs (native_type in
// common.fbs).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/result.hpp"

namespace millrace {

struct Decimal;  // the FlatBuffers structs, defined by the generated header
struct Time;
struct Hash128;

/// Exact decimal, scale 6, in a signed 64-bit count of millionths. Never binary floating point.
class decimal {
 public:
  constexpr decimal() = default;
  static constexpr decimal from_micros(std::int64_t micros) { return decimal(micros); }
  /// `units` must be within +-9,223,372,036,854.
  static constexpr decimal from_units(std::int64_t units) { return decimal(units * scale); }
  /// Plain notation only ("-12.5"; no exponent, no sign '+', no leading zeros but "0.x"); errors:
  /// decimal.syntax, decimal.scale (more than six fractional digits that are not zero),
  /// decimal.range.
  [[nodiscard]] static result<decimal> parse(std::string_view text);
  /// The same for the text of a JSON number, which may carry an exponent ("1e-5"). Exact: never
  /// through a double.
  [[nodiscard]] static result<decimal> parse_json_number(std::string_view text);
  /// Shortest plain notation: "10", "9.5", "-0.000001".
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] constexpr std::int64_t micros() const { return micros_; }
  [[nodiscard]] constexpr bool is_zero() const { return micros_ == 0; }
  [[nodiscard]] constexpr bool is_negative() const { return micros_ < 0; }
  [[nodiscard]] constexpr bool is_positive() const { return micros_ > 0; }
  constexpr auto operator<=>(const decimal&) const = default;
  constexpr decimal operator-() const { return decimal(-micros_); }
  /// Sum and difference stop at the ends of the range and note it: see take_overflow().
  constexpr decimal operator+(decimal other) const {
    std::int64_t sum = 0;
    if (!__builtin_add_overflow(micros_, other.micros_, &sum)) return decimal(sum);
    note_overflow();
    return decimal(other.micros_ > 0 ? INT64_MAX : INT64_MIN);
  }
  constexpr decimal operator-(decimal other) const {
    std::int64_t difference = 0;
    if (!__builtin_sub_overflow(micros_, other.micros_, &difference)) return decimal(difference);
    note_overflow();
    return decimal(other.micros_ < 0 ? INT64_MAX : INT64_MIN);
  }
  constexpr decimal& operator+=(decimal other) { return *this = *this + other; }
  constexpr decimal& operator-=(decimal other) { return *this = *this - other; }
  /// True when a sum or difference of this thread left the range since the last call. The engine
  /// asks after each decision and refuses it (decimal.range), so that no quantity ever wraps.
  [[nodiscard]] static bool take_overflow();
  [[nodiscard]] static std::optional<decimal> checked_add(decimal a, decimal b);
  /// a * numerator / denominator, rounded half away from zero; nullopt when out of range or
  /// denominator is 0.
  [[nodiscard]] static std::optional<decimal> scaled(decimal a, std::int64_t numerator,
                                                     std::int64_t denominator);
  /// a * b / c with exact 128-bit intermediates, rounded half away from zero; nullopt as above.
  [[nodiscard]] static std::optional<decimal> proportion(decimal a, decimal b, decimal c);

  static constexpr std::int64_t scale = 1'000'000;

 private:
  explicit constexpr decimal(std::int64_t micros) : micros_(micros) {}
  static void note_overflow();
  std::int64_t micros_ = 0;
};

/// Microseconds since the Unix epoch, UTC; 0 = not given.
class timestamp {
 public:
  constexpr timestamp() = default;
  static constexpr timestamp from_micros(std::int64_t us) { return timestamp(us); }
  /// RFC 3339 with any offset, at most six fractional digits kept; error: time.syntax, time.range
  /// (years 1970-9999).
  [[nodiscard]] static result<timestamp> parse(std::string_view text);
  /// RFC 3339 UTC with as many fractional digits as needed: "2026-11-24T08:00:00Z".
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] constexpr std::int64_t micros() const { return us_; }
  [[nodiscard]] constexpr bool given() const { return us_ != 0; }
  constexpr auto operator<=>(const timestamp&) const = default;
  [[nodiscard]] constexpr timestamp plus_ms(std::int64_t ms) const {
    return timestamp(us_ + ms * 1000);
  }

  static constexpr std::int64_t scale_us = 1'000'000;
  static constexpr std::int64_t last_us = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z

 private:
  explicit constexpr timestamp(std::int64_t us) : us_(us) {}
  std::int64_t us_ = 0;
};

/// 128 bits of a hash or id; zero = none.
struct hash128 {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  constexpr auto operator<=>(const hash128&) const = default;
  [[nodiscard]] constexpr bool given() const { return hi != 0 || lo != 0; }
};

}  // namespace millrace

namespace flatbuffers {

/// A struct that may be absent, as flatc 2.0.8 packs a field without `native_inline`: the generated
/// code takes its address, which is null when the value is absent.
template <class Struct>
struct optional_struct {
  Struct value{};
  bool present = false;
  const Struct* operator&() const {
    return present ? std::addressof(value) : nullptr;
  }  // NOLINT: see above
};

/// What flatc's generated code assigns: fits a field that is inline (T) and one that may be absent
/// (unique_ptr<T>).
template <class T>
struct unpacked {
  T value{};
  operator T() const { return value; }  // NOLINT: implicit by design
  operator std::unique_ptr<T>() const {
    return std::make_unique<T>(value);
  }  // NOLINT: implicit by design
};

// Defined in native_flatbuffers.cpp.
millrace::Decimal Pack(const millrace::decimal& value);
millrace::Time Pack(const millrace::timestamp& value);
millrace::Hash128 Pack(const millrace::hash128& value);
optional_struct<millrace::Decimal> Pack(const std::unique_ptr<millrace::decimal>& value);
optional_struct<millrace::Time> Pack(const std::unique_ptr<millrace::timestamp>& value);
optional_struct<millrace::Hash128> Pack(const std::unique_ptr<millrace::hash128>& value);
unpacked<millrace::decimal> UnPack(const millrace::Decimal& value);
unpacked<millrace::timestamp> UnPack(const millrace::Time& value);
unpacked<millrace::hash128> UnPack(const millrace::Hash128& value);

}  // namespace flatbuffers

template <>
struct std::hash<millrace::hash128> {
  std::size_t operator()(const millrace::hash128& h) const noexcept {
    return h.hi ^ (h.lo * 0x9E3779B97F4A7C15ull);
  }
};
