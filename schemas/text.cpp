// UTF-8 and id checks: plain ASCII is decided at once, the rest by simdjson (UTF-8) and utf8proc
// (NFC).
#include "schemas/text.hpp"

#include <utf8proc.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "schemas/simdjson.hpp"

namespace millrace {
namespace {

constexpr std::size_t id_bytes_max = 80;
constexpr std::size_t client_bytes_max = 100;

/// UN/ECE Recommendation 20 (units of measure) and the packages of Recommendation 21 (X..) that
/// plants use as units.
constexpr auto codes = std::to_array<std::string_view>(
    {"2N",  "4G",  "4H",  "4K",  "4P",  "4Q",  "AMP", "ANN", "APZ", "B22", "B32", "BAR", "BG",
     "BLL", "BO",  "BOX", "BX",  "C16", "C18", "C24", "C26", "C34", "C36", "C45", "C56", "C62",
     "C65", "C81", "CA",  "CEL", "CGM", "CLT", "CMK", "CMQ", "CMT", "CS",  "CT",  "D10", "D33",
     "D41", "DAY", "DD",  "DLT", "DMK", "DMQ", "DMT", "DR",  "DZN", "E07", "EA",  "FAH", "FAR",
     "FOT", "FTK", "FTQ", "GL",  "GLI", "GLL", "GM",  "GRM", "GRO", "H87", "HLT", "HTZ", "HUR",
     "INH", "INK", "INQ", "J2",  "JOU", "KEL", "KGM", "KHZ", "KMQ", "KMT", "KPA", "KVT", "KWH",
     "KWT", "LBR", "LR",  "LTR", "M1",  "MAW", "MBR", "MC",  "MGM", "MIN", "MLT", "MMK", "MMQ",
     "MMT", "MON", "MPA", "MQH", "MSK", "MTK", "MTQ", "MTR", "MTS", "NEW", "NIU", "NMP", "NU",
     "OHM", "ONZ", "P1",  "PA",  "PAL", "PCE", "PF",  "PK",  "PR",  "RO",  "RPM", "SEC", "SET",
     "TNE", "VLT", "WEE", "WTT"});

/// Codes of Recommendation 21 that appear as units only with their X, and late additions.
constexpr auto packages =
    std::to_array<std::string_view>({"XBG", "XBO", "XBX", "XCA", "XCR", "XCT", "XDR", "XPA", "XPC",
                                     "XPK", "XPP", "XPX", "XRO", "XSA"});

constexpr auto all_codes = [] {
  std::array<std::string_view, codes.size() + packages.size()> all{};
  std::copy(packages.begin(), packages.end(), std::copy(codes.begin(), codes.end(), all.begin()));
  std::sort(all.begin(), all.end());
  return all;
}();
static_assert(std::adjacent_find(all_codes.begin(), all_codes.end()) == all_codes.end());

struct freed {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

bool is_control(utf8proc_int32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

bool has_control(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto used = utf8proc_iterate(at, left, &point);
    if (used <= 0 || is_control(point)) return true;
    at += used;
    left -= used;
  }
  return false;
}

bool is_nfc(std::string_view text) {
  utf8proc_uint8_t* raw = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &raw,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, freed> normal(raw);
  if (length < 0) return false;
  return text ==
         std::string_view(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
}

bool is_seen(utf8proc_int32_t point) {
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
      return false;
    default:
      return true;
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  const bool is_ascii =
      std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
  return is_ascii || simdjson::validate_utf8(text.data(), text.size());
}

bool is_actor_id(std::string_view text) {
  if (text.empty() || text.size() > id_bytes_max) return false;
  const bool is_plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return is_plain || (is_utf8(text) && !has_control(text) && is_nfc(text));
}

bool is_client_name(std::string_view text) {
  return !text.empty() && text.size() <= client_bytes_max && is_utf8(text) && !has_control(text) &&
         text.find_first_of("()") == std::string_view::npos && text.front() != ' ' &&
         text.back() != ' ' && !person_key(text).empty();
}

std::string person_key(std::string_view name) {
  utf8proc_uint8_t* raw = nullptr;
  const auto length = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
      static_cast<utf8proc_ssize_t>(name.size()), &raw,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                     UTF8PROC_IGNORE | UTF8PROC_CASEFOLD));
  const std::unique_ptr<utf8proc_uint8_t, freed> folded(raw);
  if (length < 0) return std::string(name);
  std::string out;
  for (utf8proc_ssize_t at = 0; at < length;) {
    utf8proc_int32_t point = 0;
    const auto used = utf8proc_iterate(raw + at, length - at, &point);
    if (used <= 0) break;
    if (is_seen(point))
      out.append(reinterpret_cast<const char*>(raw + at), static_cast<std::size_t>(used));
    at += used;
  }
  return out;
}

bool is_unit_code(std::string_view code) {
  return std::binary_search(all_codes.begin(), all_codes.end(), code);
}

std::span<const std::string_view> unit_codes() { return all_codes; }

}  // namespace millrace
