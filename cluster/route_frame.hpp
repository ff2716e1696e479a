// What routers of two nodes say to each other, and its bytes: one checked FlatBuffer per envelope
// (schemas/engine/route.fbs). Verified with tight limits before the first access.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/log_entry.hpp"

namespace millrace {

inline constexpr std::size_t route_frame_bytes = 1024 * 1024;  // aimed at; one item may be more
inline constexpr std::size_t route_frame_bytes_max = 7 * 1024 * 1024;
inline constexpr std::size_t answer_bytes_max = 64 * 1024 * 1024;  // of all parts of an answer

/// Requests for the leader of a term. A request's tag is the number of its attempt.
struct route_submit {
  std::string plant;
  term_number term = 0;
  std::vector<request> batch;
};

enum class asked : std::uint8_t {
  read = 1,
  list,
  rows,
  events,
  transaction,
  exceptions,
  deadletters,
  deadletter,
  endpoints,
  pause,
  plants
};

/// A question to a node; the fields of the engine's call that it stands for.
struct route_ask {
  std::uint64_t number = 0;
  asked what = asked::read;
  address where;  // its plant: of every question about one plant
  consistency how = consistency::leader;
  std::string table, after;
  std::uint32_t limit = 0;
  std::vector<std::pair<std::string, std::string>> filters;
  std::uint64_t index = 0;
  std::uint32_t ordinal = 0;
  std::string type, actor, correlation, code;
  std::vector<std::string> types;
  System system = System::none;
  timestamp until;
  std::string reason;
  std::uint8_t op = 0;
  bytes body;
  std::string principal;
};

/// What comes back: the part that the question asks for is filled.
struct route_content {
  std::vector<actor_view> actors;
  std::string next;
  std::vector<row_view> rows;
  event_page events;
  std::vector<hop> hops;
  std::vector<exception_view> exceptions;
  std::vector<delivery_view> deliveries;
  std::vector<endpoint_view> endpoints;
  std::vector<plant_status> plants;
};

/// One part of an answer, or a refusal (then `code` is set and it is the only part).
struct route_answer {
  std::uint64_t number = 0;
  std::string code, detail;
  std::uint32_t part = 0, parts = 1;
  bytes content;
};

struct route_lead {
  std::string plant;
  term_number term = 0;
};
/// Who leads a plant, 0 = nobody is known.
struct route_lead_at {
  node_number node = 0;
  term_number term = 0;
};
struct route_leads {
  std::vector<route_lead> leads;
};
struct route_replies {
  std::vector<reply> replies;  // tags are numbers of attempts
};

struct route_frame {
  std::uint64_t session = 0;
  std::uint64_t done_below = 0;
  std::variant<route_submit, route_replies, route_ask, route_answer, route_leads> body;
  std::vector<std::uint64_t> done = {};
};

[[nodiscard]] bytes encode_route(const route_frame& frame);
/// Error: request.malformed.
[[nodiscard]] result<route_frame> decode_route(bytes_view from);

/// A batch or replies that may be larger than a frame, cut into frames in order.
[[nodiscard]] std::vector<route_submit> cut_frames(route_submit whole);
[[nodiscard]] std::vector<route_replies> cut_frames(route_replies whole);
/// An answer's bytes in parts that fit; more than answer_bytes_max becomes a refusal.
[[nodiscard]] std::vector<route_answer> cut_answer(std::uint64_t number,
                                                   const result<route_content>& content);
/// The bytes of all parts. Error: request.malformed.
[[nodiscard]] result<route_content> decode_content(bytes_view from);

}  // namespace millrace
