// The routed engine's life, its way in and out, and its thread. Reads are in routed_reads.cpp, what
// is done for peers in routed_serving.cpp.
#include "cluster/routed_engine.hpp"

#include <algorithm>
#include <random>

#include <spdlog/spdlog.h>

#include "cluster/placement_keeper.hpp"

namespace millrace {

namespace {

constexpr std::size_t inbox_bytes_max = 64 * 1024 * 1024;  // of frames that wait; more are lost
constexpr auto busy_tick = std::chrono::milliseconds(10);
constexpr auto idle_tick = std::chrono::milliseconds(100);
constexpr std::int64_t tell_us = 500'000;
constexpr std::int64_t wake_us = 250'000;  // watchers of plants that are not here

std::uint64_t new_session() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1u;
}

}  // namespace

routed_engine::routed_engine(node_engine& local, routed_options options)
    : local_(local),
      options_(std::move(options)),
      self_(local.self()),
      session_(new_session()),
      router_(self_, options_.limits, options_.new_key) {
  keeper_ = std::make_unique<placement_keeper>(
      local_,
      placement_keeper::seams{*this,
                              [this] {
                                std::vector<node_number> up;
                                for (const auto& p : local_.peers())
                                  if (p.up) up.push_back(p.node);
                                return up;
                              }},
      options_.nodes, options_.founders);
  const auto arrived = [this](node_number from, bytes_view frame) {
    const std::scoped_lock lock(inbox_mutex_);
    if (inbox_bytes_ + frame.size() > inbox_bytes_max) return;
    inbox_bytes_ += frame.size();
    inbox_.push_back({from, bytes(frame.begin(), frame.end())});
    inbox_cv_.notify_one();
  };
  local_.bulk().take(bulk_tag::requests, arrived);
  local_.bulk().take(bulk_tag::replies, arrived);
  thread_ = std::thread([this] { run(); });
  keeper_->start();
}

routed_engine::~routed_engine() { stop(); }

void routed_engine::stop() {
  if (stopping_.exchange(true)) return;
  {
    const std::scoped_lock lock(mutex_);
    router_.end();
  }
  keeper_->stop();
  local_.bulk().take(bulk_tag::requests, {});
  local_.bulk().take(bulk_tag::replies, {});
  inbox_cv_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool routed_engine::ready() const {
  if (stopping_ || !local_.ready() || !keeper_->settled()) return false;
  return local_.has_plant(system_plant) || leader(system_plant).node != 0;
}

bool routed_engine::open() const { return !stopping_ && keeper_->settled(); }

bool routed_engine::here(std::string_view plant) const { return local_.has_plant(plant); }

bool routed_engine::has_plant(std::string_view plant) const {
  if (local_.has_plant(plant) || keeper_->knows(plant)) return true;
  return leader(plant).node != 0;
}

route_lead_at routed_engine::leader(std::string_view plant) const {
  if (local_.has_plant(plant)) {
    const auto [node, term] = local_.leadership(plant);
    return {node, term};
  }
  const std::scoped_lock lock(mutex_);
  const auto told = told_.find(plant);
  return told == told_.end() ? route_lead_at() : told->second;
}

std::uint64_t routed_engine::retries() const {
  const std::scoped_lock lock(mutex_);
  return router_.retries();
}

void routed_engine::submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink) {
  if (batch.empty()) return;
  std::set<std::string> plants;
  for (const auto& r : batch) plants.insert(r.to.plant);
  std::vector<reply> unknown;
  for (const auto& plant : plants)
    if (!has_plant(plant))
      for (auto& r : batch)
        if (r.to.plant == plant) {
          auto& no = unknown.emplace_back();
          no.tag = r.tag;
          no.outcome = engine::Outcome::refused;
          no.code = "plant.unknown";
          no.detail = "There is no plant " + plant;
          no.correlation = r.correlation;
        }
  if (!unknown.empty()) {
    std::erase_if(batch, [&](const auto& r) { return !has_plant(r.to.plant); });
    sink->on_replies(std::move(unknown));
  }
  router_output out;
  std::map<std::string, route_lead_at> leaders;
  for (const auto& plant : plants) leaders[plant] = leader(plant);
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [plant, at] : leaders)
      router_.on_leader(plant, at.node, at.term, now_us(), out);
    router_.submit(std::move(batch), sink, now_us(), out);
  }
  carry_out(std::move(out));
}

