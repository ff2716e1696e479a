// The leader's side: files are made one at a time, kept while they are asked for, and the journal
// is kept from there on meanwhile, so that who has installed one can go on from it.
#include "cluster/snapshot_keeper.hpp"

#include <algorithm>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/snapshot_hosted.hpp"

namespace millrace {

namespace {
constexpr std::uint64_t us_per_second = 1'000'000;
}

snapshot_keeper::snapshot_keeper(store& state, store& journal, file_area& files, seams around,
                                 snapshot_limits limits)
    : state_(state),
      journal_(journal),
      files_(files),
      around_(std::move(around)),
      limits_(limits),
      serve_(limits.serve) {}

snapshot_keeper::~snapshot_keeper() = default;

result<void> snapshot_keeper::start() {
  const auto names = files_.names();
  if (!names) return names.error();
  for (const auto& name : *names)
    if (name.ends_with(".made"))
      if (auto gone = files_.remove(name); !gone) return gone;
  return {};
}

void snapshot_keeper::host(const std::string& plant, group_number group, std::uint32_t generation) {
  auto& p = plants_[plant];
  if (p) return;
  p = std::make_unique<hosted>();
  p->plant = plant;
  p->group = group;
  p->generation = generation;
  p->fetch = snapshot_fetch(limits_.fetch);
  find_staged(*p);
}

snapshot_keeper::hosted* snapshot_keeper::find(const std::string& plant, std::uint32_t generation) {
  const auto found = plants_.find(plant);
  if (found == plants_.end() || found->second->generation != generation) return nullptr;
  return found->second.get();
}

void snapshot_keeper::behind(const std::string& plant, node_number member, std::uint64_t now_us) {
  const auto found = plants_.find(plant);
  if (found == plants_.end()) return;
  auto& p = *found->second;
  if (p.made) return offer(p, member);
  p.behind.insert(member);
  if (!p.maker) p.wanted = true;
  make_some(now_us);
}

void snapshot_keeper::send(node_number to, const snapshot_frame& frame) {
  around_.send(to, bulk_tag::snapshots, encode_snapshot(frame));
}

void snapshot_keeper::offer(hosted& p, node_number to) {
  send(to, snapshot_offer{p.made->head.of});
}

void snapshot_keeper::receive(node_number from, bulk_tag tag, bytes_view body,
                              std::uint64_t now_us) {
  if (tag == bulk_tag::history) {
    auto frame = decode_history(body);
    if (!frame) return;
    auto* p = std::visit([this](const auto& f) { return find(f.plant, f.generation); }, *frame);
    if (p != nullptr) take(*p, from, *frame);
    return;
  }
  auto frame = decode_snapshot(body);
  if (!frame) return;
  auto* p = std::visit([this](const auto& f) { return find(f.of.plant, f.of.generation); }, *frame);
  if (const auto* ask = std::get_if<snapshot_ask>(&*frame)) {
    std::optional<snapshot_file> file;
    if (p != nullptr && p->made && p->made->head.of == ask->of) {
      file = p->made->known_by;
      p->made->used_us = now_us;
    }
    if (const auto gone = serve_.ask(from, *ask, file)) send(from, *gone);
  } else if (p != nullptr) {
    take(*p, from, *frame, now_us);
  }
}

// ---- making ----

void snapshot_keeper::make_some(std::uint64_t now_us) {
  if (making_ == nullptr) {
    for (auto& [name, p] : plants_)
      if (p->wanted && now_us >= p->make_from_us) {
        begin_making(*p, now_us);
        break;
      }
    return;
  }
  if (now_us < make_on_us_) return;
  make_on_us_ = now_us + limits_.slice_bytes * us_per_second / limits_.make_bytes_per_second;
  auto& p = *making_;
  const auto file = p.maker->step(limits_.slice_bytes);
  if (!file) return not_made(p, file.error(), now_us);
  if (*file) finished(p, **file, now_us);
}

void snapshot_keeper::begin_making(hosted& p, std::uint64_t now_us) {
  auto maker = snapshot_maker::begin({state_, journal_, p.group, p.plant, p.generation}, files_,
                                     p.made_name());
  if (!maker) return not_made(p, maker.error(), now_us);
  p.maker = std::move(*maker);
  p.wanted = false;
  making_ = &p;
  around_.keep_from(p.plant, p.maker->head().of.index + 1);
}

void snapshot_keeper::not_made(hosted& p, const error& why, std::uint64_t now_us) {
  const bool soon = why.code == "node.not_ready";
  p.make_from_us = now_us + (soon ? limits_.make_again_us : limits_.damaged_rest_us);
  p.wanted = true;
  if (!soon) around_.say(p.plant, why.code, "no snapshot is made: " + why.detail);
  if (!p.maker) return;
  making_ = nullptr;
  if (const auto local = p.maker->damaged(); !local.empty()) around_.restore(p.plant, local);
  p.maker.reset();
  (void)files_.remove(p.made_name());
  around_.keep_from(p.plant, 0);
}

void snapshot_keeper::finished(hosted& p, const snapshot_file& file, std::uint64_t now_us) {
  p.made = hosted::file{p.maker->head(), file, now_us};
  p.maker.reset();
  making_ = nullptr;
  ++made_;
  around_.say(p.plant, "snapshot.made",
              "index " + std::to_string(p.made->head.of.index) + ", " + std::to_string(file.size) +
                  " bytes, for " + std::to_string(p.behind.size()) + " members");
  for (const auto member : p.behind) offer(p, member);
  p.behind.clear();
}

// ---- handing out ----

void snapshot_keeper::hand_out(std::uint64_t now_us) {
  for (const auto& r : serve_.turn(now_us)) {
    auto* p = find(r.of.plant, r.of.generation);
    if (p == nullptr || !p->made || p->made->head.of != r.of || p->made->known_by != r.file)
      continue;
    p->made->used_us = now_us;
    auto content = files_.get(p->made_name(), r.offset, r.length);
    if (content && content->size() == r.length) {
      send(r.to, snapshot_part{r.of, r.file, r.offset, std::move(*content)});
      continue;
    }
    around_.say(p->plant, "disk.failed",
                "the snapshot's file cannot be read" +
                    (content ? std::string() : ": " + content.error().detail));
    drop_made(*p);
  }
}

void snapshot_keeper::drop_unused(std::uint64_t now_us) {
  for (auto& [name, p] : plants_)
    if (p->made && now_us >= p->made->used_us + limits_.unused_us_max) drop_made(*p);
}

void snapshot_keeper::drop_made(hosted& p) {
  serve_.forget(p.made->head.of);
  p.made.reset();
  (void)files_.remove(p.made_name());
  around_.keep_from(p.plant, 0);
}

// ---- turns ----

std::uint64_t snapshot_keeper::turn(std::uint64_t now_us) {
  make_some(now_us);
  hand_out(now_us);
  drop_unused(now_us);
  auto next = now_us + limits_.history_look_us;
  for (auto& [name, p] : plants_) next = std::min(next, turn(*p, now_us));
  if (making_ != nullptr) next = std::min(next, make_on_us_);
  if (const auto served = serve_.next_us()) next = std::min(next, *served);
  return std::max(next, now_us);
}

std::uint64_t snapshot_keeper::turn(hosted& p, std::uint64_t now_us) {
  if (p.checking)
    if (auto ok = verify_some(p, now_us); !ok) give_up(p, ok.error(), now_us);
  if (p.fetch.now() == snapshot_fetch::phase::fetching) {
    p.fetch.tick(now_us);
    act(p, now_us);
  }
  look_for_history(p, now_us);
  if (p.checking) return now_us;
  const auto history = p.filling           ? now_us + limits_.tick_us
                       : p.missing_to != 0 ? p.ask_us
                                           : p.look_us;
  const bool busy = p.wanted || p.made || p.fetch.now() != snapshot_fetch::phase::idle;
  return busy ? std::min(history, now_us + limits_.tick_us) : history;
}

std::vector<snapshot_progress> snapshot_keeper::progress() const {
  std::vector<snapshot_progress> out;
  for (const auto& [name, p] : plants_) {
    snapshot_progress one;
    one.plant = name;
    if (p->fetch.now() != snapshot_fetch::phase::idle) {
      one.fetched = p->fetch.bytes();
      one.size = std::max<std::uint64_t>(p->fetch.size(), 1);
    }
    one.history_to = p->missing_to;
    one.made_for = p->made ? 1 : p->behind.size();
    if (one.size > 0 || one.history_to > 0 || one.made_for > 0) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace millrace
