// What a node does for its peers' routers: runs their requests once, answers their questions, and
// listens to who leads what.
#include "cluster/routed_engine.hpp"

#include "schemas/json.hpp"

namespace millrace {

namespace {

/// A plant's questions that only its leader answers.
bool for_leader(const route_ask& a) {
  switch (a.what) {
    case asked::read:
      return a.how != consistency::local;
    case asked::list:
    case asked::rows:
    case asked::events:
    case asked::deadletter:
    case asked::pause:
      return true;
    case asked::exceptions:
    case asked::deadletters:
      return !a.where.plant.empty();
    case asked::transaction:
    case asked::endpoints:
    case asked::plants:
      break;
  }
  return false;
}

template <class T>
done<T> into(router::ask_done cb, std::function<void(route_content&, T)> put) {
  return [cb = std::move(cb), put = std::move(put)](result<T> r) {
    if (!r) return cb(r.error());
    route_content c;
    put(c, std::move(*r));
    cb(std::move(c));
  };
}

done<void> into(router::ask_done cb) {
  return [cb = std::move(cb)](const result<void>& r) {
    if (!r) return cb(r.error());
    cb(route_content());
  };
}

}  // namespace

/// Where a peer's replies go once the engine has them.
class routed_engine::served_sink final : public reply_sink {
 public:
  served_sink(routed_engine& on, node_number peer, std::uint64_t session)
      : on_(on), peer_(peer), session_(session) {}
  void on_replies(std::vector<reply> replies) override {
    {
      const std::scoped_lock lock(on_.mutex_);
      replies = on_.server_.on_replies(peer_, session_, std::move(replies));
    }
    on_.reply_to(peer_, std::move(replies));
  }

