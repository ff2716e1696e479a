// The side that is behind: what comes is staged, verified as a whole, handed to the plant's host;
// then the entries before it are fetched, the newest first.
#include <algorithm>
#include <cstring>
#include <utility>

#include "cluster/journal_rows.hpp"
#include "cluster/row.hpp"
#include "cluster/snapshot_hosted.hpp"

namespace millrace {

namespace {

constexpr std::size_t staged_head_bytes = 4096;
constexpr std::uint64_t us_per_second = 1'000'000;

bytes staged_head(const snapshot_staged& of) {
  row_writer row;
  row.text(of.of.plant).u32(of.of.generation).u64(of.of.index).u64(of.of.term);
  const auto sealed = row.u64(of.file.size).blob(of.file.hash).seal();
  bytes out;
  journal_rows::writer(out).number(static_cast<std::uint32_t>(sealed.size())).raw(sealed);
  out.resize(staged_head_bytes);
  return out;
}

/// Nothing when the head is not whole.
std::optional<snapshot_staged> parse_staged(bytes_view head, std::uint64_t file_bytes) {
  journal_rows::reader size(head);
  const auto row_bytes = size.number<std::uint32_t>();
  if (head.size() != staged_head_bytes || row_bytes > size.rest().size()) return std::nullopt;
  auto in = row_reader::open(size.take(row_bytes), "staged");
  if (!in) return std::nullopt;
  snapshot_staged out;
  out.of.plant = in->text();
  out.of.generation = in->u32();
  out.of.index = in->u64();
  out.of.term = in->u64();
  out.file.size = in->u64();
  const auto hash = in->blob();
  if (!in->ok() || hash.size() != out.file.hash.size()) return std::nullopt;
  std::ranges::copy(hash, out.file.hash.begin());
  out.bytes = file_bytes - staged_head_bytes;
  if (out.bytes == 0 || out.bytes > out.file.size) return std::nullopt;
  return out;
}

}  // namespace

void snapshot_keeper::find_staged(hosted& p) {
  const auto size = files_.size(p.staged_name());
  if (!size || *size == 0) return;
  const auto head = files_.get(p.staged_name(), 0, staged_head_bytes);
  auto found = head ? parse_staged(*head, *size) : std::nullopt;
  if (found && found->of.plant == p.plant && found->of.generation == p.generation)
    p.fetch.resume(std::move(*found));
  else
    (void)files_.remove(p.staged_name());
}

void snapshot_keeper::take(hosted& p, node_number from, snapshot_frame& frame,
                           std::uint64_t now_us) {
  if (auto* part = std::get_if<snapshot_part>(&frame))
    p.fetch.part(from, std::move(*part), now_us);
  else if (const auto* gone = std::get_if<snapshot_gone>(&frame))
    p.fetch.gone(from, *gone);
  else if (const auto* offer = std::get_if<snapshot_offer>(&frame))
    if (now_us >= p.fetch_from_us && around_.delivered(p.plant) < offer->of.index)
      p.fetch.offered(from, offer->of, now_us);
  act(p, now_us);
}

void snapshot_keeper::act(hosted& p, std::uint64_t now_us) {
  for (auto actions = p.fetch.take(); !actions.empty(); actions = p.fetch.take())
    for (auto& action : actions) {
      result<void> ok;
      if (const auto* ask = std::get_if<snapshot_fetch::send_ask>(&action))
        send(ask->to, ask->ask);
      else if (const auto* part = std::get_if<snapshot_fetch::write_staged>(&action))
        ok = stage(p, *part);
      else if (const auto* whole = std::get_if<snapshot_fetch::verify>(&action))
        p.checking.emplace(hosted::check{whole->whole.file, 0, {}});
      else if (const auto* install = std::get_if<snapshot_fetch::install>(&action))
        ok = begin_install(p, *install, now_us);
      else
        ok = files_.remove(p.staged_name());
      if (!ok) return give_up(p, ok.error(), now_us);
    }
}

/// The disk refused: from the beginning, after a while.
void snapshot_keeper::give_up(hosted& p, const error& why, std::uint64_t now_us) {
  around_.say(p.plant, why.code, "the snapshot is given up: " + why.detail);
  p.checking.reset();
  p.fetch = snapshot_fetch(limits_.fetch);
  p.fetch_from_us = now_us + limits_.damaged_rest_us;
  (void)files_.remove(p.staged_name());
}

result<void> snapshot_keeper::stage(hosted& p, const snapshot_fetch::write_staged& what) {
  if (what.before.bytes == 0) {
    if (auto ok = files_.remove(p.staged_name()); !ok) return ok;
    if (auto ok = files_.append(p.staged_name(), staged_head(what.before)); !ok) return ok;
    around_.say(p.plant, "snapshot.begun",
                "index " + std::to_string(what.before.of.index) + ", " +
                    std::to_string(what.before.file.size) + " bytes");
  }
  if (auto ok = files_.append(p.staged_name(), what.content); !ok) return ok;
  const auto end = what.before.bytes + what.content.size();
  if (end / limits_.staged_sync_bytes == what.before.bytes / limits_.staged_sync_bytes) return {};
  return files_.sync(p.staged_name());
}

result<void> snapshot_keeper::verify_some(hosted& p, std::uint64_t now_us) {
  auto& c = *p.checking;
  if (c.offset < c.file.size) {
    const auto length = std::min<std::uint64_t>(limits_.slice_bytes, c.file.size - c.offset);
    const auto piece = files_.get(p.staged_name(), staged_head_bytes + c.offset, length);
    if (!piece) return piece.error();
    c.hash.add(*piece);
    c.offset += piece->size();
    if (piece->size() == length && c.offset < c.file.size) return {};
  }
  const bool fits = c.offset == c.file.size && c.hash.end() == c.file.hash;
  p.checking.reset();
  if (!fits) around_.say(p.plant, "state.damaged", "the snapshot that came is not the one offered");
  p.fetch.verified(fits, now_us);
  act(p, now_us);
  return {};
}

result<void> snapshot_keeper::begin_install(hosted& p, const snapshot_fetch::install& what,
                                            std::uint64_t now_us) {
  if (auto ok = files_.sync(p.staged_name()); !ok) return ok;
  const auto reader = snapshot_reader::open(files_, p.staged_name(), staged_head_bytes);
  if (!reader || reader->head().of != what.of || around_.delivered(p.plant) >= what.of.index) {
    p.fetch.installed(false, now_us);
    return {};
  }
  around_.install(p.plant, what.from, reader->head(),
                  [&files = files_, name = p.staged_name()](store& state) -> result<void> {
                    auto from = snapshot_reader::open(files, name, staged_head_bytes);
                    return from ? swap_in(state, *from) : result<void>(from.error());
                  });
  return {};
}

void snapshot_keeper::installed(const std::string& plant, bool done, std::uint64_t now_us) {
  auto& p = *plants_.at(plant);
  if (p.fetch.now() != snapshot_fetch::phase::installing) return;
  if (done) ++put_in_place_;
  around_.say(plant, done ? "snapshot.installed" : "snapshot.dropped",
              done ? "the plant goes on from it" : "the log came here by itself, or it is damaged");
  p.fetch.installed(done, now_us);
  act(p, now_us);
  p.look_us = now_us;
}

// ---- history ----

void snapshot_keeper::look_for_history(hosted& p, std::uint64_t now_us) {
  if (p.missing_to != 0 && !p.filling && now_us >= p.ask_us) return ask_history(p, now_us);
  if (p.missing_to != 0 || now_us < p.look_us) return;
  p.look_us = now_us + limits_.history_look_us;
  const auto snapshot = journal_.snapshot();
  if (!snapshot) return;
  const auto group = journal_rows::read_group(**snapshot, p.group);
  if (!group || group->history_from == 0 || group->anchor.index < group->history_from) return;
  p.missing_to = group->anchor.index;
  ask_history(p, now_us);
}

void snapshot_keeper::ask_history(hosted& p, std::uint64_t now_us) {
  const auto peers = around_.peers(p.plant);
  p.ask_us = now_us + limits_.history_ask_again_us;
  if (peers.empty()) return;
  p.asked = peers[p.turn_of % peers.size()];
  ++p.turn_of;  // whoever answers is asked again
  around_.send(p.asked, bulk_tag::history,
               encode_history(history_ask{p.plant, p.generation, p.missing_to}));
}

void snapshot_keeper::take(hosted& p, node_number from, history_frame& frame) {
  if (const auto* ask = std::get_if<history_ask>(&frame)) {
    const auto answer = answer_history(journal_, p.group, *ask);
    if (answer)
      around_.send(from, bulk_tag::history, encode_history(*answer));
    else
      around_.say(p.plant, answer.error().code, answer.error().detail);
    return;
  }
  if (p.missing_to == 0 || from != p.asked || p.filling) return;
  if (const auto* end = std::get_if<history_end>(&frame)) {
    if (!end->whole || end->oldest <= p.missing_to) return;  // another one has it, perhaps
    p.missing_to = 0;
    around_.history_ends(p.plant, end->oldest);
    around_.say(p.plant, "history.ends", "nobody has entries before the ones here");
    return;
  }
  auto& chunk = std::get<history_part>(frame).chunk;
  if (chunk.entries.back().index != p.missing_to) return;
  p.filling = true;
  p.chunk_bytes = 0;
  for (const auto& e : chunk.entries) p.chunk_bytes += e.payload->size();
  around_.back_fill(p.plant, std::move(chunk));
}

void snapshot_keeper::filled(const std::string& plant, const result<bool>& how,
                             std::uint64_t now_us) {
  auto& p = *plants_.at(plant);
  p.filling = false;
  p.missing_to = 0;  // looked up anew
  p.look_us = now_us;
  if (how) {
    --p.turn_of;
    p.look_us += p.chunk_bytes * us_per_second / limits_.history_bytes_per_second;
    return;
  }
  around_.say(plant, how.error().code, "history is asked of another: " + how.error().detail);
  p.look_us += limits_.history_ask_again_us;
}

}  // namespace millrace
