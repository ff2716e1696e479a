// A process of the simulated machine: the replication loop over its groups, and its end by power
// loss or I/O error. Everything in it dies together; what a machine keeps is in node.hpp.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "cluster/membership.hpp"
#include "cluster/peer_bulk.hpp"
#include "cluster/plant_mail.hpp"
#include "cluster/state_tables.hpp"
#include "tests/simulation/fleet.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/node.hpp"
#include "tests/simulation/plant.hpp"

namespace millrace::simulation {

inline loop_options options_of(world& w, const swarm& faults, node_number self, unsigned boots) {
  loop_options o;
  auto& on = o.group.on;
  on.sole_voter_term = faults.off != mutant::sole_voter_term;
  on.denied_pre_vote_term = faults.off != mutant::denied_pre_vote_term;
  on.candidate_asks_again = faults.off != mutant::candidate_asks_again;
  on.apply_after_durable = faults.off != mutant::apply_after_durable;
  on.term_of_proposal = faults.off != mutant::term_of_proposal;
  o.group.seed = static_cast<std::uint32_t>(w.random());
  o.group.self = self;
  if (faults.nodes > 1) o.group.trailing_entries = 10;  // the rest comes out of the journal
  o.cluster = "simulated";
  o.turns.groups_min = 1 + w.below(4);
  o.turns.turns_min = 1 + w.below(8);
  o.identity = {self * 77, boots};
  return o;
}

/// The world's time as the engine's parts want it.
class world_clock final : public clock {
 public:
  explicit world_clock(world& w) : world_(w) {}
  [[nodiscard]] std::int64_t monotonic_us() const override { return world_.us() + 1; }
  [[nodiscard]] timestamp now() const override { return world_.now(); }

 private:
  world& world_;
};

/// One incarnation. Everything in it dies together.
class process : public std::enable_shared_from_this<process> {
 public:
  explicit process(node& owner)
      : node_(owner),
        journal_(owner.journal_disk_),
        state_(owner.state_disk_),
        transport_(make_transport(owner)),
        loop_(journal_, options_of(owner.world_, owner.faults_, owner.number_, owner.boots_),
              transport_.get()),
        clock_(owner.world_),
        mail_(owner.number_,
              {[this](std::string_view name) { return find(name); },
               [this](std::string_view) { return others(); }},
              bulk_, leaders_, clock_) {
    bulk_.attach(transport_.get());
  }
  ~process() { *alive_ = false; }

  void receive(node_number from, const shared_bytes& envelope, bool bulk) {
    if (bulk) return bulk_.receive(from, *envelope);
    loop_hop([this, from, envelope] {
      loop_.receive(from, *envelope);
      turn_soon();
    });
  }

