// What every response's head begins with: the reason phrase of its status, and the date.
#pragma once

#include <string>
#include <string_view>

namespace millrace::http {

/// "Not Found" of 404.
[[nodiscard]] std::string_view reason(int status);
/// IMF-fixdate of now (RFC 9110 §5.6.7), made once a second per thread.
[[nodiscard]] const std::string& http_date();

}  // namespace millrace::http