/// What the own engine answers, back to the router.
class routed_engine::own_sink final : public reply_sink {
 public:
  explicit own_sink(routed_engine& to) : to_(to) {}
  void on_replies(std::vector<reply> replies) override {
    router_output out;
    {
      const std::scoped_lock lock(to_.mutex_);
      to_.router_.on_replies(to_.self_, std::move(replies), to_.now_us(), out);
    }
    to_.carry_out(std::move(out));
  }

 private:
  routed_engine& to_;
};

void routed_engine::carry_out(router_output out) {
  for (auto& s : out.submissions) {
    if (s.to == self_) {
      local_.submit(std::move(s.what.batch), std::make_shared<own_sink>(*this));
      continue;
    }
    for (auto& part : cut_frames(std::move(s.what))) {
      route_frame frame{session_, 0, std::move(part)};
      {
        const std::scoped_lock lock(mutex_);
        frame.done_below = router_.done_below();
        frame.done = router_.take_done(s.to);
      }
      send(s.to, frame);
    }
  }
  for (auto& q : out.questions) {
    if (q.to != self_) {
      send(q.to, {session_, 0, std::move(q.what)});
      continue;
    }
    const auto number = q.what.number;
    answer_here(std::move(q.what), false, [this, number](result<route_content> r) {
      router_output more;
      {
        const std::scoped_lock lock(mutex_);
        router_.on_content(number, std::move(r), now_us(), more);
      }
      carry_out(std::move(more));
    });
  }
  for (auto& [sink, replies] : out.replies) sink->on_replies(std::move(replies));
  for (auto& [cb, r] : out.answers) cb(std::move(r));
}

void routed_engine::send(node_number to, const route_frame& frame) {
  const auto encoded = encode_route(frame);
  const bool back = std::holds_alternative<route_replies>(frame.body) ||
                    std::holds_alternative<route_answer>(frame.body);
  (void)local_.bulk().send(to, back ? bulk_tag::replies : bulk_tag::requests, encoded);
}

void routed_engine::run() {
  std::unique_lock lock(inbox_mutex_);
  auto next = std::chrono::steady_clock::now();
  while (!stopping_) {
    inbox_cv_.wait_until(lock, next, [this] { return stopping_ || !inbox_.empty(); });
    auto arrived = std::exchange(inbox_, {});
    inbox_bytes_ = 0;
    lock.unlock();
    for (auto& a : arrived) {
      auto frame = decode_route(a.frame);
      if (frame)
        take(a.from, std::move(*frame));
      else
        spdlog::warn("node={} sent a frame that is not one of a router", a.from);
    }
    if (const auto now = std::chrono::steady_clock::now(); now >= next) {
      on_time();
      bool busy = false;
      {
        const std::scoped_lock inner(mutex_);
        busy = router_.open() > 0;
      }
      next = now + (busy ? busy_tick : idle_tick);
    }
    lock.lock();
  }
}

void routed_engine::on_time() {
  std::set<node_number> up;
  for (const auto& p : local_.peers())
    if (p.up) up.insert(p.node);
  std::vector<std::string> busy;
  router_output out;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto n : up_)
      if (!up.contains(n)) router_.on_peer(n, false, now_us(), out);
    for (const auto n : up)
      if (!up_.contains(n)) router_.on_peer(n, true, now_us(), out);
    busy = router_.busy_plants();
  }
  up_ = std::move(up);
  for (const auto& plant : busy) {
    const auto at = leader(plant);
    const std::scoped_lock lock(mutex_);
    router_.on_leader(plant, at.node, at.term, now_us(), out);
  }
  {
    const std::scoped_lock lock(mutex_);
    router_.on_time(now_us(), out);
  }
  carry_out(std::move(out));
  tell_leads(now_us() - told_us_ < tell_us);
  if (now_us() - woken_us_ >= wake_us) wake_watchers();
}

