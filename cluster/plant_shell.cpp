// The plant's actor: drains its inbox, lets the core end its turn, sleeps until there is work.
// What the core wants from its entities and the outside is in plant_port.cpp, what readers want in
// plant_reads.cpp.
#include "cluster/plant_shell.hpp"

#include <cstdlib>
#include <exception>
#include <random>

#include <caf/actor_ostream.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>

#include <spdlog/spdlog.h>

#include "cluster/check.hpp"
#include "cluster/hand_over.hpp"

namespace millrace {

namespace {

using wake_atom = caf::atom_constant<caf::atom("wake")>;
using tick_atom = caf::atom_constant<caf::atom("tick")>;

constexpr std::int64_t delay_us_min = 1'000;
constexpr std::size_t backlog_bytes_max = 16 * 1024 * 1024;  // of what the core has not taken
constexpr std::size_t slice_bytes = 1024 * 1024;             // read back at once
constexpr std::int64_t behind_said_us = 60'000'000;
constexpr int rounds_max = 16;               // of a turn, before others have theirs,
constexpr std::int64_t turn_us_max = 5'000;  // unless it takes longer than this

/// The plant whose turn it is on this thread: what it tells itself needs no wake-up.
thread_local const plant_shell* turning = nullptr;

outbox::random random_source() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return (*engine)(); };
}

}  // namespace

result<std::vector<log_entry>> late_journal::read(journal_index from, journal_index to,
                                                  std::size_t bytes_max) {
  const auto group = group_.load(std::memory_order_acquire);
  if (group == 0) return error{"node.not_ready", "the plant's log is not open"};
  return stored_journal(store_, group).read(from, to, bytes_max);
}

class plant_shell::host_actor final : public caf::event_based_actor {
 public:
  host_actor(caf::actor_config& config, plant_shell& shell)
      : caf::event_based_actor(config), shell_(shell) {}
  const char* name() const override { return "plant"; }

 protected:
  caf::behavior make_behavior() override {
    // Fail-stop: a plant whose core threw half way must not go on, and nobody else would restart
    // it.
    set_exception_handler([plant = shell_.plant()](std::exception_ptr&) -> caf::error {
      spdlog::critical("plant={}: the plant's actor threw; the process ends", plant);
      spdlog::shutdown();
      std::_Exit(replication_loop::exit_code);
    });
    return {[this](wake_atom) { shell_.turn(*this); },
            [this](tick_atom) {
              shell_.armed_ = {};
              shell_.turn(*this);
            }};
  }

 private:
  plant_shell& shell_;
};

plant_shell::plant_shell(node_services services, host_options options, system_set bound,
                         supervision_limits limits)
    : services_(std::move(services)),
      options_(std::move(options)),
      limits_(limits),
      world_(options_.plant, options_.generation, bound, services_.rules, services_.kinds,
             services_.io, services_.marks),
      journal_(services_.journal),
      memory_max_(options_.resident_bytes_max) {
  world_.when_damaged(
      [this](const std::string& local) { post([local](plant_shell& s) { s.restore(local); }); });
  core_ = make_core();
}

std::unique_ptr<plant_host> plant_shell::make_core() {
  host_port& port = *this;
  return std::make_unique<plant_host>(options_, services_.kinds, port, services_.io.on(), journal_,
                                      random_source());
}

plant_shell::~plant_shell() = default;

result<journal_index> plant_shell::load() {
  if (auto done = core_->load(); !done) return done.error();
  return core_->applied();
}

void plant_shell::start() {
  check(!started_);
  actor_ = services_.actors.spawn<host_actor>(*this);
  started_.store(true, std::memory_order_release);
  caf::anon_send(actor_, wake_atom::value);
}

void plant_shell::set_group(group_number group) {
  journal_.set(group);
  group_.store(group, std::memory_order_release);
}

void plant_shell::stop() {
  {
    const std::scoped_lock lock(backlog_mutex_);
    replaying_ = false;
  }
  backlog_cv_.notify_all();
  post([](plant_shell& s) { s.closing_ = true; });
  stopped_.store(true, std::memory_order_release);
}

