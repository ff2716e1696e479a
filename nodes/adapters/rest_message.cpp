// Envelopes out of attempts, verdicts out of answers; no network here.
#include "nodes/adapters/rest_message.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "schemas/json.hpp"

namespace millrace {
namespace {

std::string hash_hex(std::string_view text, std::size_t bytes_wanted) {
  static constexpr std::string_view hex = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (std::size_t i = 0; i < bytes_wanted; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

std::string shortened(std::string text) {
  if (text.size() <= detail_bytes_max) return text;
  std::size_t end = detail_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not inside a UTF-8 character
  text.resize(end);
  return text + "…";
}

// The reason that an answer gives: problem+json, common error bodies, else its text.
std::string reason_of(const std::string& body) {
  const auto parsed = json_value::parse(body);
  if (parsed) {
    for (const char* pointer :
         {"/detail", "/error/message/value", "/error/message", "/error", "/message", "/title"})
      if (const auto* found = parsed->at(pointer);
          found != nullptr && found->is_string() && !found->text().empty())
        return shortened(found->text());
    return {};
  }
  std::string printable;
  for (const char c : body.substr(0, detail_bytes_max))
    if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f)
      printable += c;
  return printable;
}

std::string document_of(const rest_answer& answer, std::string_view pointer) {
  if (pointer.empty()) return {};
  const auto parsed = json_value::parse(answer.body);
  if (!parsed) return {};
  const auto* found = parsed->at(pointer);
  return found != nullptr ? shortened(found->text()) : std::string();
}

}  // namespace

result<json_value> delivery_envelope(const schema_model& model, const attempt& a) {
  const auto* kind = model.kind(a.kind);
  const auto* type = kind != nullptr ? kind->delivery(a.member) : nullptr;
  if (type == nullptr || !a.body)
    return error{"mapping.unknown_type",
                 "kind \"" + a.kind + "\" has no delivery " + std::to_string(a.member)};
  if (!verify_table(model, *type, *a.body))
    return error{"mapping.unknown_type", "the body of " + type->wire_name + " is damaged"};
  std::string text;
  table_to_json(model, *type, *a.body, text);
  auto data = json_value::parse(text);
  if (!data) return std::move(data).error();
  auto out = json_value::make_object({{"id", a.id},
                                      {"type", type->wire_name},
                                      {"plant", a.plant},
                                      {"actor", a.actor},
                                      {"key", a.key}});
  out.set("correlation", a.correlation)
      .set("causation", a.causation)
      .set("timestamp", a.filed_at.to_string());
  out.set("data", *std::move(data));
  return out;
}

std::string traceparent_of(const attempt& a) {
  return "00-" + hash_hex(a.correlation, 16) + '-' +
         hash_hex(a.id + '/' + std::to_string(a.attempt), 8) + "-01";
}

attempt_result verdict_of(const rest_answer& answer, std::string_view document_pointer) {
  using verdict = attempt_result::verdict;
  attempt_result out;
  const long status = answer.status;
  if (status == 0) {
    out.detail = shortened(answer.failure);
    return out;
  }
  if ((status >= 200 && status < 300) || (status == 409 && answer.replayed)) {
    out.what = verdict::acknowledged;
    out.document = document_of(answer, document_pointer);
    return out;
  }
  const auto reason = reason_of(answer.body);
  out.detail = "HTTP " + std::to_string(status) + (reason.empty() ? "" : ": " + reason);
  if (status == 410) {
    out.what = verdict::gone;
  } else if (status < 400 || status >= 500 || status == 408 || status == 425 || status == 429) {
    out.what = verdict::retry;
    const auto wait_s = std::clamp<std::int64_t>(answer.retry_after_s, 0, retry_after_s_max);
    out.retry_after_ms = static_cast<std::uint32_t>(wait_s * 1000);
  } else {
    out.what = verdict::dead;
  }
  return out;
}

}  // namespace millrace
