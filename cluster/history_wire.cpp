// The entries that end with the one asked for are found by reading a range that is small enough.
#include "cluster/history_wire.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "cluster/journal_rows.hpp"
#include "cluster/row.hpp"

namespace millrace {

namespace {

enum : std::uint8_t { ask_kind = 1, part_kind = 2, end_kind = 3 };

error malformed() { return {"request.malformed", "the frame with history is malformed"}; }

void put(row_writer& to, const history_ask& f) {
  to.u8(ask_kind).text(f.plant).u32(f.generation).u64(f.last);
}

void put(row_writer& to, const history_part& f) {
  to.u8(part_kind).text(f.plant).u32(f.generation);
  to.u64(f.chunk.before.index).u64(f.chunk.before.term).blob(f.chunk.before.chain);
  to.u32(static_cast<std::uint32_t>(f.chunk.entries.size()));
  for (const auto& e : f.chunk.entries)
    to.u64(e.term).u8(static_cast<std::uint8_t>(e.type)).blob(*e.payload);
}

void put(row_writer& to, const history_end& f) {
  to.u8(end_kind).text(f.plant).u32(f.generation).u64(f.oldest).u8(f.whole ? 1 : 0);
}

/// Nothing when it is malformed.
std::optional<history_chunk> read_chunk(row_reader& in) {
  history_chunk out;
  out.before.index = in.u64();
  out.before.term = in.u64();
  const auto chain = in.blob();
  const auto count = in.u32();
  if (chain.size() != out.before.chain.size() || count == 0 || count > history_entries_max)
    return std::nullopt;
  std::ranges::copy(chain, out.before.chain.begin());
  for (std::uint32_t i = 1; i <= count && in.ok(); ++i) {
    log_entry e{out.before.index + i, in.u64(), entry_type::command, nullptr};
    const auto type = in.u8();
    if (type < 1 || type > 3) return std::nullopt;
    e.type = static_cast<entry_type>(type);
    const auto payload = in.blob();
    if (payload.size() > entry_bytes_max) return std::nullopt;
    e.payload = std::make_shared<const bytes>(payload.begin(), payload.end());
    out.entries.push_back(std::move(e));
  }
  return out;
}

}  // namespace

bytes encode_history(const history_frame& frame) {
  row_writer out;
  std::visit([&out](const auto& f) { put(out, f); }, frame);
  return out.seal();
}

result<history_frame> decode_history(bytes_view frame) {
  auto in = row_reader::open(frame, "a frame with history");
  if (!in) return in.error();
  const auto kind = in->u8();
  const std::string plant(in->text());
  const auto generation = in->u32();
  history_frame out;
  if (kind == ask_kind) {
    out = history_ask{plant, generation, in->u64()};
  } else if (kind == part_kind) {
    auto chunk = read_chunk(*in);
    if (!chunk) return malformed();
    out = history_part{plant, generation, std::move(*chunk)};
  } else if (kind == end_kind) {
    const auto oldest = in->u64();
    out = history_end{plant, generation, oldest, in->u8() != 0};
  } else {
    return malformed();
  }
  if (!in->ok() || !in->at_end()) return malformed();
  return out;
}

result<history_frame> answer_history(store& journal, group_number group, const history_ask& ask) {
  auto snapshot = journal.snapshot();
  if (!snapshot) return snapshot.error();
  const auto own = journal_rows::read_group(**snapshot, group);
  if (!own) return own.error();
  const auto oldest = own->anchor.index + 1;
  if (ask.last < oldest || ask.last > own->committed)
    return history_frame(history_end{ask.plant, ask.generation, oldest,
                                     own->history_from == 0 || own->history_from >= oldest});
  history_part out{ask.plant, ask.generation, {}};
  // As many of the last ones as fit: fewer are tried until the read comes to the end.
  for (auto wanted = history_entries_max; out.chunk.entries.empty(); wanted = (wanted + 1) / 2) {
    const auto first = ask.last - std::min(ask.last - oldest, wanted - 1);
    auto read = read_journal(**snapshot, group, first, ask.last, history_bytes_max);
    if (!read) return read.error();
    if (read->back().entry.index != ask.last) continue;
    out.chunk.before = own->anchor;
    if (first > oldest) {
      const auto before = read_journal(**snapshot, group, first - 1, first - 1, 0);
      if (!before) return before.error();
      out.chunk.before = {first - 1, before->front().entry.term, before->front().chain};
    }
    for (auto& e : *read) out.chunk.entries.push_back(std::move(e.entry));
  }
  return history_frame(std::move(out));
}

}  // namespace millrace
