#include "cluster/snapshot_wire.hpp"

#include <algorithm>
#include <type_traits>

#include "cluster/row.hpp"

namespace millrace {

namespace {

enum : std::uint8_t { ask_kind = 1, part_kind = 2, gone_kind = 3, offer_kind = 4 };

row_writer& begin(row_writer& to, std::uint8_t kind, const snapshot_name& of) {
  return to.u8(kind).text(of.plant).u32(of.generation).u64(of.index).u64(of.term);
}

error malformed() { return {"request.malformed", "the snapshot's frame is malformed"}; }

snapshot_ask read_ask(row_reader& in, snapshot_name of) {
  const auto offset = in.u64();
  return {std::move(of), offset, in.u64()};
}

snapshot_part read_part(row_reader& in, snapshot_name of) {
  snapshot_part part{std::move(of), {}, 0, {}};
  part.file.size = in.u64();
  const auto hash = in.blob();
  if (hash.size() == part.file.hash.size()) std::ranges::copy(hash, part.file.hash.begin());
  part.offset = in.u64();
  const auto content = in.blob();
  part.content.assign(content.begin(), content.end());
  if (hash.size() != part.file.hash.size()) part.content.clear();
  return part;
}

/// Inside its file, and no larger than a part may be.
bool fits(const snapshot_part& part) {
  return !part.content.empty() && part.content.size() <= snapshot_part_bytes &&
         part.offset < part.file.size && part.content.size() <= part.file.size - part.offset;
}

}  // namespace

bytes encode_snapshot(const snapshot_frame& frame) {
  row_writer out;
  std::visit(
      [&out](const auto& f) {
        using type = std::decay_t<decltype(f)>;
        if constexpr (std::is_same_v<type, snapshot_ask>)
          begin(out, ask_kind, f.of).u64(f.offset).u64(f.length);
        else if constexpr (std::is_same_v<type, snapshot_part>)
          begin(out, part_kind, f.of)
              .u64(f.file.size)
              .blob(f.file.hash)
              .u64(f.offset)
              .blob(f.content);
        else if constexpr (std::is_same_v<type, snapshot_gone>)
          begin(out, gone_kind, f.of);
        else
          begin(out, offer_kind, f.of);
      },
      frame);
  return out.seal();
}

result<snapshot_frame> decode_snapshot(bytes_view frame) {
  auto opened = row_reader::open(frame, "a snapshot's frame");
  if (!opened) return opened.error();
  row_reader& in = *opened;
  const auto kind = in.u8();
  snapshot_name of;
  of.plant = in.text();
  of.generation = in.u32();
  of.index = in.u64();
  of.term = in.u64();
  snapshot_frame out;
  if (kind == ask_kind)
    out = read_ask(in, std::move(of));
  else if (kind == part_kind)
    out = read_part(in, std::move(of));
  else if (kind == gone_kind)
    out = snapshot_gone{std::move(of)};
  else if (kind == offer_kind)
    out = snapshot_offer{std::move(of)};
  else
    return malformed();
  if (!in.ok() || !in.at_end()) return malformed();
  if (const auto* part = std::get_if<snapshot_part>(&out); part && !fits(*part)) return malformed();
  return out;
}

}  // namespace millrace
