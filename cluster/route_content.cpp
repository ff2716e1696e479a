// Answers of an engine to bytes and back: the views that a gateway reads, field by field.
#include "cluster/route_frame.hpp"
#include "schemas/engine/route_generated.h"

namespace millrace {

bytes encode_content(const route_content& c);

namespace {

constexpr flatbuffers::uoffset_t depth_max = 4;
constexpr flatbuffers::uoffset_t tables_max = 200'000;

// One list of fields per view serves both ways: `io(table field, view field)`.
struct to_table {
  template <class A, class B>
  void operator()(A& table, const B& view) const {
    if constexpr (std::is_same_v<B, timestamp>)
      table = view.micros();
    else
      table = view;
  }
};
struct to_view {
  template <class A, class B>
  void operator()(A& table, B& view) const {
    if constexpr (std::is_same_v<B, timestamp>)
      view = timestamp::from_micros(table);
    else
      view = std::move(table);
  }
};

template <class T, class V, class IO>
void fields(T& t, V& v, IO io) {
  using view = std::remove_const_t<V>;
  if constexpr (std::is_same_v<view, actor_view>) {
    io(t.plant, v.where.plant), io(t.kind, v.where.kind), io(t.id, v.where.id);
    io(t.generation, v.generation), io(t.sequence, v.sequence), io(t.stamp, v.stamp);
    io(t.state, v.state), io(t.quarantined, v.quarantined);
  } else if constexpr (std::is_same_v<view, row_view>) {
    io(t.key, v.key), io(t.row, v.row);
  } else if constexpr (std::is_same_v<view, event_view>) {
    io(t.type, v.type), io(t.kind, v.kind), io(t.id, v.id), io(t.index, v.index);
    io(t.ordinal, v.ordinal), io(t.sequence, v.sequence), io(t.stamp, v.stamp);
    io(t.member, v.member), io(t.body, v.body), io(t.correlation, v.correlation);
    io(t.causation, v.causation), io(t.principal, v.principal);
    io(t.on_behalf_of, v.on_behalf_of);
  } else if constexpr (std::is_same_v<view, hop>) {
    io(t.at, v.at), io(t.what, v.what), io(t.actor, v.actor), io(t.type, v.type);
    io(t.principal, v.principal), io(t.code, v.code), io(t.detail, v.detail);
    io(t.system, v.system), io(t.document, v.document), io(t.index, v.index);
    io(t.sequence, v.sequence), io(t.attempt, v.attempt);
  } else if constexpr (std::is_same_v<view, exception_view>) {
    io(t.id, v.id), io(t.plant, v.plant), io(t.actor, v.actor), io(t.code, v.code);
    io(t.reason, v.reason), io(t.principal, v.principal), io(t.correlation, v.correlation);
    io(t.command, v.command), io(t.body, v.body), io(t.raised_at, v.raised_at);
  } else if constexpr (std::is_same_v<view, delivery_view>) {
    io(t.id, v.id), io(t.plant, v.plant), io(t.key, v.key), io(t.type, v.type);
    io(t.tag, v.tag), io(t.actor, v.actor), io(t.correlation, v.correlation);
    io(t.state, v.state), io(t.system, v.system), io(t.attempts, v.attempts);
    io(t.filed_at, v.filed_at), io(t.last_attempt, v.last_attempt);
    io(t.next_attempt, v.next_attempt), io(t.last_error, v.last_error);
    io(t.document, v.document), io(t.member, v.member), io(t.kind, v.kind), io(t.body, v.body);
  } else if constexpr (std::is_same_v<view, endpoint_view>) {
    io(t.plant, v.plant), io(t.system, v.system), io(t.breaker, v.breaker);
    io(t.paused, v.paused), io(t.paused_until, v.paused_until);
    io(t.pause_reason, v.pause_reason), io(t.waiting, v.waiting), io(t.dead, v.dead);
    io(t.acknowledged, v.acknowledged), io(t.attempts, v.attempts), io(t.failures, v.failures);
    io(t.oldest, v.oldest), io(t.last_success, v.last_success);
    io(t.last_failure, v.last_failure), io(t.last_error, v.last_error);
  } else if constexpr (std::is_same_v<view, plant_member>) {
    io(t.node, v.node), io(t.role, v.role), io(t.match, v.match), io(t.up, v.up);
  } else {
    static_assert(std::is_same_v<view, plant_status>);
    io(t.plant, v.plant), io(t.generation, v.generation), io(t.term, v.term);
    io(t.commit, v.commit), io(t.applied, v.applied), io(t.checkpoint, v.checkpoint);
    io(t.resident, v.resident), io(t.in_flight, v.in_flight), io(t.parked, v.parked);
    io(t.timers, v.timers), io(t.quarantined, v.quarantined), io(t.chain_head, v.chain_head);
    io(t.role, v.role), io(t.leader, v.leader);
  }
}

template <class T, class V>
void pack(std::vector<std::unique_ptr<T>>& out, const std::vector<V>& views) {
  for (const auto& v : views) fields(*out.emplace_back(std::make_unique<T>()), v, to_table());
}
template <class T, class V>
void unpack(std::vector<std::unique_ptr<T>>& tables, std::vector<V>& out) {
  for (auto& t : tables)
    if (t) fields(*t, out.emplace_back(), to_view());
}

void pack_plants(std::vector<std::unique_ptr<route::PlantItemT>>& out,
                 const std::vector<plant_status>& plants) {
  pack(out, plants);
  for (std::size_t i = 0; i < plants.size(); ++i) {
    for (const auto& [actor, why] : plants[i].quarantined_actors) {
      out[i]->quarantined_actors.push_back(actor);
      out[i]->quarantined_actors.push_back(why);
    }
    pack(out[i]->members, plants[i].members);
  }
}

void unpack_plants(std::vector<std::unique_ptr<route::PlantItemT>>& tables,
                   std::vector<plant_status>& out) {
  for (auto& t : tables) {
    if (!t) continue;
    auto& p = out.emplace_back();
    fields(*t, p, to_view());
    for (std::size_t i = 0; i + 1 < t->quarantined_actors.size(); i += 2)
      p.quarantined_actors.emplace_back(std::move(t->quarantined_actors[i]),
                                        std::move(t->quarantined_actors[i + 1]));
    unpack(t->members, p.members);
  }
}

/// Systems that came from outside are systems.
template <class Tables>
bool sound(const Tables& tables) {
  for (const auto& t : tables)
    if (t && static_cast<unsigned>(t->system) > static_cast<unsigned>(System::MAX)) return false;
  return true;
}

}  // namespace

bytes encode_content(const route_content& c) {
  route::AnswerContentT t;
  pack(t.actors, c.actors);
  t.next = c.next;
  pack(t.rows, c.rows);
  pack(t.events, c.events.events);
  t.next_index = c.events.next_index;
  t.next_ordinal = c.events.next_ordinal;
  t.at_head = c.events.at_head;
  pack(t.hops, c.hops);
  pack(t.exceptions, c.exceptions);
  pack(t.deliveries, c.deliveries);
  pack(t.endpoints, c.endpoints);
  pack_plants(t.plants, c.plants);
  flatbuffers::FlatBufferBuilder b(4096);
  b.Finish(route::AnswerContent::Pack(b, &t));
  return bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

result<route_content> decode_content(bytes_view from) {
  flatbuffers::Verifier verifier(from.data(), from.size(), depth_max, tables_max);
  if (!verifier.VerifyBuffer<route::AnswerContent>(nullptr))
    return error{"request.malformed", "not an answer of a router"};
  route::AnswerContentT t;
  flatbuffers::GetRoot<route::AnswerContent>(from.data())->UnPackTo(&t);
  if (!sound(t.deliveries) || !sound(t.endpoints))
    return error{"request.malformed", "an answer that names no system"};
  route_content out;
  unpack(t.actors, out.actors);
  out.next = std::move(t.next);
  unpack(t.rows, out.rows);
  unpack(t.events, out.events.events);
  out.events.next_index = t.next_index;
  out.events.next_ordinal = t.next_ordinal;
  out.events.at_head = t.at_head;
  unpack(t.hops, out.hops);
  unpack(t.exceptions, out.exceptions);
  unpack(t.deliveries, out.deliveries);
  unpack(t.endpoints, out.endpoints);
  unpack_plants(t.plants, out.plants);
  return out;
}

}  // namespace millrace
