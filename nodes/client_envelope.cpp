// Envelopes of the client port.
// What comes in is verified twice: the frame as a whole, then each body against its command's
// table.
#include "nodes/client_envelope.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nodes/gateway/core.hpp"
#include "nodes/gateway/path.hpp"
#include "nodes/gateway/utf8.hpp"
#include "schemas/json.hpp"

namespace millrace {
namespace {

std::string_view view(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view() : s->string_view();
}

/// Ids that travel with a command but mean nothing to us.
bool is_plain_text(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max && is_utf8(text) && !gateway::has_control_characters(text);
}

}  // namespace

const engine::Frame* verified_frame(bytes_view message) {
  // ZeroMQ hands messages out inside its receive buffer, at any address; tables are read in place
  // only where they are aligned.
  thread_local bytes aligned;
  if (reinterpret_cast<std::uintptr_t>(message.data()) % alignof(std::max_align_t) != 0) {
    aligned.assign(message.begin(), message.end());
    message = aligned;
  }
  flatbuffers::Verifier verifier(message.data(), message.size(), envelope_depth_max,
                                 envelope_tables_max);
  if (!verifier.VerifyBuffer<engine::Frame>(nullptr)) return nullptr;
  return flatbuffers::GetRoot<engine::Frame>(message.data());
}

result<request> request_of(const engine::Command& command, const gateway::identity& who,
                           const engine_api& engine, const schema_model& model,
                           std::uint32_t deadline_ms_max) {
  const auto plant = view(command.plant());
  if (!gateway::is_plant_name(plant) || !engine.has_plant(plant))
    return error{"plant.unknown", "no plant " + std::string(plant)};
  const auto* kind = model.kind(view(command.kind()));
  if (kind == nullptr) return error{"route.unknown", "no such kind"};
  const auto id = view(command.id());
  if (!is_actor_id(id))
    return error{"id.invalid", "an id is 1-80 bytes of UTF-8 in NFC without control characters"};
  const auto* type = kind->command(command.command());
  if (type == nullptr || type->internal || type->member == 0)
    return error{"command.unknown", "no such command of " + kind->name};
  const auto system = gateway::speaking_system(who.who.systems, type->owners, type->any_owner);
  if (system == 0)
    return error{"command.not_owner",
                 type->wire_name + " belongs to " + system_names(type->owners)};
  if (!is_plain_text(view(command.key()), 255) ||
      !is_plain_text(view(command.correlation()), 128) ||
      !is_plain_text(view(command.causation()), 200) ||
      !is_plain_text(view(command.on_behalf_of()), 200))
    return error{"request.malformed", "an id of the envelope is too long or not text"};
  if (!view(command.on_behalf_of()).empty() && !who.persons)
    return error{"command.not_authorised", "this client may not speak on behalf of persons"};
  request r;
  if (command.body() != nullptr) r.body.assign(command.body()->begin(), command.body()->end());
  if (!verify_table(model, *type, r.body))
    return error{"request.invalid", "the body is not a " + type->name};
  r.to = {std::string(plant), kind->name, std::string(id)};
  r.command = type->member;
  r.key = view(command.key());
  r.from = who.who;
  r.from.on_behalf_of = view(command.on_behalf_of());
  if (const auto* signature = command.signature()) {
    r.signature_meaning = view(signature->meaning());
    r.signature_reason = view(signature->reason());
  }
  r.system = static_cast<System>(system);
  r.correlation = view(command.correlation());
  r.causation = view(command.causation());
  r.deadline_ms = std::min(command.deadline_ms(), deadline_ms_max);
  return r;
}

void add_reply(flatbuffers::FlatBufferBuilder& builder,
               std::vector<flatbuffers::Offset<engine::Reply>>& replies, const reply& r,
               std::uint64_t token_tag, const std::string& plant) {
  std::vector<flatbuffers::Offset<engine::Event>> events;
  events.reserve(r.events.size());
  for (const auto& e : r.events) {
    builder.ForceVectorAlignment(e.body.size(), 1, 8);
    const auto body = builder.CreateVector(e.body.data(), e.body.size());
    events.push_back(engine::CreateEvent(builder, e.type, body));
  }
  const auto text = [&](const std::string& s) {
    return s.empty() ? flatbuffers::Offset<flatbuffers::String>() : builder.CreateString(s);
  };
  const auto code = text(r.code);
  const auto detail = text(r.detail);
  const auto exception =
      text(r.exception.empty() ? r.exception : gateway::public_exception_id(plant, r.exception));
  const auto correlation = text(r.correlation);
  const auto list = events.empty() ? 0 : builder.CreateVector(events);
  engine::ReplyBuilder b(builder);
  b.add_token_tag(token_tag);
  b.add_status(static_cast<std::uint16_t>(gateway::status_of(r)));
  if (!code.IsNull()) b.add_code(code);
  if (!detail.IsNull()) b.add_detail(detail);
  b.add_generation(r.generation);
  b.add_sequence(r.sequence);
  b.add_replayed(r.replayed);
  if (!exception.IsNull()) b.add_exception(exception);
  if (!correlation.IsNull()) b.add_correlation(correlation);
  if (!list.IsNull()) b.add_events(list);
  b.add_index(r.index);
  replies.push_back(b.Finish());
}

reply refusal_reply(const error& why) {
  reply r;
  r.outcome = engine::Outcome::refused;
  r.code = why.code;
  r.detail = why.detail;
  return r;
}

}  // namespace millrace