  void start() {
    if (auto r = loop_.load(); !r) return bug("the journal does not load: " + r.error().detail);
    node_.journal_disk_->sync_now();
    for (const auto& name : node_.plant_names()) {
      open(name);
      if (!*alive_) return;
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
  std::unique_ptr<sim_transport> transport_;
  loop_core loop_;
  world_clock clock_;
  peer_bulk bulk_;
  leader_book leaders_;
  plant_mail mail_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, std::shared_ptr<sim_plant>> plants_;
  std::map<std::string, group_number> groups_;
  bool turn_planned_ = false;
  bool syncing_ = false;  // the loop's thread is in its sync: nothing else of it happens
  std::deque<event> waiting_;

 private:
  static std::unique_ptr<sim_transport> make_transport(node& owner) {
    if (owner.net_ == nullptr) return nullptr;
    return std::make_unique<sim_transport>(
        *owner.net_, owner.number_,
        [&all = owner.fleet_](node_number from, node_number to, const shared_bytes& envelope,
                              bool bulk) { all.at(to).receive(from, envelope, bulk); });
  }
  std::shared_ptr<mail_box> find(std::string_view name) {
    const auto at = plants_.find(std::string(name));
    return at == plants_.end() ? nullptr : at->second;
  }
  std::vector<node_number> others() const {
    std::vector<node_number> out;
    for (node_number n = 1; n <= node_.faults_.nodes; ++n)
      if (n != node_.number_) out.push_back(n);
    return out;
  }

  /// It does not start.
  void bug(const std::string& what) {
    *alive_ = false;
    if (node_.last_boot_)
      node_.refused_ = what;
    else
      node_.found_.add(what);
  }

  // A group's number is given by the journal when it is opened, but the plant has to exist to
  // listen: names are opened in the same order at every boot, so the number is known beforehand.
  void open(const std::string& name) {
    const auto number = static_cast<group_number>(groups_.size() + 1);
    process_services s;
    s.where = &node_.world_;
    s.number = node_.number_;
    s.faults = &node_.faults_;
    s.outside = &node_.outside_;
    s.kinds = &node_.kinds_;
    s.journal = &journal_;
    s.state = &state_;
    s.alive = alive_;
    s.now = [&n = node_] { return n.now(); };
    s.sync_state = [&n = node_] { n.state_disk_->sync_now(); };
    s.leads = [&n = node_](group_number g, const group_status& status) { n.leads(g, status); };
    s.propose = [this](group_number g, shared_bytes entry, term_number term) {
      loop_hop([this, g, entry, term] {
        loop_.propose(g, entry, term);
        turn_soon();
      });
    };
    s.checkpointed = [this](group_number g, journal_index i) {
      loop_hop([this, g, i] {
        if (!loop_.checkpointed(g, i, node_.world_.ms())) die("checkpointed failed");
      });
    };
    s.send = [this](message_frame f) { mail_.send(std::move(f)); };
    s.send_watermark = [this](watermark_frame f) { mail_.send(std::move(f)); };
    s.read = [this](group_number g, std::uint64_t token) {
      loop_hop([this, g, token] {
        if (!loop_.read(g, token, node_.world_.ms())) plant_of(g).on_readable(g, token, 0);
        turn_soon();
      });
    };
    s.applied = [this, name](journal_index index, std::uint64_t hash) {
      node_.fleet_.applied(name, node_.number_, index, hash);
    };
    s.die = [this](const std::string& why) { die(why); };
    s.faulty = [&n = node_] { return !n.healed_; };
    auto made = std::make_shared<sim_plant>(name, s, number);
    auto loaded = made->load();
    if (!loaded && loaded.error().code == "state.damaged") {  // as node_engine does
      node_.world_.say(name, "is rebuilt:", loaded.error().detail);
      write_batch wipe;
      wipe_plant(wipe, name);
      if (!state_.commit(wipe.writes())) return die("the state cannot be wiped");
      node_.state_disk_->sync_now();
      made = std::make_shared<sim_plant>(name, s, number);
      loaded = made->load();
    }
    plants_[name] = made;
    groups_[name] = number;
    if (!loaded) return bug("host does not load: " + loaded.error().detail);
    auto opened =
        loop_.open_group(name, made->host().applied(), made, node_.world_.ms(), founders());
    if (!opened) return bug("open_group: " + opened.error().detail);
    node_.journal_disk_->sync_now();
    if (*opened != number) bug("group numbers are not stable");
    turn_soon();
  }

  [[nodiscard]] membership founders() const {
    std::vector<node_number> all;
    for (node_number n = 1; n <= node_.faults_.nodes; ++n) all.push_back(n);
    return membership::of_voters(all);
  }
  sim_plant& plant_of(group_number g) { return *plants_.at(node_.plant_of(g)); }

  void loop_hop(event what) {
    node_.world_.hop("loop" + std::to_string(node_.number_), node_.faults_.hop_us_max,
                     [this, alive = alive_, what = std::move(what)] {
                       if (!*alive) return;
                       if (syncing_)
                         waiting_.push_back(what);
                       else
                         what();
                     });
  }

  void turn_soon() {
    if (turn_planned_) return;
    turn_planned_ = true;
    loop_hop([this] {
      turn_planned_ = false;
      turn();
    });
  }

  void turn() {
    if (auto r = loop_.prepare(node_.world_.ms()); !r)
      return die("prepare failed: " + r.error().detail);
    if (loop_.batch().empty()) return finish();
    node_.witness(loop_.batch());
    if (node_.world_.chance(node_.healed_ ? 0 : node_.faults_.commit_fails))
      node_.journal_disk_->fail_commit(1, node_.world_.chance(0.5));
    if (auto r = journal_.commit(loop_.batch().writes());
        !r && node_.faults_.off != mutant::io_error_ignored)
      return die("commit failed: " + r.error().detail);
    if (node_.faults_.off == mutant::ack_before_durable) finish();
    syncing_ = true;
    const auto sync_us =
        node_.world_.below(static_cast<std::uint64_t>(node_.faults_.sync_us_max) + 1);
    node_.world_.after(static_cast<std::int64_t>(sync_us), [this, alive = alive_] {
      if (!*alive) return;
      node_.journal_disk_->sync_now();
      syncing_ = false;
      if (node_.faults_.off != mutant::ack_before_durable) finish();
      while (*alive && !syncing_ && !waiting_.empty()) {
        const auto what = std::move(waiting_.front());
        waiting_.pop_front();
        what();
      }
    });
  }

  void finish() {
    if (auto r = loop_.finish(node_.world_.ms()); !r)
      return die("finish failed: " + r.error().detail);
    if (loop_.more()) turn_soon();
  }

  void tick() {
    node_.world_.after(10'000, [alive = alive_, this] {
      if (!*alive) return;
      turn_soon();
      tick();
    });
  }
};

}  // namespace millrace::simulation
