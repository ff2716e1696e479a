// A process of the simulated machine: the replication loop over its groups, and its end by power loss or I/O error.

#include "tests/simulation/node.hpp"

#include <utility>

#include "tests/simulation/plant.hpp"

namespace millrace::simulation {

namespace {

loop_options options_of(world& w) {
  loop_options o;
  o.group.seed = static_cast<std::uint32_t>(w.random());
  return o;
}

}  // namespace

/// One incarnation. Everything in it dies together.
class process : public std::enable_shared_from_this<process> {
 public:
  explicit process(node& owner)
      : node_(owner),
        journal_(owner.journal_disk_),
        state_(owner.state_disk_),
        loop_(journal_, options_of(owner.world_)) {}
  ~process() { *alive_ = false; }

  void start() {
    if (auto r = loop_.load(); !r) return bug("the journal does not load: " + r.error().detail);
    for (unsigned p = 0; p < node_.faults_.plants; ++p) {
      const auto name = "plant-" + std::to_string(p);
      open(name);
    }
    tick();
  }

  /// Fail-stop: nothing of this process happens any more; the machine notices at once.
  void die(const std::string& why) {
    *alive_ = false;
    node_.world_.after(0, [&n = node_, self = weak_from_this(), why] {
      if (const auto p = self.lock(); p && p == n.process_) n.crash(why);
    });
  }

  node& node_;
  memory_store journal_;
  memory_store state_;
  loop_core loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, std::shared_ptr<sim_plant>> plants_;
  std::map<std::string, group_number> groups_;
  bool turn_planned_ = false;

 private:
  void bug(const std::string& what) { node_.found_.add(what); }

  // A group's number is given by the journal when it is opened, but the plant has to exist to listen: names are opened
  // in the same order at every boot, so the number is known beforehand.
  void open(const std::string& name) {
    const auto number = static_cast<group_number>(groups_.size() + 1);
    process_services s;
    s.where = &node_.world_;
    s.faults = &node_.faults_;
    s.outside = &node_.outside_;
    s.kinds = &node_.kinds_;
    s.journal = &journal_;
    s.state = &state_;
    s.alive = alive_;
    s.propose = [this](group_number g, shared_bytes entry) {
      loop_hop([this, g, entry] {
        loop_.propose(g, entry);
        turn_soon();
      });
    };
    s.checkpointed = [this](group_number g, journal_index i) {
      loop_hop([this, g, i] {
        if (!loop_.checkpointed(g, i, node_.world_.ms())) die("checkpointed failed");
      });
    };
    s.send = [this](message_frame f) { route(std::move(f)); };
    s.send_watermark = [this](watermark_frame f) { route(std::move(f)); };
    s.die = [this](const std::string& why) { die(why); };
    auto made = std::make_shared<sim_plant>(name, std::move(s), number);
    plants_[name] = made;
    groups_[name] = number;
    if (auto r = made->load(); !r) return bug("host does not load: " + r.error().detail);
    auto opened = loop_.open_group(name, made->host().applied(), made, node_.world_.ms());
    if (!opened) return die("open_group: " + opened.error().detail);
    if (*opened != number) bug("group numbers are not stable");
    turn_soon();
  }

  void loop_hop(event what) {
    node_.world_.hop("loop", node_.faults_.hop_us_max, [alive = alive_, what = std::move(what)] {
      if (*alive) what();
    });
  }

  void turn_soon() {
    if (turn_planned_) return;
    turn_planned_ = true;
    loop_hop([this] {
      turn_planned_ = false;
      if (node_.world_.chance(node_.healed_ ? 0 : node_.faults_.commit_fails))
        node_.journal_disk_->fail_commit(1, node_.world_.chance(0.5));
      auto r = loop_.turn(node_.world_.ms());
      if (!r) return die("commit failed: " + r.error().detail);
      if (loop_.more()) turn_soon();
    });
  }

  void tick() {
    node_.world_.after(10'000, [alive = alive_, this] {
      if (!*alive) return;
      turn_soon();
      tick();
    });
  }

