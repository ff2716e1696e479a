// Envelopes to bytes and back. Verified with tight limits before the first access; what Raft's
// rules exclude (an index without a term, a candidate that speaks for another) is refused here, so
// that the engine never sees it.
#include "cluster/peer_wire.hpp"

#include <array>
#include <cstring>
#include <optional>

#include "cluster/crc32c.hpp"
#include "schemas/engine/peer_generated.h"

namespace millrace {

namespace {

constexpr std::size_t head_bytes = 8;
constexpr std::size_t chain_bytes = 32;
constexpr std::size_t entry_overhead_bytes = 48;
constexpr std::size_t frame_overhead_bytes = 160;
constexpr flatbuffers::uoffset_t depth_max = 8;
constexpr flatbuffers::uoffset_t tables_max = 100'000;

using builder = flatbuffers::FlatBufferBuilder;
using packed = std::pair<wire::Message, flatbuffers::Offset<void>>;

packed pack(builder& b, const request_vote& m) {
  return {wire::Message::RequestVote,
          wire::CreateRequestVote(b, m.term, m.candidate, m.last_index, m.last_term,
                                  m.disrupt_leader, m.pre_vote)
              .Union()};
}

packed pack(builder& b, const request_vote_result& m) {
  return {wire::Message::RequestVoteResult,
          wire::CreateRequestVoteResult(b, m.term, m.granted, m.pre_vote).Union()};
}

packed pack(builder& b, const append_entries& m) {
  std::vector<flatbuffers::Offset<wire::Entry>> entries;
  entries.reserve(m.entries.size());
  for (const log_entry& e : m.entries)
    entries.push_back(
        wire::CreateEntry(b, e.term, static_cast<std::uint8_t>(e.type),
                          e.payload ? b.CreateVector(e.payload->data(), e.payload->size()) : 0));
  const auto list = entries.empty() ? 0 : b.CreateVector(entries);
  return {wire::Message::AppendEntries,
          wire::CreateAppendEntries(b, m.term, m.previous_index, m.previous_term, m.commit, list)
              .Union()};
}

packed pack(builder& b, const append_entries_result& m) {
  return {wire::Message::AppendEntriesResult,
          wire::CreateAppendEntriesResult(b, m.term, m.rejected, m.last_index).Union()};
}

packed pack(builder& b, const install_snapshot& m) {
  const auto configuration = b.CreateVector(m.configuration);
  const auto chain = b.CreateVector(m.chain);
  return {wire::Message::InstallSnapshot,
          wire::CreateInstallSnapshot(b, m.term, m.index, m.index_term, m.configuration_index,
                                      configuration, chain)
              .Union()};
}

packed pack(builder& b, const timeout_now& m) {
  return {wire::Message::TimeoutNow,
          wire::CreateTimeoutNow(b, m.term, m.last_index, m.last_term).Union()};
}

// ---- and back; nothing = against the rules ----

using unpacked = std::optional<peer_message>;

unpacked unpack(const wire::RequestVote& m) {
  if (m.term() == 0 || m.candidate() == 0 || (m.last_index() == 0) != (m.last_term() == 0))
    return std::nullopt;
  return request_vote{m.term(),      m.candidate(),      m.last_index(),
                      m.last_term(), m.disrupt_leader(), m.pre_vote()};
}

unpacked unpack(const wire::RequestVoteResult& m) {
  return request_vote_result{m.term(), m.granted(), m.pre_vote()};
}

unpacked unpack(const wire::AppendEntries& m) {
  if (m.term() == 0 || (m.previous_index() == 0) != (m.previous_term() == 0)) return std::nullopt;
  append_entries out{m.term(), m.previous_index(), m.previous_term(), m.commit(), {}, 0};
  if (m.entries() == nullptr) return out;
  if (m.entries()->size() > append_entries_max) return std::nullopt;
  term_number term = m.previous_term();
  for (const wire::Entry* e : *m.entries()) {
    const std::size_t size = e->payload() == nullptr ? 0 : e->payload()->size();
    if (e->term() < term || e->term() == 0 || e->term() > m.term() || e->type() < 1 ||
        e->type() > 3 || size > entry_bytes_max)
      return std::nullopt;
    term = e->term();
    log_entry entry{m.previous_index() + out.entries.size() + 1, e->term(),
                    static_cast<entry_type>(e->type()), nullptr};
    entry.payload = size == 0
                        ? std::make_shared<const bytes>()
                        : std::make_shared<const bytes>(e->payload()->begin(), e->payload()->end());
    out.entries.push_back(std::move(entry));
  }
  return out;
}

unpacked unpack(const wire::AppendEntriesResult& m) {
  return append_entries_result{m.term(), m.rejected(), m.last_index()};
}

unpacked unpack(const wire::InstallSnapshot& m) {
  if (m.term() == 0 || m.index() == 0 || m.index_term() == 0 || m.index_term() > m.term() ||
      m.configuration_index() > m.index() || m.configuration() == nullptr ||
      m.configuration()->size() > configuration_bytes_max || m.chain() == nullptr ||
      m.chain()->size() != chain_bytes)
    return std::nullopt;
  return install_snapshot{m.term(),
                          m.index(),
                          m.index_term(),
                          m.configuration_index(),
                          bytes(m.configuration()->begin(), m.configuration()->end()),
                          bytes(m.chain()->begin(), m.chain()->end())};
}

unpacked unpack(const wire::TimeoutNow& m) {
  if (m.term() == 0) return std::nullopt;
  return timeout_now{m.term(), m.last_index(), m.last_term()};
}

unpacked unpack(const wire::Frame& frame) {
  if (frame.message() == nullptr) return std::nullopt;
  switch (frame.message_type()) {
    case wire::Message::NONE:
      break;
    case wire::Message::RequestVote:
      return unpack(*frame.message_as_RequestVote());
    case wire::Message::RequestVoteResult:
      return unpack(*frame.message_as_RequestVoteResult());
    case wire::Message::AppendEntries:
      return unpack(*frame.message_as_AppendEntries());
    case wire::Message::AppendEntriesResult:
      return unpack(*frame.message_as_AppendEntriesResult());
    case wire::Message::InstallSnapshot:
      return unpack(*frame.message_as_InstallSnapshot());
    case wire::Message::TimeoutNow:
      return unpack(*frame.message_as_TimeoutNow());
  }
  return std::nullopt;
}

error malformed(const char* what) {
  return error{"request.malformed", std::string("an envelope from a peer ") + what};
}

}  // namespace

group_id group_id_of(std::string_view name) {  // FNV-1a, 64 bits
  group_id id = 0xCBF29CE484222325ull;
  for (const char c : name) id = (id ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ull;
  return id == 0 ? 1 : id;
}

std::size_t wire_size(const peer_message& m) {
  std::size_t size = frame_overhead_bytes;
  if (const auto* append = std::get_if<append_entries>(&m))
    for (const log_entry& e : append->entries)
      size += entry_overhead_bytes + (e.payload ? e.payload->size() : 0);
  if (const auto* snapshot = std::get_if<install_snapshot>(&m))
    size += snapshot->configuration.size() + snapshot->chain.size();
  return size;
}

shared_bytes encode_envelope(const peer_envelope& from) {
  std::size_t size = frame_overhead_bytes;
  for (const peer_frame& f : from.frames) size += wire_size(f.what);
  builder b(size);
  std::vector<flatbuffers::Offset<wire::Frame>> frames;
  frames.reserve(from.frames.size());
  for (const peer_frame& f : from.frames) {
    const auto [type, message] = std::visit([&](const auto& m) { return pack(b, m); }, f.what);
    frames.push_back(
        wire::CreateFrame(b, f.group, f.generation, f.boot.term, f.boot.last, type, message));
  }
  const auto list = b.CreateVector(frames);
  b.Finish(wire::CreateEnvelope(b, b.CreateString(from.cluster), from.sender,
                                from.identity.incarnation, from.identity.boots, from.target,
                                from.sequence, list));
  auto out = std::make_shared<bytes>(head_bytes + b.GetSize());
  std::memcpy(out->data() + head_bytes, b.GetBufferPointer(), b.GetSize());
  const std::uint32_t crc = crc32c(bytes_view(*out).subspan(sizeof(std::uint32_t)));
  std::memcpy(out->data(), &crc, sizeof crc);
  return out;
}

result<peer_envelope> decode_envelope(bytes_view from) {
  if (from.size() <= head_bytes || from.size() > envelope_bytes_max)
    return malformed("has a wrong size");
  std::uint32_t crc = 0;
  std::memcpy(&crc, from.data(), sizeof crc);
  if (crc != crc32c(from.subspan(sizeof crc))) return malformed("has a wrong checksum");
  bytes aligned;  // a transport hands messages out at any address
  bytes_view body = from.subspan(head_bytes);
  if (reinterpret_cast<std::uintptr_t>(body.data()) % alignof(std::max_align_t) != 0) {
    aligned.assign(body.begin(), body.end());
    body = aligned;
  }
  flatbuffers::Verifier verifier(body.data(), body.size(), depth_max, tables_max);
  if (!verifier.VerifyBuffer<wire::Envelope>(nullptr)) return malformed("does not verify");
  const auto* e = flatbuffers::GetRoot<wire::Envelope>(body.data());
  if (e->cluster() == nullptr || e->cluster()->size() > cluster_name_bytes_max ||
      e->sender() == 0 || e->frames() == nullptr || e->frames()->size() > envelope_frames_max)
    return malformed("lacks a field");
  peer_envelope out;
  out.cluster = e->cluster()->str();
  out.sender = e->sender();
  out.identity = {e->incarnation(), e->boots()};
  out.target = e->target();
  out.sequence = e->sequence();
  out.frames.reserve(e->frames()->size());
  for (const wire::Frame* f : *e->frames()) {
    auto message = unpack(*f);
    if (!message) {
      if (f->message_type() > wire::Message::MAX) continue;  // of a later version: Raft repeats
      return malformed("has a message against the rules");
    }
    out.frames.push_back(
        {f->group(), f->generation(), {f->boot_term(), f->boot_last()}, std::move(*message)});
  }
  return out;
}

}  // namespace millrace
