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
#include "cluster/snapshot_keeper.hpp"
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
  if (faults.nodes > 1) o.group.trailing_entries = 10;  // the rest comes out of the journal,
  o.catch_up_entries_max = faults.catch_up_max;         // or a snapshot stands for it
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

inline snapshot_limits snapshots_of(world& w) {
  snapshot_limits o;
  o.slice_bytes = 1 + w.below(20'000);  // so that a process dies in the middle, too
  o.serve.bytes_per_second = 10'000'000;
  o.fetch.silence_us_max = 1'000'000;
  o.damaged_rest_us = 500'000;
  o.unused_us_max = 2'000'000;
  o.history_look_us = 200'000;
  return o;
}

/// Hears for the plant that is there now: another takes its place with a snapshot.
class relay final : public group_listener {
 public:
  void lead_to(const std::shared_ptr<sim_plant>& to) { to_ = to; }
  void on_committed(group_number g, std::span<const log_entry> entries,
                    const group_status& status) override {
    to_->on_committed(g, entries, status);
  }
  void on_refused(group_number g, std::span<const shared_bytes> payloads,
                  const error& why) override {
    to_->on_refused(g, payloads, why);
  }
  void on_role(group_number g, const group_status& status) override { to_->on_role(g, status); }
  void on_readable(group_number g, std::uint64_t token, journal_index index) override {
    to_->on_readable(g, token, index);
  }
  void on_member_behind(group_number g, node_number member, journal_index needs) override {
    to_->on_member_behind(g, member, needs);
  }

 private:
  std::shared_ptr<sim_plant> to_;
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
              bulk_, leaders_, clock_),
        files_(open_memory_files(owner.files_)),
        keeper_(state_, journal_, *files_, around_snapshots(), snapshots_of(owner.world_)) {
    bulk_.attach(transport_.get());
    for (const auto tag : {bulk_tag::snapshots, bulk_tag::history})
      bulk_.take(tag, [this, tag](node_number from, bytes_view body) {
        keep([from, tag, copy = bytes(body.begin(), body.end())](
                 snapshot_keeper& k, std::uint64_t now) { k.receive(from, tag, copy, now); });
      });
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
    if (!keeper_.start()) return bug("the files cannot be read");
    for (const auto& name : node_.plant_names()) {
      open(name);
      if (!*alive_) return;
    }
    tick();
    keeper_turn();
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
  std::unique_ptr<file_area> files_;
  snapshot_keeper keeper_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, std::shared_ptr<sim_plant>> plants_;
  std::map<std::string, group_number> groups_;
  std::map<std::string, std::shared_ptr<relay>> relays_;
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

  [[nodiscard]] process_services services_of(const std::string& name) {
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
    s.behind = [this, name](node_number member) {
      keep([name, member](snapshot_keeper& k, std::uint64_t now) { k.behind(name, member, now); });
    };
    return s;
  }

  // A group's number is given by the journal when it is opened, but the plant has to exist to
  // listen: names are opened in the same order at every boot, so the number is known beforehand.
  void open(const std::string& name) {
    const auto number = static_cast<group_number>(groups_.size() + 1);
    const auto s = services_of(name);
    if (!adopt(name)) return;
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
    relays_[name] = std::make_shared<relay>();
    relays_[name]->lead_to(made);
    auto opened = loop_.open_group(name, made->host().applied(), relays_[name], node_.world_.ms(),
                                   founders());
    if (!opened) return bug("open_group: " + opened.error().detail);
    node_.journal_disk_->sync_now();
    if (*opened != number) bug("group numbers are not stable");
    keeper_.host(name, number, 1);
    turn_soon();
  }

  /// As node_engine does at its start.
  [[nodiscard]] bool adopt(const std::string& name) {
    auto snapshot = state_.snapshot();
    auto head = snapshot ? installed_snapshot(**snapshot, name)
                         : result<std::optional<snapshot_head>>(snapshot.error());
    if (head && *head && node_.faults_.off != mutant::snapshot_not_adopted)
      if (auto adopted = loop_.adopt(name, **head); !adopted) head = adopted.error();
    if (!head) bug("the snapshot is not adopted: " + head.error().detail);
    node_.journal_disk_->sync_now();
    return head.has_value();
  }

  // ---- snapshots: their thread's calls and turns ----
  void keep(std::function<void(snapshot_keeper&, std::uint64_t)> what) {
    node_.world_.hop("snapshots" + std::to_string(node_.number_), node_.faults_.hop_us_max,
                     [this, alive = alive_, what = std::move(what)] {
                       if (!*alive) return;
                       what(keeper_, keeper_now());
                     });
  }
  [[nodiscard]] std::uint64_t keeper_now() const {
    return static_cast<std::uint64_t>(node_.world_.us()) + 1;
  }
  void keeper_turn() {
    if (node_.net_ == nullptr) return;
    const auto next = keeper_.turn(keeper_now());
    const auto in_us = std::max<std::uint64_t>(next - std::min(next, keeper_now()), 200);
    node_.world_.after(static_cast<std::int64_t>(std::min<std::uint64_t>(in_us, 20'000)),
                       [this, alive = alive_] {
                         if (*alive) keeper_turn();
                       });
  }

  snapshot_keeper::seams around_snapshots() {
    snapshot_keeper::seams out;
    out.send = [this](node_number to, bulk_tag tag, bytes_view body) { bulk_.send(to, tag, body); };
    out.peers = [this](const std::string&) { return others(); };
    out.delivered = [this](const std::string& plant) {
      return loop_.status(groups_.at(plant))->delivered;
    };
    out.install = [this](const std::string& plant, node_number from, const snapshot_head& head,
                         const snapshot_keeper::swap& how) {
      auto at = plants_.at(plant);
      at->hop("/host", [this, plant, from, head, how] { begin_anew(plant, from, head, how); });
    };
    out.back_fill = [this](const std::string& plant, const history_chunk& chunk) {
      for (const auto& e : chunk.entries) node_.fleet_.witness(plant, e.term, e.index, *e.payload);
      loop_hop([this, plant, chunk] {
        const auto how = loop_.back_fill(groups_.at(plant), chunk);
        node_.journal_disk_->sync_now();
        if (!how) node_.found_.add("history is refused: " + how.error().detail);
        keep([plant, how](snapshot_keeper& k, std::uint64_t now) { k.filled(plant, how, now); });
      });
    };
    out.history_ends = [this](const std::string& plant, journal_index oldest) {
      node_.found_.add(plant + ": history ends at " + std::to_string(oldest));
    };
    out.keep_from = [](const std::string&, journal_index) {};  // nothing is cut here
    out.restore = [](const std::string&, const std::string&) {};
    out.say = [this](const std::string& plant, const std::string& code, const std::string& detail) {
      node_.world_.say(node_.number_, plant, code, detail);
    };
    return out;
  }

  void told(const std::string& plant, bool done) {
    keep([plant, done](snapshot_keeper& k, std::uint64_t now) { k.installed(plant, done, now); });
  }

  /// As plant_shell does: the host ends, the rows are changed, another one is loaded from them.
  void begin_anew(const std::string& plant, node_number from, const snapshot_head& head,
                  const snapshot_keeper::swap& how) {
    const auto number = groups_.at(plant);
    auto& old = plants_.at(plant)->host();
    if (loop_.status(number)->role == group_role::leader || old.applied() >= head.of.index)
      return told(plant, false);
    old.retire();
    auto fresh = std::make_shared<sim_plant>(plant, services_of(plant), number);
    fresh->hold();
    plants_[plant] = fresh;
    relays_[plant]->lead_to(fresh);
    fresh->hop("/disk", [this, fresh, plant, from, head, how] {
      if (!how(state_)) return die("the swap failed");
      const auto sync_us =
          node_.world_.below(static_cast<std::uint64_t>(node_.faults_.sync_us_max) + 1);
      node_.world_.after(static_cast<std::int64_t>(sync_us), [this, alive = alive_, fresh, plant,
                                                              from, head] {
        if (!*alive) return;
        node_.state_disk_->sync_now();
        fresh->hop("/host", [this, fresh, plant, from, head] { go_on(fresh, plant, from, head); });
      });
    });
  }

  void go_on(const std::shared_ptr<sim_plant>& fresh, const std::string& plant, node_number from,
             const snapshot_head& head) {
    if (const auto loaded = fresh->load(); !loaded)
      return bug("the snapshot's state does not load: " + loaded.error().detail);
    node_.fleet_.applied(plant, node_.number_, fresh->host().applied(), fresh->host().hash());
    loop_hop([this, fresh, plant, from, head] {
      const auto number = groups_.at(plant);
      if (!loop_.install(number, from, head, node_.world_.ms())) return die("install failed");
      node_.journal_disk_->sync_now();
      turn_soon();
      const auto status = *loop_.status(number);
      fresh->hop("/host", [this, fresh, plant, status] {
        fresh->go_on(status);
        told(plant, true);
      });
    });
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
