// FlatBuffers are built inside out: first all strings and vectors, then the table that refers to
// them. Bodies are aligned to 8, so that they can be read in place where the journal put them.
#include "cluster/record_writer.hpp"

namespace millrace {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

template <class T>
using list = Offset<flatbuffers::Vector<Offset<T>>>;

Offset<flatbuffers::String> text(FlatBufferBuilder& b, std::string_view s) {
  return s.empty() ? Offset<flatbuffers::String>() : b.CreateString(s.data(), s.size());
}

list<engine::Event> write_events(FlatBufferBuilder& b, std::span<const packed> events) {
  if (events.empty()) return 0;
  thread_local std::vector<Offset<engine::Event>> made;
  made.clear();
  for (const auto& e : events) {
    b.ForceVectorAlignment(e.body.size(), 1, 8);
    const auto body = b.CreateVector(e.body.data(), e.body.size());
    made.push_back(engine::CreateEvent(b, e.type, body));
  }
  return b.CreateVector(made.data(), made.size());
}

list<engine::EffectBox> write_effects(FlatBufferBuilder& b,
                                      std::span<const engine::EffectUnion> effects) {
  if (effects.empty()) return 0;
  std::vector<Offset<engine::EffectBox>> made;
  for (const auto& e : effects) {
    const auto packed_effect = e.Pack(b);
    made.push_back(engine::CreateEffectBox(b, e.type, packed_effect));
  }
  return b.CreateVector(made);
}

list<engine::Settle> write_settles(FlatBufferBuilder& b, std::span<const engine::SettleT> settles) {
  if (settles.empty()) return 0;
  std::vector<Offset<engine::Settle>> made;
  for (const auto& s : settles) made.push_back(engine::Settle::Pack(b, &s));
  return b.CreateVector(made);
}

list<engine::Reference> write_references(
    FlatBufferBuilder& b, std::span<const std::pair<std::string, std::uint64_t>> references) {
  if (references.empty()) return 0;
  std::vector<Offset<engine::Reference>> made;
  for (const auto& [actor, sequence] : references) {
    const auto name = text(b, actor);
    made.push_back(engine::CreateReference(b, name, sequence));
  }
  return b.CreateVector(made);
}

}  // namespace

bytes write_record(const record_parts& p) {
  thread_local FlatBufferBuilder b(8192);
  b.Clear();
  const auto actor = text(b, p.actor);
  const auto principal = text(b, p.principal);
  const auto on_behalf_of = text(b, p.on_behalf_of);
  const auto correlation = text(b, p.correlation);
  const auto causation = text(b, p.causation);
  const auto code = text(b, p.code);
  const auto detail = text(b, p.detail);
  const auto events = write_events(b, p.events);
  const auto effects = write_effects(b, p.effects);
  const auto consumed =
      p.consumed ? engine::Consumed::Pack(b, p.consumed) : Offset<engine::Consumed>();
  const auto settles = write_settles(b, p.settles);
  const auto parked = p.parked ? engine::Parked::Pack(b, p.parked) : Offset<engine::Parked>();
  const auto unparked =
      p.unparked ? engine::Unparked::Pack(b, p.unparked) : Offset<engine::Unparked>();
  const auto delivery =
      p.delivery ? engine::DeliveryDone::Pack(b, p.delivery) : Offset<engine::DeliveryDone>();
  const auto references = write_references(b, p.references);
  const auto reply_to = text(b, p.reply_to);
  const auto ask = text(b, p.ask);
  const auto signature = p.signature_meaning.empty()
                             ? Offset<Signature>()
                             : CreateSignature(b, b.CreateString(p.signature_meaning),
                                               b.CreateString(p.signature_reason));
  const auto id = flatbuffers::Pack(p.id);
  const auto origin = flatbuffers::Pack(p.origin);
  const auto at = flatbuffers::Pack(p.at);

  engine::RecordBuilder r(b);
  if (p.id.given()) r.add_id(&id);
  if (p.origin.given()) r.add_origin(&origin);
  r.add_at(&at);
  r.add_sequence(p.sequence);
  r.add_previous(p.previous);
  r.add_fingerprint(p.fingerprint);
  r.add_actor(actor);
  r.add_principal(principal);
  r.add_on_behalf_of(on_behalf_of);
  r.add_correlation(correlation);
  r.add_causation(causation);
  r.add_code(code);
  r.add_detail(detail);
  r.add_events(events);
  r.add_effects(effects);
  r.add_consumed(consumed);
  r.add_settles(settles);
  r.add_parked(parked);
  r.add_unparked(unparked);
  r.add_delivery(delivery);
  r.add_references(references);
  r.add_reply_to(reply_to);
  r.add_ask(ask);
  r.add_signature(signature);
  r.add_source(p.source);
  r.add_command(p.command);
  r.add_system(p.system);
  r.add_outcome(p.outcome);
  r.add_keyed(p.keyed);
  b.Finish(r.Finish());
  return bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

}  // namespace millrace
