// What the router does as time passes: what waited too long is answered, what has no reply is sent
// again.
#include <algorithm>

#include "cluster/router.hpp"

namespace millrace {

reply router::refusal_of(const request& r, std::string code, std::string detail) {
  reply out;
  out.tag = r.tag;
  out.outcome = engine::Outcome::refused;
  out.code = std::move(code);
  out.detail = std::move(detail);
  out.correlation = r.correlation;
  out.retry_after_s = 1;
  return out;
}

std::uint32_t router::left_ms(std::int64_t deadline_us, std::int64_t now_us) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>((deadline_us - now_us) / 1000, 1, 3'600'000));
}

void router::expire(track& t, std::uint64_t order, item& i, router_output& out) {
  const char* nobody = "no node leads the plant now: nothing was done";
  const char* unknown =
      i.is_ask || i.made_key
          ? "the plant's leader was lost while it had the request: look before doing it again"
          : "the plant's leader was lost while it had the request: repeat it under the same key";
  const bool doubtful = i.doubtful || i.sent;
  if (i.is_ask) {
    const bool changed = i.once && doubtful;
    return finish_ask(t, order,
                      changed ? error{"outcome.unknown", unknown}
                              : error{"plant.not_leader", "the plant's leader does not answer"},
                      out);
  }
  auto r = doubtful ? refusal_of(i.command, "outcome.unknown", unknown)
                    : refusal_of(i.command, "plant.not_leader", nobody);
  finish(t, order, std::move(r), out);
}

void router::on_time(std::int64_t now_us, router_output& out) {
  for (auto& [plant, t] : tracks_) {
    if (t.items.empty()) continue;
    std::vector<std::uint64_t> over;
    route_submit repeated{plant, t.term, {}};
    for (auto& [order, i] : t.items) {
      // The own engine answers what it took, at the latest when it leads no longer.
      const bool kept = i->target == self_ && t.leader == self_;
      if (i->sent ? !kept && now_us >= i->deadline_us + limits_.grace_us : now_us >= i->deadline_us)
        over.push_back(order);
      else if (i->sent && i->target == t.leader)
        repeat(*i, now_us, repeated, out);
    }
    for (const auto order : over) expire(t, order, *t.items.at(order), out);
    if (!repeated.batch.empty()) out.submissions.push_back({t.leader, std::move(repeated)});
    pump(plant, t, now_us, out);
  }
  for (auto at = node_asks_.begin(); at != node_asks_.end();) {
    auto& a = at->second;
    if (now_us >= a.deadline_us || !reachable(a.node)) {
      out.answers.emplace_back(
          std::move(a.cb),
          error{"node.not_ready", "node " + std::to_string(a.node) + " does not answer"});
      at = node_asks_.erase(at);
      continue;
    }
    if (a.node != self_ && now_us >= a.sent_us + limits_.repeat_us) {
      a.sent_us = now_us;
      out.questions.push_back({a.node, a.question});
    }
    ++at;
  }
}

/// What went to another node and has no reply goes there again under its number; sent items are
/// always for the present leader's term.
void router::repeat(item& i, std::int64_t now_us, route_submit& repeated, router_output& out) {
  if (i.target == self_ || i.once || now_us < i.sent_us + limits_.repeat_us || !reachable(i.target))
    return;
  i.sent_us = now_us;
  put_out(i, left_ms(i.deadline_us, now_us), repeated, out);
}

}  // namespace millrace
