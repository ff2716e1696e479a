// layer: schemas
// Decimals, times and text checks: what is read is exact, and what is not exact is refused.
#define BOOST_TEST_MODULE decimal
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "schemas/common_generated.h"
#include "schemas/native.hpp"
#include "schemas/text.hpp"

using millrace::decimal;
using millrace::timestamp;

namespace {

std::string code_of(const auto& result) {
  return result ? std::string("accepted") : result.error().code;
}

}  // namespace

BOOST_AUTO_TEST_CASE(decimals_are_read_exactly_and_written_shortest) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"10", "10"},
      {"9.50", "9.5"},
      {"-0.000001", "-0.000001"},
      {"1.0000000", "1"},
      {"0.1", "0.1"},
      {"-12.5", "-12.5"},
      {"0.3", "0.3"},
      {"100.000100", "100.0001"},
      {"9223372036854.775807", "9223372036854.775807"},
      {"-9223372036854.775807", "-9223372036854.775807"}};
  for (const auto& [text, written] : cases) {
    const auto parsed = decimal::parse(text);
    BOOST_REQUIRE_MESSAGE(parsed, text);
    BOOST_TEST(parsed->to_string() == written);
    BOOST_TEST(decimal::parse(parsed->to_string())->micros() == parsed->micros());
  }
  BOOST_TEST(decimal::parse("12.345678")->micros() == 12'345'678);
}

BOOST_AUTO_TEST_CASE(what_is_no_plain_decimal_is_refused) {
  for (const char* text :
       {"",   "-",   "+1",  ".5",    "5.",  "01",    "-01",      "1e3", "1E3", "0x10", " 1",
        "1 ", "1,5", "NaN", "1.2.3", "--1", "1_000", "\xd9\xa1", "1-",  "e",   "-.1"})
    BOOST_TEST(code_of(decimal::parse(text)) == "decimal.syntax", text);
  for (const char* text : {"0.0000001", "1.1234567", "-0.00000010000001"})
    BOOST_TEST(code_of(decimal::parse(text)) == "decimal.scale", text);
  for (const char* text : {"9223372036854.775808", "-9223372036854.775808", "9223372036855",
                           "99999999999999999999999999999999", "184467440737095516160000000"})
    BOOST_TEST(code_of(decimal::parse(text)) == "decimal.range", text);
}

BOOST_AUTO_TEST_CASE(numbers_of_json_may_have_an_exponent) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"1e-5", 10},    {"1e-06", 1},          {"1.5e3", 1'500'000'000},  {"12E+2", 1'200'000'000},
      {"0e300", 0},    {"100e-2", 1'000'000}, {"0.000001e6", 1'000'000}, {"-2.5e-1", -250'000},
      {"7", 7'000'000}};
  for (const auto& [text, micros] : cases) {
    const auto parsed = decimal::parse_json_number(text);
    BOOST_REQUIRE_MESSAGE(parsed, text);
    BOOST_TEST(parsed->micros() == micros, text);
  }
  BOOST_TEST(code_of(decimal::parse_json_number("1e-7")) == "decimal.scale");
  BOOST_TEST(code_of(decimal::parse_json_number("1e13")) == "decimal.range");
  BOOST_TEST(code_of(decimal::parse_json_number("1e99999999999999999999")) == "decimal.range");
  for (const char* text : {"1e", "1e+", "1e+-2", "1e-", "1ex", "e5", "1f5"})
    BOOST_TEST(code_of(decimal::parse_json_number(text)) == "decimal.syntax", text);
}

