// The keeper's thread: read, host, tell; and placing, which is a command to the system group.
#include "cluster/placement_keeper.hpp"

#include <algorithm>
#include <future>

#include <spdlog/spdlog.h>

#include "cluster/each_reply.hpp"
#include "schemas/system/node_kind.hpp"
#include "schemas/system/placement_kind.hpp"

namespace millrace {

namespace {

constexpr auto look_at_least = std::chrono::seconds(2);
constexpr auto answer_most = std::chrono::seconds(5);
constexpr std::uint32_t page = 1000;
constexpr std::uint32_t deadline_ms = 10'000;
constexpr auto steady_after = std::chrono::seconds(10);  // a node that is up so long may lead
constexpr std::size_t leads_moved_max = 4;               // at a time, two seconds apart

}  // namespace

placement_keeper::placement_keeper(node_engine& local, seams around, std::vector<placed_node> nodes,
                                   std::vector<node_number> founders)
    : local_(local),
      around_(std::move(around)),
      founders_(std::move(founders)),
      self_(local.self()) {
  for (auto& n : nodes) configured_[n.node] = std::move(n);
}

placement_keeper::~placement_keeper() { stop(); }

void placement_keeper::start() {
  thread_ = std::thread([this] { run(); });
}

void placement_keeper::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  cv_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void placement_keeper::run() {
  const bool founds = std::find(founders_.begin(), founders_.end(), self_) != founders_.end();
  if (founds)
    local_.host_plant(std::string(system_plant), membership::of_voters(founders_),
                      [](const result<void>& r) {
                        if (!r) spdlog::error("system group: {}", r.error().detail);
                      });
  watch_ = local_.watch(std::string(system_plant), [this] {
    const std::scoped_lock lock(mutex_);
    wanted_ = true;
    cv_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wanted_ = false;
    lock.unlock();
    look();
    lock.lock();
    cv_.wait_for(lock, look_at_least, [this] { return stopping_ || wanted_; });
  }
  lock.unlock();
  watch_.reset();
}

template <class State>
bool placement_keeper::list(const char* kind,
                            const std::function<void(const std::string&, const State&)>& each) {
  engine_api& from =
      local_.has_plant(system_plant) ? static_cast<engine_api&>(local_) : around_.cluster;
  list_query q;
  q.plant = std::string(system_plant);
  q.kind = kind;
  q.limit = page;
  while (true) {
    auto answered = std::make_shared<std::promise<result<list_page>>>();
    auto answer = answered->get_future();
    from.list(q, [answered](result<list_page> r) { answered->set_value(std::move(r)); });
    if (answer.wait_for(answer_most) != std::future_status::ready) return false;
    const auto got = answer.get();
    if (!got) return false;
    for (const auto& item : got->items)
      if (!item.state.empty()) each(item.where.id, *flatbuffers::GetRoot<State>(item.state.data()));
    if (got->next.empty()) return true;
    q.after = got->next;
  }
}

void placement_keeper::look() {
  std::map<node_number, placed_node> nodes;
  placed_plants plants;
  const auto text = [](const flatbuffers::String* s) { return s != nullptr ? s->str() : ""; };
  const bool seen =
      list<node::State>("node",
                        [&](const std::string&, const node::State& s) {
                          auto& n = nodes[s.number()];
                          n.node = s.number();
                          n.region = text(s.region());
                          n.consensus = text(s.consensus());
                          n.bulk = text(s.bulk());
                          n.public_key = text(s.public_key());
                          n.reason = text(s.reason());
                          n.drained = s.life() == node::Life::drained;
                        }) &&
      list<placement::State>("placement", [&](const std::string& plant, const placement::State& s) {
        auto& p = plants[plant];
        p.region = text(s.region());
        p.serving = s.life() == placement::Life::serving;
        if (s.voters() != nullptr) p.voters.assign(s.voters()->begin(), s.voters()->end());
      });
  if (!seen) return;
  {
    const std::scoped_lock lock(mutex_);
    known_ = std::move(nodes);
    plants_ = std::move(plants);
  }
  host();
  tell_self();
  give_leads_away();
  share_leads();
  const std::scoped_lock lock(mutex_);
  settled_ = true;
}

void placement_keeper::host() {
  for (const auto& [plant, p] : plants()) {
    if (local_.has_plant(plant) ||
        std::find(p.voters.begin(), p.voters.end(), self_) == p.voters.end())
      continue;
    local_.host_plant(plant, membership::of_voters(p.voters),
                      [plant = plant](const result<void>& r) {
                        if (r)
                          spdlog::info("plant={} is placed on this node", plant);
                        else
                          spdlog::error("plant={} {}: {}", plant, r.error().code, r.error().detail);
                      });
  }
}

/// A drained node leads nothing that another voter can lead.
void placement_keeper::give_leads_away() {
  {
    const std::scoped_lock lock(mutex_);
    const auto mine = known_.find(self_);
    if (mine == known_.end() || !mine->second.drained) return;
  }
  for (const auto& plant : local_.plant_names())
    if (local_.leads(plant)) local_.transfer(plant);
}

/// While this node leads more than its share, it hands plants over to those that are to lead them,
/// a few at a time. A node that has just come back gets none yet: it catches up, and may go again.
void placement_keeper::share_leads() {
  const auto now = std::chrono::steady_clock::now();
  auto all = nodes();
  for (auto& n : all) {
    if (!n.up)
      up_since_.erase(n.node);
    else if (const auto since = up_since_.emplace(n.node, now).first->second;
             n.node != self_ && now - since < steady_after)
      n.up = false;
  }
  if (now - shared_at_ < look_at_least) return;
  std::size_t share = 0, led = 0;
  std::vector<std::pair<std::string, node_number>> elsewhere;
  for (auto& [plant, leader] : choose_leaders(all, plants())) {
    share += leader == self_ ? 1 : 0;
    if (!local_.leads(plant)) continue;
    ++led;
    if (leader != self_) elsewhere.emplace_back(plant, leader);
  }
  if (led <= share) return;
  elsewhere.resize(std::min({elsewhere.size(), led - share, leads_moved_max}));
  for (const auto& [plant, leader] : elsewhere) {
    spdlog::info("plant={} is handed over to node {}: this one leads {}, its share is {}", plant,
                 leader, led, share);
    local_.transfer(plant, leader);
  }
  shared_at_ = now;
}

template <class CommandT>
void placement_keeper::send(address to, std::uint8_t command, const CommandT& table,
                            std::function<void(reply)> cb) {
  request r;
  r.to = std::move(to);
  r.command = command;
  r.body = decision<node::schema>::pack(table);
  r.from.name = "millrace-node-" + std::to_string(self_);
  r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(System::ops));
  r.system = System::ops;
  r.deadline_ms = deadline_ms;
  std::vector<request> batch;
  batch.push_back(std::move(r));
  around_.cluster.submit(std::move(batch), std::make_shared<each_reply>(std::move(cb)));
}

/// Tells the group who this node is, unless it says so already.
void placement_keeper::tell_self() {
  node::JoinT join;
  {
    const std::scoped_lock lock(mutex_);
    const auto mine = configured_.find(self_);
    if (telling_ || stopping_ || mine == configured_.end()) return;
    const auto& c = mine->second;
    if (const auto k = known_.find(self_);
        k != known_.end() && k->second.region == c.region && k->second.consensus == c.consensus &&
        k->second.bulk == c.bulk && k->second.public_key == c.public_key)
      return;
    telling_ = true;
    join.number = self_;
    join.region = c.region;
    join.consensus = c.consensus;
    join.bulk = c.bulk;
    join.public_key = c.public_key;
  }
  send({std::string(system_plant), "node", std::to_string(self_)},
       static_cast<std::uint8_t>(node::schema::command_member<node::JoinT>()), join,
       [this](const reply& r) {
         if (!r.code.empty()) spdlog::warn("joining the system group: {} {}", r.code, r.detail);
         const std::scoped_lock lock(mutex_);
         telling_ = false;
       });
}

void placement_keeper::place(std::string plant, std::string region, done<void> cb) {
  placement::PlaceT place;
  place.voters = choose_voters(nodes(), plants(), plant, region);
  if (place.voters.empty())
    return cb(error{"node.not_ready", "no node takes plants: all are drained"});
  place.region = std::move(region);
  send({std::string(system_plant), "placement", std::move(plant)},
       static_cast<std::uint8_t>(placement::schema::command_member<placement::PlaceT>()), place,
       [cb = std::move(cb)](const reply& r) {
         // Whoever was first has placed it: that is as good.
         if (r.code.empty() || r.code == "placement.exists") return cb({});
         cb(error{r.code, r.detail});
       });
}

void placement_keeper::confirm(const std::string& plant) {
  {
    const std::scoped_lock lock(mutex_);
    const auto p = plants_.find(plant);
    if (p == plants_.end() || p->second.serving) return;
  }
  send({std::string(system_plant), "placement", plant},
       static_cast<std::uint8_t>(placement::schema::command_member<placement::ConfirmT>()),
       placement::ConfirmT(), [](const reply&) {});
}

bool placement_keeper::knows(std::string_view plant) const {
  const std::scoped_lock lock(mutex_);
  return plants_.find(plant) != plants_.end();
}

std::vector<node_number> placement_keeper::voters(std::string_view plant) const {
  const std::scoped_lock lock(mutex_);
  if (plant == system_plant) return founders_;
  const auto p = plants_.find(plant);
  return p == plants_.end() ? std::vector<node_number>() : p->second.voters;
}

std::vector<placed_node> placement_keeper::nodes() const {
  const auto up = around_.up();
  const std::scoped_lock lock(mutex_);
  auto all = known_;
  for (const auto& [number, n] : configured_) all.emplace(number, n);
  std::vector<placed_node> out;
  for (auto& [number, n] : all) {
    n.up = number == self_ || std::find(up.begin(), up.end(), number) != up.end();
    out.push_back(std::move(n));
  }
  return out;
}

placed_plants placement_keeper::plants() const {
  const std::scoped_lock lock(mutex_);
  return plants_;
}

bool placement_keeper::settled() const {
  const std::scoped_lock lock(mutex_);
  return settled_;
}

}  // namespace millrace
