// Envelopes of the client port as the engine's requests and back: everything that needs no socket.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/engine.hpp"
#include "nodes/gateway/auth.hpp"
#include "schemas/engine/envelope_generated.h"

namespace millrace {

inline constexpr std::uint32_t envelope_depth_max = 16;
inline constexpr std::uint32_t envelope_tables_max = 100'000;

/// The frame in these bytes; nullptr when they are not one within the limits.
/// Lives until the next call on this thread, and no longer than `message`.
[[nodiscard]] const engine::Frame* verified_frame(bytes_view message);

/// One command of a frame as a request (without its tag). Errors as over HTTP: plant.unknown,
/// command.unknown, command.not_owner, id.invalid, request.invalid, …
[[nodiscard]] result<request> request_of(const engine::Command& command,
                                         const gateway::identity& who, const engine_api& engine,
                                         const schema_model& model, std::uint32_t deadline_ms_max);

/// Appends a reply to those of a frame under construction.
void add_reply(flatbuffers::FlatBufferBuilder& builder,
               std::vector<flatbuffers::Offset<engine::Reply>>& replies, const reply& r,
               std::uint64_t token_tag, const std::string& plant);

/// A reply that says only why not.
[[nodiscard]] reply refusal_reply(const error& why);

}  // namespace millrace