BOOST_AUTO_TEST_CASE(proportions_round_half_away_from_zero) {
  const auto third = decimal::scaled(decimal::from_units(1), 1, 3);
  BOOST_REQUIRE(third);
  BOOST_TEST(third->to_string() == "0.333333");
  BOOST_TEST(decimal::scaled(decimal::from_units(2), 1, 3)->to_string() == "0.666667");
  BOOST_TEST(decimal::scaled(decimal::from_micros(5), 1, 10)->micros() == 1);
  BOOST_TEST(decimal::scaled(decimal::from_micros(-5), 1, 10)->micros() == -1);
  BOOST_TEST(decimal::scaled(decimal::from_micros(4), 1, 10)->micros() == 0);
  BOOST_TEST(decimal::scaled(decimal::from_micros(5), 1, -10)->micros() == -1);
  const auto large = decimal::from_units(9'000'000'000'000);
  BOOST_TEST(decimal::proportion(large, large, large)->micros() == large.micros());
  BOOST_TEST(!decimal::proportion(large, large, decimal::from_units(1)));
  BOOST_TEST(!decimal::scaled(large, 1, 0));
  BOOST_TEST(!decimal::checked_add(large, large));
  BOOST_TEST(!decimal::checked_add(-large, -large));
  BOOST_TEST(decimal::checked_add(large, -large)->is_zero());
}