/// Says to every node what is led here: at once when it has changed, else twice a second.
void routed_engine::tell_leads(bool changed_only) {
  std::vector<route_lead> led;
  for (const auto& plant : local_.plant_names())
    if (const auto [node, term] = local_.leadership(plant); node == self_)
      led.push_back({plant, term});
  const bool same = std::equal(led.begin(), led.end(), led_.begin(), led_.end(),
                               [](const route_lead& a, const route_lead& b) {
                                 return a.plant == b.plant && a.term == b.term;
                               });
  if (same && changed_only) return;
  told_us_ = now_us();
  for (const auto n : up_) {
    route_frame frame{session_, 0, route_leads{led}};
    {
      const std::scoped_lock lock(mutex_);
      frame.done_below = router_.done_below();
      frame.done = router_.take_done(n);
    }
    send(n, frame);
  }
  for (const auto& l : led) keeper_->confirm(l.plant);
  led_ = std::move(led);
}

void routed_engine::wake_watchers() {
  woken_us_ = now_us();
  std::vector<std::shared_ptr<std::function<void()>>> all;
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(watching_, [](const auto& w) { return w.wake.expired(); });
    for (const auto& w : watching_)
      if (auto wake = w.wake.lock()) all.push_back(std::move(wake));
  }
  for (const auto& wake : all) (*wake)();
}

std::vector<node_number> routed_engine::voters(std::string_view plant) const {
  return keeper_->voters(plant);
}

void routed_engine::create_plant(std::string plant, done<void> cb) {
  create_plant_in(std::move(plant), {}, std::move(cb));
}

void routed_engine::create_plant_in(std::string plant, std::string region, done<void> cb) {
  if (stopping_) return cb(error{"node.not_ready", "the node is stopping"});
  // A question to the plant's leader waits until there is one; its answer matters little.
  const auto wait = [this, plant, cb](const result<void>& placed) {
    if (!placed) return cb(placed.error());
    route_ask any;
    any.what = asked::read;
    any.where = {plant, "plant", plant};
    router_output out;
    {
      const std::scoped_lock lock(mutex_);
      router_.ask(
          std::move(any), now_us() + options_.create_us_max, false,
          [cb](result<route_content> r) {
            if (!r && r.error().code == "plant.not_leader")
              return cb(error{"plant.not_leader", "the new plant has no leader yet"});
            cb({});
          },
          now_us(), out);
    }
    carry_out(std::move(out));
  };
  if (has_plant(plant)) return wait({});
  keeper_->place(std::move(plant), std::move(region), wait);
}

void routed_engine::look(done<cluster_view> cb) {
  auto view = std::make_shared<cluster_view>();
  view->plants = keeper_->plants();
  for (auto& n : keeper_->nodes()) {
    auto& one = view->nodes.emplace_back();
    one.self = n.node == self_;
    one.node = std::move(n);
  }
  struct joining {
    std::mutex mutex;
    std::size_t left;
  };
  auto all = std::make_shared<joining>();
  all->left = view->nodes.size();
  for (std::size_t i = 0; i < view->nodes.size(); ++i) {
    route_ask a;
    a.what = asked::plants;
    ask_node(view->nodes[i].node.node, std::move(a), [view, all, i, cb](result<route_content> r) {
      bool last = false;
      {
        const std::scoped_lock lock(all->mutex);
        if (r)
          view->nodes[i].replicas = std::move(r->plants);
        else
          view->nodes[i].failure = r.error().detail;
        last = --all->left == 0;
      }
      if (last) cb(std::move(*view));
    });
  }
}

}  // namespace millrace
