// The catalogue of error codes that the platform itself answers with: stable number, code, HTTP
// status, title. A kind's own refusals ("batch.held") come from the Refusal enum of its schema and
// answer 409.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace millrace {

struct error_entry {
  std::uint16_t number;  // stable for ever; never reused
  std::string_view code;
  std::uint16_t http;
  std::string_view title;
};

inline constexpr std::array error_catalogue{
    // requests
    error_entry{100, "request.not_json", 400, "The body is not JSON"},
    error_entry{101, "request.too_deep", 400, "The body nests deeper than 32 levels"},
    error_entry{102, "request.duplicate_key", 400, "An object has the same key twice"},
    error_entry{103, "request.not_utf8", 400, "The body is not UTF-8"},
    error_entry{104, "request.malformed", 400, "The request is malformed"},
    error_entry{105, "request.too_large", 413, "The body is larger than the limit"},
    error_entry{106, "request.media_type", 415, "The media type is not supported"},
    error_entry{107, "request.invalid", 422, "The body does not match the schema"},
    error_entry{108, "request.key_reused", 422, "The idempotency key was used for another request"},
    error_entry{109, "request.in_flight", 409, "A request with this idempotency key is in flight"},
    error_entry{110, "request.header_too_large", 431,
                "The header fields are larger than the limit"},
    error_entry{111, "request.timeout", 408, "The request took too long to arrive"},
    error_entry{112, "request.method", 405, "The method is not allowed here"},
    // decimals, times, ids
    error_entry{120, "decimal.syntax", 422, "Not a decimal number"},
    error_entry{121, "decimal.scale", 422, "More than six fractional digits"},
    error_entry{122, "decimal.range", 422, "The number is out of range"},
    error_entry{123, "time.syntax", 422, "Not an RFC 3339 time"},
    error_entry{124, "time.range", 422, "The time is out of range"},
    error_entry{125, "id.invalid", 422, "Not a valid id"},
    // authority
    error_entry{200, "auth.missing", 401, "A bearer token is needed"},
    error_entry{201, "auth.invalid", 401, "The token is not valid"},
    error_entry{202, "command.not_owner", 403, "The command belongs to another system"},
    error_entry{203, "command.not_authorised", 403, "The principal may not do this"},
    error_entry{204, "signature.missing", 422, "The command needs a signature"},
    error_entry{205, "approval.needed", 409, "A second person must approve of it"},
    error_entry{206, "approval.same_person", 409, "Who asked for it may not approve of it"},
    // addressing
    error_entry{300, "route.unknown", 404, "No such resource"},
    error_entry{301, "plant.unknown", 404, "No such plant"},
    error_entry{302, "actor.unknown", 404, "No such actor"},
    error_entry{303, "command.unknown", 404, "No such command"},
    error_entry{304, "exception.unknown", 404, "No such exception"},
    error_entry{305, "deadletter.unknown", 404, "No such dead letter"},
    error_entry{306, "transaction.unknown", 404, "No such transaction"},
    error_entry{307, "endpoint.unknown", 404, "No such endpoint"},
    error_entry{308, "cursor.expired", 410, "The cursor is behind retention"},
    error_entry{309, "cursor.invalid", 400, "The cursor is not valid"},
    error_entry{310, "command.precondition", 412, "The actor has another version"},
    error_entry{311, "command.expired", 409, "The idempotency key is older than the window"},
    error_entry{312, "deadletter.not_open", 409, "The dead letter is not open"},
    // load
    error_entry{400, "plant.overloaded", 429, "The plant's lane is full"},
    error_entry{401, "client.rate_limited", 429, "The client sends too fast"},
    error_entry{402, "endpoint.backlog", 503, "The endpoint's backlog is full"},
    error_entry{403, "node.not_ready", 503, "The node is starting or stopping"},
    error_entry{404, "node.disk_reserve", 503, "The disk is nearly full"},
    error_entry{405, "exceptions.full", 503, "The actor has too many open exceptions"},
    error_entry{406, "command.deadline", 202, "The outcome is not known yet"},
    error_entry{407, "node.connections", 503, "Too many connections"},
    error_entry{408, "plant.not_leader", 503, "Another node leads the plant; nothing has happened"},
    error_entry{409, "outcome.unknown", 503,
                "Leadership moved meanwhile; the same key gets the first answer"},
    // faults
    error_entry{500, "kind.fault", 500, "The actor's code failed on this command"},
    error_entry{501, "actor.quarantined", 503, "The actor is quarantined"},
    error_entry{502, "journal.damaged", 500, "A journal entry is damaged"},
    error_entry{503, "state.damaged", 500, "A checkpoint row is damaged"},
    error_entry{504, "disk.failed", 500, "The disk failed"},
    error_entry{505, "command.poison", 409, "The command was in flight at two process deaths"},
    error_entry{506, "entry.too_large", 413, "The command's outcome exceeds the entry limit"},
    error_entry{507, "config.invalid", 500, "The configuration is not valid"},
    error_entry{508, "directory.refused", 500, "The data directory is refused"},
    error_entry{509, "group.unsafe", 500, "A replication group would break its rules"},
    error_entry{510, "port.unavailable", 500, "The port cannot be listened on"},
    // mappings: this message cannot be said in the outer system's form; a retry does not help
    error_entry{600, "mapping.missing", 422, "The message lacks what the mapping needs"},
    error_entry{601, "mapping.no_code", 422, "The mapping's table has no such code"},
    error_entry{602, "mapping.not_a_number", 422, "The mapping wants a number"},
    error_entry{603, "mapping.not_a_list", 422, "The mapping wants a list"},
    error_entry{604, "mapping.no_delivery", 422, "The mapping does not know this delivery"},
    error_entry{605, "mapping.too_large", 422, "The rendered message is too large"},
    error_entry{606, "mapping.unknown_type", 422, "The delivery's type is not known"},
};

/// The entry for a code; a code that is not in the catalogue is a kind's refusal: 409.
[[nodiscard]] constexpr std::uint16_t http_status(std::string_view code) {
  if (code.empty()) return 200;
  for (const auto& e : error_catalogue)
    if (e.code == code) return e.http;
  return 409;
}

/// The title for a code of the catalogue, else empty.
[[nodiscard]] constexpr std::string_view error_title(std::string_view code) {
  for (const auto& e : error_catalogue)
    if (e.code == code) return e.title;
  return {};
}

}  // namespace millrace
