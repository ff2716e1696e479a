#include "cluster/stream_wire.hpp"

#include <utility>

#include "schemas/engine/stream_generated.h"

namespace millrace {

namespace {

constexpr std::size_t depth_max = 16;
constexpr std::size_t tables_max = 200'000;  // 256 messages with their events and finds

std::string text(const flatbuffers::String* s) { return s != nullptr ? s->str() : std::string(); }

bool in_range(const engine::Message& m) {
  return m.lane() <= Lane::MAX && m.outcome() <= engine::Outcome::MAX;
}

template <class Frame>
void name(wire::StreamT& to, const Frame& from) {
  to.to_plant = from.to_plant;
  to.from_plant = from.from_plant;
  to.generation = from.generation;
  to.lane = from.lane;
}

template <class Frame>
Frame named(const wire::Stream& from) {
  Frame out;
  out.to_plant = text(from.to_plant());
  out.from_plant = text(from.from_plant());
  out.generation = from.generation();
  out.lane = from.lane();
  return out;
}

}  // namespace

bytes encode_stream(const stream_letter& letter) {
  wire::StreamT out;
  out.origin = letter.origin;
  out.forwarded = letter.forwarded;
  if (const auto* frame = std::get_if<message_frame>(&letter.what)) {
    name(out, *frame);
    out.kind = wire::StreamKind::messages;
    out.first = frame->first;
    for (const auto& m : frame->messages)
      out.messages.push_back(std::make_unique<engine::MessageT>(*m));
  } else {
    const auto& mark = std::get<watermark_frame>(letter.what);
    name(out, mark);
    out.kind = wire::StreamKind::watermark;
    out.watermark = mark.watermark;
  }
  flatbuffers::FlatBufferBuilder builder(4096);
  builder.Finish(wire::Stream::Pack(builder, &out));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

result<stream_letter> decode_stream(bytes_view from) {
  const error malformed{"request.malformed", "not a frame of a stream between plants"};
  flatbuffers::Verifier verifier(from.data(), from.size(), depth_max, tables_max);
  if (!verifier.VerifyBuffer<wire::Stream>(nullptr)) return malformed;
  const auto& s = *flatbuffers::GetRoot<wire::Stream>(from.data());
  if (s.kind() > wire::StreamKind::MAX || s.lane() > Lane::MAX || s.to_plant() == nullptr ||
      s.from_plant() == nullptr || s.to_plant()->size() == 0 || s.from_plant()->size() == 0 ||
      s.origin() == 0)
    return malformed;
  stream_letter out;
  out.origin = s.origin();
  out.forwarded = s.forwarded();
  if (s.kind() == wire::StreamKind::watermark) {
    auto mark = named<watermark_frame>(s);
    mark.watermark = s.watermark();
    out.what = std::move(mark);
    return out;
  }
  auto frame = named<message_frame>(s);
  frame.first = s.first();
  if (s.messages() == nullptr || s.messages()->size() == 0 || frame.first == 0 ||
      s.messages()->size() > stream_frame_messages)
    return malformed;
  for (const auto* m : *s.messages()) {
    if (!in_range(*m)) return malformed;
    auto one = std::make_shared<engine::MessageT>();
    m->UnPackTo(one.get());
    frame.messages.push_back(std::move(one));
  }
  out.what = std::move(frame);
  return out;
}

const std::string& to_plant(const stream_letter& letter) {
  return std::visit([](const auto& f) -> const std::string& { return f.to_plant; }, letter.what);
}

const std::string& from_plant(const stream_letter& letter) {
  return std::visit([](const auto& f) -> const std::string& { return f.from_plant; }, letter.what);
}

}  // namespace millrace