  // Between plants frames may be lost, doubled and late.
  template <class Frame>
  void route(Frame frame) {
    const auto to = plants_.find(frame.to_plant);
    if (to == plants_.end() || (!node_.healed_ && node_.world_.chance(0.05))) return;
    const int copies = !node_.healed_ && node_.world_.chance(0.05) ? 2 : 1;
    for (int i = 0; i < copies; ++i)
      node_.world_.after(static_cast<std::int64_t>(node_.world_.below(2'000)), [alive = alive_, p = to->second, frame] {
        if (!*alive) return;
        p->input([&](plant_host& h, timestamp now) {
          if constexpr (std::is_same_v<Frame, message_frame>)
            h.on_messages(frame, now);
          else
            h.on_watermark(frame, now);
        });
      });
  }
};

node::node(world& w, const swarm& faults, findings& found, outer_systems& outside, const kind_registry& kinds)
    : world_(w), faults_(faults), found_(found), outside_(outside), kinds_(kinds) {}

node::~node() = default;

void node::boot() {
  ++boots_;
  process_ = std::make_shared<process>(*this);
  process_->start();
  if (faults_.crash_every_us > 0 && !healed_)
    world_.after(static_cast<std::int64_t>(world_.below(2 * static_cast<std::uint64_t>(faults_.crash_every_us))),
                 [this, boot = boots_] {
                   if (boot == boots_ && !healed_) crash("power loss");
                 });
}

void node::crash(const std::string&) {
  if (!process_) return;
  *process_->alive_ = false;
  process_.reset();
  journal_disk_->crash();
  state_disk_->crash();
  world_.after(static_cast<std::int64_t>(world_.below(100'000)), [this] { boot(); });
}

void node::heal() { healed_ = true; }

namespace {

/// Replies of one request on their way out of the process.
class client_sink final : public reply_sink {
 public:
  client_sink(world& w, findings& found, std::shared_ptr<bool> alive, std::int64_t hop_us, reply_handler handler)
      : world_(w), found_(found), alive_(std::move(alive)), hop_us_(hop_us), handler_(std::move(handler)) {}
  void on_replies(std::vector<reply> replies) override {
    if (!*alive_) return found_.add("I10: an answer after the process had failed");
    for (auto& r : replies) {
      if (answered_) found_.add("a request was answered twice");
      answered_ = true;
      world_.after(static_cast<std::int64_t>(world_.below(static_cast<std::uint64_t>(hop_us_) + 1)),
                   [handler = handler_, r = std::move(r)] { handler(r); });
    }
  }

 private:
  world& world_;
  findings& found_;
  std::shared_ptr<bool> alive_;
  std::int64_t hop_us_;
  reply_handler handler_;
  bool answered_ = false;
};

}  // namespace

bool node::submit(request r, reply_handler handler) {
  if (!process_ || !*process_->alive_) return false;
  auto plant = process_->plants_.at(r.to.plant);
  auto sink = std::make_shared<client_sink>(world_, found_, process_->alive_, faults_.hop_us_max, std::move(handler));
  auto shared = std::make_shared<request>(std::move(r));
  plant->hop("/host", [plant, sink, shared] {
    plant->input([&](plant_host& h, timestamp now) {
      std::vector<request> batch;
      batch.push_back(std::move(*shared));
      h.submit(std::move(batch), sink, now);
    });
  });
  return true;
}

bool node::read(address where, std::function<void(std::optional<actor_view>)> handler) {
  if (!process_ || !*process_->alive_) return false;
  auto plant = process_->plants_.at(where.plant);
  plant->hop("/host", [plant, local = where.local(), handler = std::move(handler)] { plant->read(local, handler); });
  return true;
}

void node::retry_dead() {
  if (!process_) return;
  for (auto& [name, plant] : process_->plants_)
    plant->input([&](plant_host& h, timestamp now) {
      for (const auto& d : h.deadletters(0, 1'000)) {
        const auto number = std::stoull(d.id.substr(d.id.find('~') + 1));
        h.deadletter(number, engine_api::deadletter_op::retry, {}, "operator", now, [](result<void>) {});
      }
    });
}

void node::checkpoint() {
  if (!process_) return;
  for (auto& [name, plant] : process_->plants_)
    plant->input([](plant_host& h, timestamp now) { h.checkpoint(now); });
}

std::uint64_t node::unrest() const {
  if (!process_) return 1;
  std::uint64_t sum = 0;
  for (const auto& [name, plant] : process_->plants_) {
    const auto s = plant->host().status();
    sum += s.in_flight + s.outbox + s.messages_waiting + (s.leading ? 0 : 1);
  }
  return sum;
}

std::vector<std::string> node::plant_names() const {
  std::vector<std::string> names;
  for (unsigned p = 0; p < faults_.plants; ++p) names.push_back("plant-" + std::to_string(p));
  return names;
}

plant_host* node::host_of(const std::string& plant) { return process_ ? &process_->plants_.at(plant)->host() : nullptr; }
group_number node::group_of(const std::string& plant) const { return process_->groups_.at(plant); }
store& node::journal_store() { return process_->journal_; }
store& node::state_store() { return process_->state_; }

}  // namespace millrace::simulation