void plant_shell::when_led(std::function<void()> cb) {
  post(
      [cb = std::move(cb)](plant_shell& s) mutable { s.leading_wanted_.push_back(std::move(cb)); });
}

void plant_shell::push(std::unique_ptr<inbox::task> t) {
  if (stopped_.load(std::memory_order_acquire)) return;
  if (!inbox_.push(std::move(t)) || turning == this) return;
  if (started_.load(std::memory_order_acquire)) caf::anon_send(actor_, wake_atom::value);
}

void plant_shell::turn(caf::event_based_actor& self) {
  const hand_over from_worker_to_worker(this);
  services_.io.drop_stale_here();
  turning = this;
  core_->limit_memory(memory_max_.load(std::memory_order_relaxed));
  const auto began = services_.time.monotonic_us();
  auto at = now();
  bool answered = false;  // what the crew answered since waits for the end of a turn
  for (int round = 0; round < rounds_max && !closing_; ++round) {
    for (auto t = inbox_.take(); t; t = std::move(t->next)) t->run(*this);
    feed();
    at = now();
    if (!closing_) core_->end_turn(at);
    answered = crew_.work(self.context());
    if ((inbox_.empty() && !answered) || services_.time.monotonic_us() > began + turn_us_max) break;
  }
  turning = nullptr;
  if (closing_) return close(self);
  if (!inbox_.empty() || answered) caf::anon_send(actor_, wake_atom::value);
  leading_.store(core_->leading(), std::memory_order_release);
  resident_bytes_.store(core_->resident_bytes(), std::memory_order_relaxed);
  if (!leading_wanted_.empty() && led())
    for (const auto& cb : std::exchange(leading_wanted_, {})) cb();
  if (!reads_.empty()) serve_reads();
  arm(self, at);
}

/// Here, or from another node that is known.
bool plant_shell::led() const {
  if (core_->leading()) return true;
  const auto known = group();
  return known.role != group_role::leader && known.leader != 0;
}

void plant_shell::close(caf::event_based_actor& self) {
  for (auto& r : residents_) {
    if (r.handle) crew_.give(r.handle, {entity_order::leave, 0, 0, {}, {}});
    r.handle = nullptr;
    r.epoch = 0;
  }
  crew_.work(self.context());
  self.quit();
}

void plant_shell::arm(caf::event_based_actor& self, timestamp at) {
  const auto next = core_->next_wake(at);
  if (!next.given()) return;
  const auto due = std::max(next.micros(), at.micros() + delay_us_min);
  if (armed_.given() && armed_.micros() <= due + delay_us_min) return;
  armed_ = timestamp::from_micros(due);
  self.delayed_send(&self, std::chrono::microseconds(due - at.micros()), tick_atom::value);
}

void plant_shell::submit(std::vector<request> batch, std::shared_ptr<reply_sink> out) {
  post([batch = std::move(batch), out = std::move(out)](plant_shell& s) mutable {
    const auto at = s.now();
    if (!s.resting(at)) return s.core_->submit(std::move(batch), std::move(out), at);
    std::vector<reply> replies(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      replies[i].tag = batch[i].tag;
      replies[i].outcome = engine::Outcome::refused;
      replies[i].code = "node.not_ready";
      replies[i].detail = "The plant rests after too many failures of its actors";
      replies[i].correlation = std::move(batch[i].correlation);
      replies[i].retry_after_s =
          static_cast<std::uint32_t>((s.resting_until_.micros() - at.micros()) / 1'000'000 + 1);
    }
    out->on_replies(std::move(replies));
  });
}

void plant_shell::checkpoint(std::function<void()> done) {
  post([done = std::move(done)](plant_shell& s) mutable {
    if (!s.swapping_) return s.core_->checkpoint(s.now(), std::move(done));
    if (done) done();  // what is being put in place is one
  });
}

group_status plant_shell::group() const {
  const std::scoped_lock lock(status_mutex_);
  return status_;
}