 private:
  routed_engine& on_;
  node_number peer_;
  std::uint64_t session_;
};

void routed_engine::take(node_number from, route_frame frame) {
  router_output out;
  {
    const std::scoped_lock lock(mutex_);
    server_.on_head(from, frame.session, frame.done_below, frame.done);
    if (auto* replies = std::get_if<route_replies>(&frame.body)) {
      router_.on_replies(from, std::move(replies->replies), now_us(), out);
    } else if (auto* answer = std::get_if<route_answer>(&frame.body)) {
      router_.on_answer(from, std::move(*answer), now_us(), out);
    } else if (auto* leads = std::get_if<route_leads>(&frame.body)) {
      for (auto& [plant, at] : told_)
        if (at.node == from) at.node = 0;
      for (auto& l : leads->leads)
        if (auto& at = told_[l.plant]; l.term >= at.term) at = {from, l.term};
    }
  }
  carry_out(std::move(out));
  if (auto* s = std::get_if<route_submit>(&frame.body)) serve(from, std::move(*s));
  if (auto* a = std::get_if<route_ask>(&frame.body)) serve(from, std::move(*a));
  if (auto* leads = std::get_if<route_leads>(&frame.body))
    for (const auto& l : leads->leads)
      if (!here(l.plant)) local_.learn_leader(l.plant, from);
}

void routed_engine::serve(node_number from, route_submit s) {
  std::uint64_t session = 0;
  route_server::admitted admitted;
  {
    const std::scoped_lock lock(mutex_);
    admitted = server_.on_submit(from, std::move(s.batch));
    session = server_.session(from);
  }
  reply_to(from, std::move(admitted.replies));
  if (admitted.run.empty()) return;
  auto sink = std::make_shared<served_sink>(*this, from, session);
  const auto [node, term] = local_.leadership(s.plant);
  const bool mine = node == self_ && term == s.term;
  std::vector<reply> away;
  for (const auto& r : admitted.run) {
    if (mine && sound(r)) continue;
    auto& no = away.emplace_back();
    no.tag = r.tag;
    no.outcome = engine::Outcome::refused;
    no.code = mine ? "request.malformed" : "plant.not_leader";
    no.correlation = r.correlation;
  }
  if (!away.empty()) sink->on_replies(std::move(away));
  if (!mine) return;
  std::erase_if(admitted.run, [this](const request& r) { return !sound(r); });
  local_.submit(std::move(admitted.run), sink);
}

/// The engine only ever sees verified tables.
bool routed_engine::sound(const request& r) const {
  if (options_.model == nullptr) return true;
  if (r.body.empty()) return r.op != request::exception_op::none;
  const auto* kind = options_.model->kind(r.to.kind);
  const auto* command = kind != nullptr ? kind->command(r.command) : nullptr;
  return command == nullptr || verify_table(*options_.model, *command, r.body);
}

void routed_engine::reply_to(node_number to, std::vector<reply> replies) {
  if (replies.empty()) return;
  for (auto& part : cut_frames(route_replies{std::move(replies)}))
    send(to, {session_, 0, std::move(part)});
}

void routed_engine::serve(node_number from, route_ask a) {
  const auto number = a.number;
  auto answer = [this, from, number](const result<route_content>& r) {
    for (auto& part : cut_answer(number, r)) send(from, {session_, 0, std::move(part)});
  };
  if (for_leader(a) && local_.leadership(a.where.plant).first != self_)
    return answer(error{"plant.not_leader", "another node leads the plant"});
  answer_here(std::move(a), true, std::move(answer));
}

void routed_engine::answer_here(route_ask a, bool only_led, router::ask_done cb) {
  const auto led = [this, only_led](const std::string& plant) {
    return !only_led || local_.leadership(plant).first == self_;
  };
  switch (a.what) {
    case asked::read:
      return local_.read(std::move(a.where), a.how,
                         into<actor_view>(std::move(cb), [](route_content& c, actor_view v) {
                           c.actors.push_back(std::move(v));
                         }));
    case asked::list:
      return local_.list({a.where.plant, a.where.kind, a.filters, a.after, a.limit},
                         into<list_page>(std::move(cb), [](route_content& c, list_page p) {
                           c.actors = std::move(p.items);
                           c.next = std::move(p.next);
                         }));
    case asked::rows:
      return local_.rows(
          a.where, a.table, a.after, a.limit,
          into<std::vector<row_view>>(std::move(cb), [](route_content& c, std::vector<row_view> v) {
            c.rows = std::move(v);
          }));
    case asked::events:
      return local_.events(
          {a.where.plant, a.index, a.ordinal, a.type, a.actor, a.correlation, a.types, a.limit},
          into<event_page>(std::move(cb),
                           [](route_content& c, event_page p) { c.events = std::move(p); }));
    case asked::transaction:
      return local_.transaction(
          a.correlation,
          into<std::vector<hop>>(
              std::move(cb), [](route_content& c, std::vector<hop> v) { c.hops = std::move(v); }));
    case asked::exceptions:
      return local_.exceptions(
          a.where.plant, a.code, a.after, a.limit,
          into<std::vector<exception_view>>(
              std::move(cb), [led](route_content& c, std::vector<exception_view> v) {
                std::erase_if(v, [&](const auto& x) { return !led(x.plant); });
                c.exceptions = std::move(v);
              }));
    case asked::deadletters:
      return local_.deadletters(
          a.where.plant, a.after, a.limit,
          into<std::vector<delivery_view>>(
              std::move(cb), [led](route_content& c, std::vector<delivery_view> v) {
                std::erase_if(v, [&](const auto& x) { return !led(x.plant); });
                c.deliveries = std::move(v);
              }));
    case asked::deadletter:
      return local_.deadletter(a.where.id, static_cast<deadletter_op>(a.op), std::move(a.body),
                               {a.principal, 0, {}}, into(std::move(cb)));
    case asked::endpoints:
      return local_.endpoints(into<std::vector<endpoint_view>>(
          std::move(cb), [led](route_content& c, std::vector<endpoint_view> v) {
            std::erase_if(v, [&](const auto& x) { return !led(x.plant); });
            c.endpoints = std::move(v);
          }));
    case asked::pause:
      return local_.pause_endpoint(a.where.plant, a.system, a.until, std::move(a.reason),
                                   {a.principal, 0, {}}, into(std::move(cb)));
    case asked::plants:
      return local_.plants(into<std::vector<plant_status>>(
          std::move(cb),
          [](route_content& c, std::vector<plant_status> v) { c.plants = std::move(v); }));
  }
}

}  // namespace millrace
