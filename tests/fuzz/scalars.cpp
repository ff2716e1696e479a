// layer: actors
// Decimals, times, durations and ids: what is read is written as the same value.
#include "actors/duration.hpp"
#include "schemas/json_scalar.hpp"
#include "schemas/text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {
namespace {

void check_decimal(std::string_view text) {
  const auto plain = decimal::parse(text);
  const auto number = decimal::parse_json_number(text);
  for (const auto* d : {&plain, &number}) {
    if (!*d) {
      expect((*d).error().code.rfind("decimal.", 0) == 0, "a clear error");
      continue;
    }
    const auto again = decimal::parse((**d).to_string());
    expect(again && *again == **d, "a decimal is written as itself");
  }
  if (plain && number) expect(*plain == *number, "a decimal means one value");
  if (number) expect(is_json_number(text), "a number of JSON");
  if (plain) {
    (void)decimal::scaled(*plain, 7, -3);
    (void)decimal::proportion(*plain, *plain, *plain);
  }
}

}  // namespace

void fuzz(std::string_view input) {
  const auto text = line(input);
  check_decimal(text);
  if (const auto t = timestamp::parse(text)) {
    const auto again = timestamp::parse(t->to_string());
    expect(again && *again == *t, "a time is written as itself");
    expect(t->micros() >= 0 && t->micros() <= timestamp::last_us, "a time is in range");
  }
  if (const auto s = actors::duration_seconds(text)) {
    expect(*s >= 0 && *s <= 101ll * 366 * 86400, "a duration is in range");
    const auto again = actors::duration_seconds(actors::duration_text(*s));
    expect(again && *again == *s, "a duration is written as itself");
    (void)actors::duration_sum(text, text);
    (void)actors::duration_scaled(text, decimal::from_units(3), decimal::from_units(7));
  }
  if (is_actor_id(text)) expect(is_utf8(text) && text.size() <= 80, "an id is short text");
  (void)is_unit_code(text);
}

}  // namespace millrace::fuzz