// ---- from the log ----

void plant_shell::on_committed(group_number group, std::span<const log_entry> entries,
                               const group_status& status) {
  {
    const std::scoped_lock lock(status_mutex_);
    status_ = status;
  }
  if (group_.load(std::memory_order_relaxed) == 0) set_group(group);
  committed_slice next{{entries.begin(), entries.end()}, status, 0};
  for (const auto& e : entries) next.size += sizeof e + (e.payload ? e.payload->size() : 0);
  {
    // What a start reads back from the journal comes as fast as the disk reads: it waits here. A
    // follower that is slower than its leader reads what does not fit back from the journal.
    std::unique_lock lock(backlog_mutex_);
    backlog_cv_.wait(lock, [&] { return !replaying_ || backlog_bytes_ < backlog_bytes_max; });
    if (dropping_ || behind_to_ != 0 || (!leading() && backlog_bytes_ > backlog_bytes_max)) {
      behind_to_ = entries.back().index;
      next.entries.clear();
      next.size = 0;
    }
    backlog_bytes_ += next.size;
  }
  post([next = std::move(next)](plant_shell& s) mutable {
    if (!next.entries.empty()) s.slices_.push_back(std::move(next));
    if (s.core_->leading()) s.feed();
  });
}

/// What was dropped, in slices; false when there is nothing.
bool plant_shell::read_behind() {
  const std::scoped_lock lock(backlog_mutex_);
  if (behind_to_ == 0) return false;
  committed_slice next{{}, group(), 0};
  auto read = journal_.read(core_->applied() + 1, behind_to_, slice_bytes);
  if (!read || read->empty()) {
    spdlog::critical("plant={}: the journal lacks entry {}: {}; the process ends", plant(),
                     core_->applied() + 1, read ? "" : read.error().detail);
    spdlog::shutdown();
    std::_Exit(replication_loop::exit_code);
  }
  next.entries = std::move(*read);
  for (const auto& e : next.entries) next.size += sizeof e + (e.payload ? e.payload->size() : 0);
  if (next.entries.back().index >= behind_to_) behind_to_ = 0;
  backlog_bytes_ += next.size;
  slices_.push_back(std::move(next));
  return true;
}

/// The core gets the next slice when all cells have evolved the last one, so that neither entries
/// nor cells pile up; a leader's own entries at once.
void plant_shell::feed() {
  if (swapping_) return;
  while (!slices_.empty() || read_behind()) {
    if (!core_->leading()) core_->make_room(now());
    if (!core_->leading() && !core_->settled()) return;
    const auto next = std::move(slices_.front());
    slices_.pop_front();
    {
      const std::scoped_lock lock(backlog_mutex_);
      backlog_bytes_ -= next.size;
    }
    backlog_cv_.notify_all();
    core_->on_committed(next.entries, next.status, now());
  }
}

void plant_shell::on_refused(group_number, std::span<const shared_bytes> payloads,
                             const error& why) {
  post([payloads = std::vector<shared_bytes>(payloads.begin(), payloads.end()),
        why](plant_shell& s) { s.core_->on_refused(payloads, why, s.now()); });
}

void plant_shell::on_member_behind(group_number, node_number member, journal_index needs) {
  if (services_.behind) services_.behind(plant(), member);
  post([member, needs](plant_shell& s) {
    if (s.now().micros() - s.behind_said_.micros() < behind_said_us) return;
    s.behind_said_ = s.now();
    s.alarm("plant.behind", "node " + std::to_string(member) + " needs entry " +
                                std::to_string(needs) +
                                ", which the journal here has no more: it gets a snapshot");
  });
}

void plant_shell::on_role(group_number group, const group_status& status) {
  set_group(group);
  {
    const std::scoped_lock lock(status_mutex_, backlog_mutex_);
    status_ = status;
    replaying_ = false;
  }
  leader_.store(status.leader, std::memory_order_release);
  post([status](plant_shell& s) {
    if (!s.swapping_) s.core_->on_role(status, s.now());
  });
}

}  // namespace millrace
