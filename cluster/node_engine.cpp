// A node's life: open in order, create plants, drain, close in reverse.
// Requests and reads are in node_engine_reads.cpp.
#include "cluster/node_engine.hpp"

#include <algorithm>
#include <future>

#include <spdlog/spdlog.h>

#include "cluster/check.hpp"
#include "cluster/shared_budget.hpp"

namespace millrace {

namespace {

constexpr std::int64_t drain_ms_max = 5'000;

bool plant_name_ok(std::string_view name) {
  if (name.empty() || name.size() > id_bytes_max) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u != 0x7f && c != '/' && c != '~';
  });
}

}  // namespace

node_engine::node_engine(node_options options, const kind_registry& kinds, sink* out,
                         data_directory directory)
    : options_(std::move(options)), kinds_(kinds), out_(out), directory_(std::move(directory)) {}

result<std::unique_ptr<node_engine>> node_engine::start(node_options options,
                                                        const kind_registry& kinds, sink* out) {
  auto directory = data_directory::open(options.data, options.cluster, options.node);
  if (!directory) return directory.error();
  std::unique_ptr<node_engine> made(
      new node_engine(std::move(options), kinds, out, std::move(*directory)));
  if (auto done = made->open(); !done) return done.error();
  return made;
}

result<void> node_engine::open() {
  const auto& who = directory_.identity();
  if (!std::filesystem::exists(directory_.journal() / "data.mdb")) {
    spdlog::info("founding node={} cluster={} in {}", who.node, who.cluster,
                 directory_.path().string());
  }
  marks_ = inflight_marks::open(directory_.path() / "inflight");
  auto journal = open_lmdb_store(directory_.journal(), options_.journal);
  if (!journal) return journal.error();
  journal_ = std::move(*journal);
  auto state = open_lmdb_store(directory_.state(), options_.state);
  if (!state) return state.error();
  state_ = std::move(*state);
  if (auto bound = directory_.bind(*journal_, *state_); !bound) return bound;
  io_ = std::make_unique<state_io>(*state_, std::max(1u, options_.cold_readers));
  if (auto linked = start_link(); !linked) return linked;
  loop_ = std::make_unique<replication_loop>(*journal_, clock_, loop_settings(),
                                             around_ ? around_.get() : link_.get());
  if (auto started = loop_->start(); !started) return started;
  mail_ = std::make_unique<plant_mail>(
      self(),
      plant_mail::seams{[this](std::string_view name) { return find(name); },
                        [this](std::string_view name) { return members_of(name); }},
      bulk_, leaders_, clock_);
  receiver_ = loop_.get();
  if (auto started = start_snapshots(); !started) return started;
  if (auto adopted = adopt_snapshots(); !adopted) return adopted;

  config_ = std::make_unique<caf::actor_system_config>();
  const auto workers =
      options_.workers > 0 ? options_.workers : std::max(2u, std::thread::hardware_concurrency());
  config_->set("scheduler.max-threads", workers);
  config_->set("scheduler.policy",
               caf::atom("sharing"));  // stealing workers poll: they take the CPU from others
  actors_ = std::make_unique<caf::actor_system>(*config_);
  house_ = std::thread([this] { keep_house(); });

  struct known {
    std::string name;
    group_number number;
    std::uint32_t generation;
    journal_index last;
  };
  std::promise<std::vector<known>> listed;
  loop_->call([&listed](loop_core& core) {
    std::vector<known> out;
    for (const auto& [name, number] : core.groups()) {
      const auto* g = core.log().find(number);
      out.push_back({name, number, g->generation, g->last});
    }
    listed.set_value(std::move(out));
  });
  const auto groups = listed.get_future().get();
  std::map<std::string, journal_index> ends;
  for (const auto& g : groups) ends[g.name] = g.last;
  if (auto ok = check_cuts(*state_, ends); !ok) return ok;
  for (const auto& g : groups)
    if (auto made = open_plant(g.name, g.generation, g.number); !made) return made.error();
  return {};
}