BOOST_AUTO_TEST_CASE(times_are_read_with_any_offset_and_written_in_utc) {
  const std::pair<const char*, const char*> cases[] = {
      {"2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"},
      {"2026-11-24t08:00:00z", "2026-11-24T08:00:00Z"},
      {"2026-11-24T09:00:00+01:00", "2026-11-24T08:00:00Z"},
      {"2026-11-24T00:30:00-08:30", "2026-11-24T09:00:00Z"},
      {"2026-11-24T08:00:00.5Z", "2026-11-24T08:00:00.5Z"},
      {"2026-11-24T08:00:00.1234567Z", "2026-11-24T08:00:00.123456Z"},
      {"2024-02-29T23:59:59-00:00", "2024-02-29T23:59:59Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
      {"1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000001Z"}};
  for (const auto& [text, written] : cases) {
    const auto parsed = timestamp::parse(text);
    BOOST_REQUIRE_MESSAGE(parsed, text);
    BOOST_TEST(parsed->to_string() == written);
  }
  BOOST_TEST(timestamp::parse("2026-11-24T08:00:00Z")->micros() == 1'795'507'200'000'000);
  BOOST_TEST(timestamp::from_micros(-1).to_string() == "1969-12-31T23:59:59.999999Z");
}

BOOST_AUTO_TEST_CASE(what_is_no_time_is_refused) {
  for (const char* text :
       {"", "2026-11-24", "2026-11-24T08:00:00", "2026-11-24 08:00:00Z", "2026-13-24T08:00:00Z",
        "2026-02-29T08:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T08:60:00Z",
        "2026-11-24T08:00:61Z", "2026-11-24T08:00:60Z", "2026-11-24T08:00:00.Z",
        "2026-11-24T08:00:00+1:00", "2026-11-24T08:00:00+24:00", "2026-11-24T08:00:00+0100",
        "2026-11-24T08:00:00ZZ", "26-11-24T08:00:00Z", "2026-00-10T08:00:00Z"})
    BOOST_TEST(code_of(timestamp::parse(text)) == "time.syntax", text);
  for (const char* text :
       {"1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"})
    BOOST_TEST(code_of(timestamp::parse(text)) == "time.range", text);
}

BOOST_AUTO_TEST_CASE(an_absent_struct_stays_absent) {
  BOOST_TEST((&flatbuffers::Pack(std::unique_ptr<decimal>()) == nullptr));
  const auto zero = flatbuffers::Pack(std::make_unique<decimal>());
  BOOST_REQUIRE((&zero != nullptr));
  const std::unique_ptr<decimal> back = flatbuffers::UnPack(millrace::Decimal(7));
  BOOST_TEST(back->micros() == 7);
}

BOOST_AUTO_TEST_CASE(ids_are_nfc_without_control_characters) {
  for (const char* id : {"1000042", "PMP-0001", "a/b",
                         "Gr\xc3\xb6\xc3\x9f"
                         "e",
                         " blank kept ", "\xe6\x89\xb9\xe6\xac\xa1"})
    BOOST_TEST(millrace::is_actor_id(id), id);
  BOOST_TEST(millrace::is_actor_id(std::string(80, 'x')));
  BOOST_TEST(!millrace::is_actor_id(std::string(81, 'x')));
  for (const char* id :
       {"", "a\nb", "\x7f", "o\xcc\x88", "\xc2\x85", "\xff", "\xed\xa0\x80", "\xc0\xaf"})
    BOOST_TEST(!millrace::is_actor_id(id), "accepted");
  BOOST_TEST(!millrace::is_actor_id(std::string("a\0b", 3)));
}

BOOST_AUTO_TEST_CASE(one_person_has_one_key_and_two_persons_have_two) {
  using millrace::is_same_person;
  BOOST_TEST(is_same_person("Ann Lee", " ann  LEE "));
  BOOST_TEST(is_same_person("J\u00d6RG", "jo\u0308rg"));       // NFC and NFD
  BOOST_TEST(is_same_person("Stra\u00dfe", "STRASSE"));        // case folded
  BOOST_TEST(is_same_person("\uff41\uff4e\uff4e", "ann"));     // full width
  BOOST_TEST(is_same_person("a\u00a0n\u200bn\u3000", "ann"));  // what cannot be seen
  BOOST_TEST(is_same_person("\u0418\u0412\u0410\u041d", "\u0438\u0432\u0430\u043d"));
  BOOST_TEST(!is_same_person("ann", "anna"));
  BOOST_TEST(!is_same_person("jorg", "j\u00f6rg"));
  BOOST_TEST(!is_same_person("a\xff", "a\xfe"));  // no UTF-8: byte by byte
  BOOST_TEST(millrace::person_key("\u200b \u00ad").empty());
}

BOOST_AUTO_TEST_CASE(a_clients_name_can_be_told_from_a_persons) {
  for (const char* name : {"dev-qms", "MES Hamburg", "\u6279\u6b21"})
    BOOST_TEST(millrace::is_client_name(name), name);
  for (const char* name : {"", " a", "a ", "a (b)", "a)", "a\tb", "\u200b", "\xff"})
    BOOST_TEST(!millrace::is_client_name(name), name);
  BOOST_TEST(millrace::is_client_name(std::string(100, 'x')));
  BOOST_TEST(!millrace::is_client_name(std::string(101, 'x')));
}

BOOST_AUTO_TEST_CASE(unit_codes_are_those_of_the_recommendation) {
  for (const char* code :
       {"EA",  "C62", "KGM", "GRM", "TNE", "LTR", "MLT", "MTR", "CMT", "MMT", "MTK", "MTQ", "BAR",
        "PAL", "KPA", "CEL", "KEL", "SEC", "MIN", "HUR", "DAY", "PCE", "XPP", "SET", "PR",  "BX"})
    BOOST_TEST(millrace::is_unit_code(code), code);
  for (const char* code : {"", "ea", "KG", "PIECES", "BARS", "kgm"})
    BOOST_TEST(!millrace::is_unit_code(code), code);
  BOOST_TEST(std::ranges::is_sorted(millrace::unit_codes()));
  BOOST_TEST(std::ranges::none_of(millrace::unit_codes(), [](auto code) { return code.empty(); }));
}

BOOST_AUTO_TEST_CASE(utf8_has_one_form) {
  BOOST_TEST(millrace::is_utf8("plain"));
  BOOST_TEST(millrace::is_utf8("\xf0\x9f\x8f\xad"));
  for (const char* text : {"\x80", "\xc3", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x80\x80"})
    BOOST_TEST(!millrace::is_utf8(text));
}

BOOST_AUTO_TEST_CASE(sums_stop_at_the_ends_of_the_range_and_say_so) {
  using millrace::decimal;
  (void)decimal::take_overflow();
  const auto most = decimal::from_micros(INT64_MAX);
  const auto least = decimal::from_micros(INT64_MIN);
  BOOST_TEST((most + decimal::from_micros(-1)).micros() == INT64_MAX - 1);
  BOOST_TEST(!decimal::take_overflow());
  BOOST_TEST((most + decimal::from_micros(1)).micros() == INT64_MAX);
  BOOST_TEST(decimal::take_overflow());
  BOOST_TEST(!decimal::take_overflow());
  BOOST_TEST((least - decimal::from_micros(1)).micros() == INT64_MIN);
  BOOST_TEST(decimal::take_overflow());
  auto sum = most;
  sum += most;
  BOOST_TEST(sum.micros() == INT64_MAX);
  BOOST_TEST(decimal::take_overflow());
}
