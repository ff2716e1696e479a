// Frames of requests, replies and questions to bytes and back, and how they are cut.
#include "cluster/route_frame.hpp"

#include "schemas/engine/route_generated.h"

namespace millrace {

bytes encode_content(const route_content& c);  // route_content.cpp

namespace {

constexpr flatbuffers::uoffset_t depth_max = 8;
constexpr flatbuffers::uoffset_t tables_max = 200'000;
constexpr std::size_t answer_part_bytes = 1024 * 1024;
constexpr std::size_t overhead_bytes = 400;  // of one request or reply besides its body

error malformed(const char* why) { return {"request.malformed", why}; }

std::size_t size_of(const request& r) {
  return overhead_bytes + r.body.size() + r.key.size() + r.correlation.size() + r.reason.size();
}
std::size_t size_of(const reply& r) {
  std::size_t out = overhead_bytes + r.detail.size();
  for (const auto& e : r.events) out += e.body.size() + 32;
  return out;
}

route::RequestT pack(const request& r) {
  route::RequestT t;
  t.number = r.tag;
  t.kind = r.to.kind;
  t.id = r.to.id;
  t.command = r.command;
  t.body = r.body;
  t.key = r.key;
  t.principal = r.from.name;
  t.systems = r.from.systems;
  t.on_behalf_of = r.from.on_behalf_of;
  t.system = r.system;
  t.correlation = r.correlation;
  t.causation = r.causation;
  t.if_match = r.if_match;
  t.deadline_ms = r.deadline_ms;
  t.exception = r.exception;
  t.op = static_cast<std::uint8_t>(r.op);
  t.reason = r.reason;
  t.signature_meaning = r.signature_meaning;
  t.signature_reason = r.signature_reason;
  t.dry_run = r.dry_run;
  return t;
}

request unpack(route::RequestT& t, const std::string& plant) {
  request r;
  r.tag = t.number;
  r.to = {plant, std::move(t.kind), std::move(t.id)};
  r.command = t.command;
  r.body = std::move(t.body);
  r.key = std::move(t.key);
  r.from = {std::move(t.principal), t.systems, std::move(t.on_behalf_of)};
  r.system = t.system;
  r.correlation = std::move(t.correlation);
  r.causation = std::move(t.causation);
  r.if_match = std::move(t.if_match);
  r.deadline_ms = t.deadline_ms;
  r.exception = std::move(t.exception);
  r.op = static_cast<request::exception_op>(t.op);
  r.reason = std::move(t.reason);
  r.signature_meaning = std::move(t.signature_meaning);
  r.signature_reason = std::move(t.signature_reason);
  r.dry_run = t.dry_run;
  return r;
}

route::ReplyT pack(const reply& r) {
  route::ReplyT t;
  t.number = r.tag;
  t.outcome = static_cast<std::uint8_t>(r.outcome);
  t.code = r.code;
  t.detail = r.detail;
  t.generation = r.generation;
  t.sequence = r.sequence;
  t.index = r.index;
  for (const auto& e : r.events) {
    auto& one = *t.events.emplace_back(std::make_unique<route::PackedT>());
    one.type = e.type;
    one.body = e.body;
  }
  t.replayed = r.replayed;
  t.exception = r.exception;
  t.correlation = r.correlation;
  t.retry_after_s = r.retry_after_s;
  return t;
}

reply unpack(route::ReplyT& t) {
  reply r;
  r.tag = t.number;
  r.outcome = static_cast<engine::Outcome>(t.outcome);
  r.code = std::move(t.code);
  r.detail = std::move(t.detail);
  r.generation = t.generation;
  r.sequence = t.sequence;
  r.index = t.index;
  for (auto& e : t.events)
    if (e) r.events.push_back({e->type, std::move(e->body)});
  r.replayed = t.replayed;
  r.exception = std::move(t.exception);
  r.correlation = std::move(t.correlation);
  r.retry_after_s = t.retry_after_s;
  return r;
}

route::AskT pack(const route_ask& a) {
  route::AskT t;
  t.number = a.number;
  t.what = static_cast<std::uint8_t>(a.what);
  t.plant = a.where.plant;
  t.kind = a.where.kind;
  t.id = a.where.id;
  t.how = static_cast<std::uint8_t>(a.how);
  t.table = a.table;
  t.after = a.after;
  t.limit = a.limit;
  for (const auto& [field, value] : a.filters) {
    t.filters.push_back(field);
    t.filters.push_back(value);
  }
  t.index = a.index;
  t.ordinal = a.ordinal;
  t.type = a.type;
  t.types = a.types;
  t.actor = a.actor;
  t.correlation = a.correlation;
  t.code = a.code;
  t.system = a.system;
  t.until = a.until.micros();
  t.reason = a.reason;
  t.op = a.op;
  t.body = a.body;
  t.principal = a.principal;
  return t;
}

route_ask unpack(route::AskT& t) {
  route_ask a;
  a.number = t.number;
  a.what = static_cast<asked>(t.what);
  a.where = {std::move(t.plant), std::move(t.kind), std::move(t.id)};
  a.how = static_cast<consistency>(t.how);
  a.table = std::move(t.table);
  a.after = std::move(t.after);
  a.limit = t.limit;
  for (std::size_t i = 0; i + 1 < t.filters.size(); i += 2)
    a.filters.emplace_back(std::move(t.filters[i]), std::move(t.filters[i + 1]));
  a.index = t.index;
  a.ordinal = t.ordinal;
  a.type = std::move(t.type);
  a.types = std::move(t.types);
  a.actor = std::move(t.actor);
  a.correlation = std::move(t.correlation);
  a.code = std::move(t.code);
  a.system = t.system;
  a.until = timestamp::from_micros(t.until);
  a.reason = std::move(t.reason);
  a.op = t.op;
  a.body = std::move(t.body);
  a.principal = std::move(t.principal);
  return a;
}

struct packer {
  route::FrameT& out;
  void operator()(const route_submit& s) const {
    route::SubmitT t;
    t.plant = s.plant;
    t.term = s.term;
    for (const auto& r : s.batch) t.requests.push_back(std::make_unique<route::RequestT>(pack(r)));
    out.body.Set(std::move(t));
  }
  void operator()(const route_replies& s) const {
    route::RepliesT t;
    for (const auto& r : s.replies) t.replies.push_back(std::make_unique<route::ReplyT>(pack(r)));
    out.body.Set(std::move(t));
  }
  void operator()(const route_ask& a) const { out.body.Set(pack(a)); }
  void operator()(const route_answer& a) const {
    route::AnswerT t;
    t.number = a.number;
    t.code = a.code;
    t.detail = a.detail;
    t.part = a.part;
    t.parts = a.parts;
    t.content = a.content;
    out.body.Set(std::move(t));
  }
  void operator()(const route_leads& l) const {
    route::LeadsT t;
    for (const auto& one : l.leads) {
      auto& lead = *t.leads.emplace_back(std::make_unique<route::LeadT>());
      lead.plant = one.plant;
      lead.term = one.term;
    }
    out.body.Set(std::move(t));
  }
};

/// Enums that came from outside are what they say.
bool sound(const route::RequestT& r) {
  return !r.kind.empty() && r.kind.size() + r.id.size() <= 2 * id_bytes_max && r.op <= 3 &&
         static_cast<unsigned>(r.system) <= static_cast<unsigned>(System::MAX);
}
bool sound(const route::AskT& a) {
  return a.what >= static_cast<std::uint8_t>(asked::read) &&
         a.what <= static_cast<std::uint8_t>(asked::plants) &&
         a.how <= static_cast<std::uint8_t>(consistency::local) && a.op <= 1 &&
         static_cast<unsigned>(a.system) <= static_cast<unsigned>(System::MAX);
}

result<route_frame> unpack(route::FrameT& t) {
  route_frame out;
  out.session = t.session;
  out.done_below = t.done_below;
  out.done = std::move(t.done);
  if (t.body.value == nullptr) return malformed("a frame without a body");
  switch (t.body.type) {
    case route::Body::Submit: {
      auto& s = *t.body.AsSubmit();
      route_submit submit{std::move(s.plant), s.term, {}};
      for (auto& r : s.requests) {
        if (!r || !sound(*r)) return malformed("a request that cannot be");
        submit.batch.push_back(unpack(*r, submit.plant));
      }
      out.body = std::move(submit);
      return out;
    }
    case route::Body::Replies: {
      route_replies replies;
      for (auto& r : t.body.AsReplies()->replies) {
        if (!r || r->outcome > static_cast<std::uint8_t>(engine::Outcome::MAX))
          return malformed("a reply that cannot be");
        replies.replies.push_back(unpack(*r));
      }
      out.body = std::move(replies);
      return out;
    }
    case route::Body::Ask:
      if (!sound(*t.body.AsAsk())) return malformed("a question that cannot be");
      out.body = unpack(*t.body.AsAsk());
      return out;
    case route::Body::Answer: {
      auto& a = *t.body.AsAnswer();
      if (a.part >= a.parts || a.parts > answer_bytes_max / answer_part_bytes + 1)
        return malformed("a part of an answer that cannot be");
      out.body = route_answer{a.number, std::move(a.code), std::move(a.detail),
                              a.part,   a.parts,           std::move(a.content)};
      return out;
    }
    case route::Body::Leads: {
      route_leads leads;
      for (auto& l : t.body.AsLeads()->leads)
        if (l) leads.leads.push_back({std::move(l->plant), l->term});
      out.body = std::move(leads);
      return out;
    }
    case route::Body::NONE:
      break;
  }
  return malformed("a frame without a body");
}

template <class Whole, class Items>
std::vector<Whole> cut(Whole& whole, Items Whole::*items) {
  std::vector<Whole> out;
  std::size_t size = route_frame_bytes;
  auto all = std::move(whole.*items);
  (whole.*items).clear();
  for (auto& item : all) {
    const auto more = size_of(item);
    if (out.empty() || size + more > route_frame_bytes) {
      out.push_back(whole);
      size = 0;
    }
    size += more;
    (out.back().*items).push_back(std::move(item));
  }
  return out;
}

}  // namespace

bytes encode_route(const route_frame& frame) {
  route::FrameT t;
  t.session = frame.session;
  t.done_below = frame.done_below;
  t.done = frame.done;
  std::visit(packer{t}, frame.body);
  flatbuffers::FlatBufferBuilder b(4096);
  b.Finish(route::Frame::Pack(b, &t));
  return bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

result<route_frame> decode_route(bytes_view from) {
  flatbuffers::Verifier verifier(from.data(), from.size(), depth_max, tables_max);
  if (!verifier.VerifyBuffer<route::Frame>(nullptr)) return malformed("not a frame of a router");
  route::FrameT t;
  flatbuffers::GetRoot<route::Frame>(from.data())->UnPackTo(&t);
  return unpack(t);
}

std::vector<route_submit> cut_frames(route_submit whole) {
  return cut(whole, &route_submit::batch);
}
std::vector<route_replies> cut_frames(route_replies whole) {
  return cut(whole, &route_replies::replies);
}

std::vector<route_answer> cut_answer(std::uint64_t number, const result<route_content>& content) {
  if (!content) return {{number, content.error().code, content.error().detail, 0, 1, {}}};
  const auto whole = encode_content(*content);
  if (whole.size() > answer_bytes_max)
    return {{number, "request.too_large", "the answer is too large for one page", 0, 1, {}}};
  std::vector<route_answer> out;
  const auto parts =
      static_cast<std::uint32_t>((whole.size() + answer_part_bytes - 1) / answer_part_bytes);
  for (std::uint32_t i = 0; i < parts; ++i) {
    const auto from = whole.begin() + static_cast<std::ptrdiff_t>(i * answer_part_bytes);
    const auto size = std::min(answer_part_bytes, whole.size() - i * answer_part_bytes);
    out.push_back(
        {number, {}, {}, i, parts, bytes(from, from + static_cast<std::ptrdiff_t>(size))});
  }
  return out;
}

}  // namespace millrace