system_set node_engine::bound_at(std::string_view plant) const {
  system_set out = 0;
  for (const auto& e : options_.endpoints)
    if (e.plant == "*" || e.plant == plant)
      out = static_cast<system_set>(out | (1u << static_cast<unsigned>(e.system)));
  return out;
}

result<node_engine::shell_ptr> node_engine::open_plant(const std::string& plant,
                                                       std::uint32_t generation, group_number group,
                                                       membership founders) {
  auto options = options_.host;
  options.plant = plant;
  options.generation = generation;
  const auto make = [&] {
    node_services services{*actors_, *loop_, *io_,           *journal_, clock_,
                           kinds_,   out_,   options_.rules, *mail_,    marks_.get()};
    if (snapshots_)
      services.behind = [this](const std::string& name, node_number member) {
        snapshots_->call(
            [name, member](snapshot_keeper& k, std::uint64_t now) { k.behind(name, member, now); });
      };
    auto shell = std::make_shared<plant_shell>(std::move(services), options, bound_at(plant),
                                               options_.supervision);
    if (group != 0) shell->set_group(group);
    return shell;
  };
  auto shell = make();
  auto applied = shell->load();
  if (!applied && applied.error().code == "state.damaged") {
    // Everything in the state environment can be derived: begin anew from the journal.
    spdlog::error("plant={} checkpoint damaged, rebuilt from the journal: {}", plant,
                  applied.error().detail);
    write_batch wipe;
    wipe_plant(wipe, plant);
    if (auto done = state_->commit(wipe.writes()); !done) return done.error();
    shell = make();
    applied = shell->load();
  }
  if (!applied) return applied.error();
  {
    const std::unique_lock lock(plants_mutex_);
    plants_[plant] = shell;
  }
  share_memory();
  shell->start();
  std::promise<result<group_number>> opened;
  loop_->open_group(
      plant, *applied, shell, [&opened](result<group_number> r) { opened.set_value(std::move(r)); },
      std::move(founders));
  const auto number = opened.get_future().get();
  if (!number) return number.error();
  shell->set_group(*number);
  if (snapshots_)
    snapshots_->call([plant, generation, number = *number](snapshot_keeper& k, std::uint64_t) {
      k.host(plant, number, generation);
    });
  spdlog::info("plant={} generation={} open from index {}", plant, generation, *applied);
  return shell;
}

void node_engine::host_plant(std::string plant, membership founders, done<void> cb) {
  if (!plant_name_ok(plant)) return cb(error{"id.invalid", "Not a plant's name"});
  if (stopping_) return cb(error{"node.not_ready", "The node is stopping"});
  const std::scoped_lock lock(opening_mutex_);
  if (find(plant)) return cb({});
  if (founders.voters() == 0) return cb(error{"config.invalid", "a plant needs voters"});
  auto made = open_plant(plant, 1, 0, std::move(founders));
  cb(made ? result<void>() : result<void>(made.error()));
}

void node_engine::create_plant(std::string plant, done<void> cb) {
  if (!plant_name_ok(plant)) return cb(error{"id.invalid", "Not a plant's name"});
  if (stopping_) return cb(error{"node.not_ready", "The node is stopping"});
  shell_ptr shell;
  {
    const std::scoped_lock lock(opening_mutex_);
    shell = find(plant);
    if (!shell) {
      auto made = open_plant(plant, 1, 0);
      if (!made) return cb(made.error());
      shell = std::move(*made);
    }
  }
  shell->when_led([cb = std::move(cb)] { cb({}); });
}

node_engine::shell_ptr node_engine::find(std::string_view plant) const {
  const std::shared_lock lock(plants_mutex_);
  const auto found = plants_.find(plant);
  return found == plants_.end() ? nullptr : found->second;
}

