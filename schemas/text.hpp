// Checks of text that comes from outside: UTF-8, ids of actors, unit codes.
// Ids are compared byte by byte for ever, so one name must have one spelling (NFC) from the start.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text);

/// True when `text` is 1-80 bytes of NFC UTF-8 without control characters.
[[nodiscard]] bool is_actor_id(std::string_view text);

/// True when `text` may be a client's name: 1-100 bytes of UTF-8 that can be seen, without
/// parentheses and without blanks at its ends.
[[nodiscard]] bool is_client_name(std::string_view text);

/// A person's name as it is compared: without white space and what cannot be seen, and without the
/// difference of letter cases and of spellings that look alike to Unicode (NFKC, case folded).
/// What is not UTF-8 stays as it is.
[[nodiscard]] std::string person_key(std::string_view name);

/// Whether two names may be one person's.
[[nodiscard]] inline bool is_same_person(std::string_view a, std::string_view b) {
  return a == b || person_key(a) == person_key(b);
}

/// True when `code` is one of the unit codes of UN/ECE Recommendation 20 or 21 that the platform
/// knows. Case-sensitive.
[[nodiscard]] bool is_unit_code(std::string_view code);

/// All known unit codes, sorted.
[[nodiscard]] std::span<const std::string_view> unit_codes();

}  // namespace millrace
