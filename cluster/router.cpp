// How requests find their leader, and what becomes of them while it moves.
#include "cluster/router.hpp"

#include <algorithm>
#include <optional>

namespace millrace {

namespace {

constexpr std::size_t item_overhead_bytes = 512;
constexpr std::size_t done_max = 65'536;  // that wait to be told to a node; done_below makes up for

/// The node did not take it: nothing has happened.
bool turned_away(std::string_view code) {
  return code == "plant.not_leader" || code == "plant.unknown" || code == "node.not_ready";
}

/// All parts in a row, when there are all; nothing when there are not.
std::optional<result<route_content>> joined(route_answer& part, std::vector<bytes>& parts,
                                            std::uint32_t& got) {
  if (!part.code.empty()) return error{std::move(part.code), std::move(part.detail)};
  if (parts.size() != part.parts) {
    parts.assign(part.parts, {});
    got = 0;
  }
  if (parts[part.part].empty() && !part.content.empty()) ++got;
  parts[part.part] = std::move(part.content);
  if (got < parts.size()) return std::nullopt;
  bytes whole;
  for (const auto& p : parts) whole.insert(whole.end(), p.begin(), p.end());
  return decode_content(whole);
}

}  // namespace

router::router(node_number self, router_limits limits, std::function<std::string()> new_key)
    : self_(self), limits_(limits), new_key_(std::move(new_key)) {}

void router::give_back(const std::shared_ptr<reply_sink>& sink, reply r, router_output& out) {
  if (out.replies.empty() || out.replies.back().first != sink) out.replies.push_back({sink, {}});
  out.replies.back().second.push_back(std::move(r));
}

void router::submit(std::vector<request> batch, const std::shared_ptr<reply_sink>& sink,
                    std::int64_t now_us, router_output& out) {
  std::set<std::string> plants;
  for (auto& r : batch) {
    const auto size = r.body.size() + item_overhead_bytes;
    if (open_ >= limits_.open_max || open_bytes_ + size > limits_.open_bytes_max) {
      give_back(
          sink,
          refusal_of(r, "plant.overloaded", "too many requests wait for their plants' leaders"),
          out);
      continue;
    }
    auto i = std::make_unique<item>();
    if (r.key.empty() && !r.dry_run) {
      r.key = new_key_();
      i->made_key = true;
    }
    if (r.correlation.empty()) r.correlation = new_key_();
    i->deadline_us = now_us + std::int64_t{r.deadline_ms} * 1000;
    i->local = r.to.local();
    i->sink = sink;
    i->size = size;
    plants.insert(r.to.plant);
    auto& t = tracks_[r.to.plant];
    i->command = std::move(r);
    t.waiting.insert(++orders_);
    t.items.emplace(orders_, std::move(i));
    ++open_;
    open_bytes_ += size;
  }
  for (const auto& plant : plants) pump(plant, tracks_[plant], now_us, out);
}

void router::ask(route_ask what, std::int64_t deadline_us, bool once, ask_done cb,
                 std::int64_t now_us, router_output& out) {
  const auto size = what.body.size() + item_overhead_bytes;
  if (open_ >= limits_.open_max || open_bytes_ + size > limits_.open_bytes_max) {
    out.answers.emplace_back(
        std::move(cb),
        error{"plant.overloaded", "too many requests wait for their plants' leaders"});
    return;
  }
  auto i = std::make_unique<item>();
  i->is_ask = true;
  i->once = once;
  i->cb = std::move(cb);
  i->deadline_us = deadline_us;
  i->size = size;
  const auto plant = what.where.plant;
  i->question = std::move(what);
  auto& t = tracks_[plant];
  t.waiting.insert(++orders_);
  t.items.emplace(orders_, std::move(i));
  ++open_;
  open_bytes_ += size;
  pump(plant, t, now_us, out);
}

void router::ask_node(node_number node, route_ask what, std::int64_t deadline_us, ask_done cb,
                      std::int64_t now_us, router_output& out) {
  if (!reachable(node) || node_asks_.size() >= limits_.open_max) {
    out.answers.emplace_back(std::move(cb),
                             error{"node.not_ready", "node " + std::to_string(node) + " is down"});
    return;
  }
  what.number = ++numbers_;
  out.questions.push_back({node, what});
  auto& a = node_asks_[what.number];
  a.node = node;
  a.question = std::move(what);
  a.cb = std::move(cb);
  a.deadline_us = deadline_us;
  a.sent_us = now_us;
}

void router::send(const std::string& plant, track& t, std::uint64_t order, item& i,
                  std::int64_t now_us, route_submit& batch, router_output& out) {
  if (i.attempt != 0) ++retries_;
  forget_attempt(i);
  i.attempt = ++numbers_;
  ++i.attempts;
  i.target = t.leader;
  i.term = t.term;
  set_sent(t, order, i, true);
  i.sent_us = now_us;
  i.parts.clear();
  i.parts_got = 0;
  attempts_.emplace(i.attempt, place{plant, order});
  put_out(i, i.command.deadline_ms == 0 ? 0 : left_ms(i.deadline_us, now_us), batch, out);
}

void router::put_out(const item& i, std::uint32_t deadline_ms, route_submit& batch,
                     router_output& out) {
  if (i.is_ask) {
    auto copy = i.question;
    copy.number = i.attempt;
    out.questions.push_back({i.target, std::move(copy)});
    return;
  }
  auto& copy = batch.batch.emplace_back(i.command);
  copy.tag = i.attempt;
  copy.deadline_ms = deadline_ms;
}

void router::set_sent(track& t, std::uint64_t order, item& i, bool sent) {
  if (i.sent && i.doubtful) --t.doubtful_sent;
  i.sent = sent;
  if (sent) {
    t.waiting.erase(order);
    attempts_in_order_.insert(i.attempt);
  } else {
    t.waiting.insert(order);
    attempts_in_order_.erase(i.attempt);  // it will not be repeated
  }
  if (i.sent && i.doubtful) ++t.doubtful_sent;
}

/// Sends what may go: nothing overtakes an earlier request to its actor that has to wait, or that
/// may have to wait again.
void router::pump(const std::string& plant, track& t, std::int64_t now_us, router_output& out) {
  if (t.leader == 0 || !reachable(t.leader) || t.waiting.empty()) return;
  route_submit batch{plant, t.term, {}};
  std::unordered_set<std::string_view> blocked;
  const auto consider = [&](std::uint64_t order, item& i) {
    if (i.sent) {
      if (!i.is_ask && i.doubtful) blocked.insert(i.local);
      return;
    }
    const bool waits = i.not_before_us > now_us || (!i.is_ask && blocked.contains(i.local));
    if (!waits) return send(plant, t, order, i, now_us, batch, out);
    if (!i.is_ask) blocked.insert(i.local);
  };
  if (t.doubtful_sent > 0) {
    for (auto& [order, i] : t.items) consider(order, *i);
  } else {
    const std::vector<std::uint64_t> orders(t.waiting.begin(), t.waiting.end());
    for (const auto order : orders) consider(order, *t.items.at(order));
  }
  if (!batch.batch.empty()) out.submissions.push_back({t.leader, std::move(batch)});
}

/// Its replies count no longer, and need not be kept for it.
void router::forget_attempt(item& i) {
  if (i.attempt == 0) return;
  if (auto& done = done_[i.target]; i.target != self_ && done.size() < done_max)
    done.push_back(i.attempt);
  attempts_.erase(i.attempt);
  attempts_in_order_.erase(i.attempt);
}

/// The item waits for another attempt.
void router::again(track& t, std::uint64_t order, item& i, std::int64_t now_us) {
  set_sent(t, order, i, false);
  i.retry_us = i.retry_us == 0 ? limits_.retry_us : std::min(i.retry_us * 2, limits_.retry_us_max);
  i.not_before_us = now_us + i.retry_us;
}

void router::on_leader(const std::string& plant, node_number node, term_number term,
                       std::int64_t now_us, router_output& out) {
  const auto found = tracks_.find(plant);
  if (found == tracks_.end() && node == 0) return;
  auto& t = found == tracks_.end() ? tracks_[plant] : found->second;
  if (term < t.term || (term == t.term && node == t.leader)) return;
  const bool moved = term > t.term;
  t.term = term;
  t.leader = node;
  if (moved) {
    std::vector<std::uint64_t> lost;
    for (auto& [order, i] : t.items) {
      i->not_before_us = 0;
      i->retry_us = 0;
      if (!i->sent || i->target == self_) continue;  // the own engine answers all that it took
      set_sent(t, order, *i, false);
      i->doubtful = true;
      if (i->once) lost.push_back(order);
    }
    for (const auto order : lost)
      finish_ask(
          t, order,
          error{"outcome.unknown", "the plant's leader was lost: look before doing it again"}, out);
  }
  pump(plant, t, now_us, out);
}

void router::on_peer(node_number node, bool up, std::int64_t now_us, router_output& out) {
  if (!up) {
    up_.erase(node);
    return;
  }
  if (!up_.insert(node).second) return;
  for (auto& [plant, t] : tracks_)
    if (t.leader == node) pump(plant, t, now_us, out);
}

std::vector<std::uint64_t> router::take_done(node_number node) {
  return std::exchange(done_[node], {});
}

router::item* router::find(std::uint64_t attempt, node_number from, std::string& plant,
                           std::uint64_t& order) {
  const auto where = attempts_.find(attempt);
  if (where == attempts_.end()) return nullptr;
  plant = where->second.plant;
  order = where->second.order;
  auto& i = *tracks_[plant].items.at(order);
  return i.target == from ? &i : nullptr;
}

void router::remove(track& t, std::uint64_t order) {
  const auto at = t.items.find(order);
  auto& i = *at->second;
  forget_attempt(i);
  set_sent(t, order, i, false);
  t.waiting.erase(order);
  --open_;
  open_bytes_ -= i.size;
  t.items.erase(at);
}

void router::finish(track& t, std::uint64_t order, reply r, router_output& out) {
  auto& i = *t.items.at(order);
  r.tag = i.command.tag;
  if (i.made_key) r.replayed = false;  // it was us who asked twice
  give_back(i.sink, std::move(r), out);
  remove(t, order);
}

void router::finish_ask(track& t, std::uint64_t order, result<route_content> r,
                        router_output& out) {
  auto& i = *t.items.at(order);
  out.answers.emplace_back(std::move(i.cb), std::move(r));
  remove(t, order);
}

void router::on_replies(node_number from, std::vector<reply> replies, std::int64_t now_us,
                        router_output& out) {
  std::set<std::string> plants;
  std::string plant;
  std::uint64_t order = 0;
  for (auto& r : replies) {
    auto* i = find(r.tag, from, plant, order);
    if (i == nullptr || i->is_ask) continue;
    const bool refused = r.outcome == engine::Outcome::refused;
    // A node that ends answers its own clients so: nobody else would come to their aid.
    const bool own_end = ending_ && from == self_;
    auto& t = tracks_[plant];
    if (refused && turned_away(r.code) && !own_end) {
      again(t, order, *i, now_us);
    } else if (refused && r.code == "outcome.unknown" && !own_end) {
      set_sent(t, order, *i, false);
      i->doubtful = true;
      again(t, order, *i, now_us);
    } else if (refused && r.code == "request.in_flight" && i->attempts > 1) {
      again(t, order, *i, now_us);  // by an attempt of ours, which is answered soon
    } else {
      finish(t, order, std::move(r), out);
    }
    plants.insert(plant);
  }
  for (const auto& p : plants) pump(p, tracks_[p], now_us, out);
}

void router::on_content_of(item& i, const std::string& plant, std::uint64_t order,
                           result<route_content> content, std::int64_t now_us, router_output& out) {
  auto& t = tracks_[plant];
  if (!content && turned_away(content.error().code) && now_us < i.deadline_us) {
    again(t, order, i, now_us);
    pump(plant, t, now_us, out);
    return;
  }
  finish_ask(t, order, std::move(content), out);
}

void router::on_content(std::uint64_t number, result<route_content> content, std::int64_t now_us,
                        router_output& out) {
  if (const auto at = node_asks_.find(number); at != node_asks_.end()) {
    out.answers.emplace_back(std::move(at->second.cb), std::move(content));
    node_asks_.erase(at);
    return;
  }
  std::string plant;
  std::uint64_t order = 0;
  auto* i = find(number, self_, plant, order);
  if (i != nullptr && i->is_ask) on_content_of(*i, plant, order, std::move(content), now_us, out);
}

void router::on_answer(node_number from, route_answer part, std::int64_t now_us,
                       router_output& out) {
  if (const auto at = node_asks_.find(part.number); at != node_asks_.end()) {
    auto& a = at->second;
    if (a.node != from) return;
    if (auto whole = joined(part, a.parts, a.parts_got)) {
      out.answers.emplace_back(std::move(a.cb), std::move(*whole));
      node_asks_.erase(at);
    }
    return;
  }
  std::string plant;
  std::uint64_t order = 0;
  auto* i = find(part.number, from, plant, order);
  if (i == nullptr || !i->is_ask) return;
  if (auto whole = joined(part, i->parts, i->parts_got))
    on_content_of(*i, plant, order, std::move(*whole), now_us, out);
}

std::vector<std::string> router::busy_plants() const {
  std::vector<std::string> out;
  for (const auto& [plant, t] : tracks_)
    if (!t.items.empty()) out.push_back(plant);
  return out;
}

}  // namespace millrace