std::vector<node_engine::shell_ptr> node_engine::all() const {
  const std::shared_lock lock(plants_mutex_);
  std::vector<shell_ptr> out;
  for (const auto& [name, shell] : plants_) out.push_back(shell);
  return out;
}

bool node_engine::has_plant(std::string_view plant) const { return find(plant) != nullptr; }

bool node_engine::ready() const {
  if (stopping_) return false;
  const std::shared_lock lock(plants_mutex_);
  return std::all_of(plants_.begin(), plants_.end(), [this](const auto& p) {
    const auto leader = p.second->leader();
    return p.second->leading() || (leader != 0 && leader != self());
  });
}

/// Once a second: business time follows the machine's date, and memory the plants' needs.
void node_engine::keep_house() {
  std::unique_lock lock(house_mutex_);
  while (!house_cv_.wait_for(lock, std::chrono::seconds(1), [&] { return house_ends_; })) {
    clock_.poll();
    share_memory();
  }
}

void node_engine::share_memory() {
  const auto shells = all();
  std::vector<std::uint64_t> used;
  for (const auto& s : shells) used.push_back(s->resident_bytes());
  const auto limits = share_budget(options_.resident_bytes_max, used);
  for (std::size_t i = 0; i < shells.size(); ++i) shells[i]->limit_memory(limits[i]);
}

void node_engine::checkpoint(done<void> cb) {
  const auto shells = all();
  auto left = std::make_shared<std::atomic<std::size_t>>(shells.size());
  if (shells.empty()) return cb({});
  auto shared = std::make_shared<done<void>>(std::move(cb));
  for (const auto& s : shells)
    s->checkpoint([left, shared] {
      if (--*left == 0) (*shared)({});
    });
}

/// Waits until every admitted request has its reply, or for as long as is sensible.
void node_engine::drain() {
  const auto end = clock_.monotonic_us() + drain_ms_max * 1000;
  while (clock_.monotonic_us() < end) {
    auto asked = std::make_shared<std::promise<std::uint64_t>>();
    auto answer = asked->get_future();
    statistics([asked](result<std::vector<std::pair<std::string, host_status>>> r) {
      std::uint64_t busy = 0;
      if (r)
        for (const auto& [name, s] : *r) busy += s.in_flight + s.admitted;
      asked->set_value(busy);
    });
    if (answer.wait_for(std::chrono::seconds(1)) != std::future_status::ready || answer.get() == 0)
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void node_engine::stop() { end(true); }

void node_engine::abandon() { end(false); }

void node_engine::end(bool clean) {
  if (stopping_.exchange(true)) return;
  receiver_ = nullptr;
  if (clean && actors_ && loop_) {
    receiver_ = loop_.get();  // peers are needed until the end of what is under way
    drain();
    give_leads_away();
    auto stored = std::make_shared<std::promise<void>>();
    auto wait = stored->get_future();
    checkpoint([stored](result<void>) { stored->set_value(); });
    if (wait.wait_for(std::chrono::milliseconds(options_.stop_ms_max)) != std::future_status::ready)
      spdlog::warn("the last checkpoint did not finish in time; the journal has everything");
  }
  if (snapshots_) snapshots_->stop();
  if (!clean) bulk_.attach(nullptr);
  if (loop_) loop_->stop();
  receiver_ = nullptr;
  if (link_) link_->stop();
  bulk_.attach(nullptr);
  for (const auto& s : all()) s->stop();
  if (actors_) actors_->await_all_actors_done();
  if (io_) io_->stop();
  {
    const std::unique_lock lock(plants_mutex_);
    plants_.clear();
  }
  actors_.reset();
  {
    const std::scoped_lock lock(house_mutex_);
    house_ends_ = true;
  }
  house_cv_.notify_all();
  if (house_.joinable()) house_.join();
  mail_.reset();
  snapshots_.reset();
  loop_.reset();
  around_.reset();
  link_.reset();
  io_.reset();
  state_.reset();
  journal_.reset();
}

node_engine::~node_engine() { stop(); }

}  // namespace millrace
