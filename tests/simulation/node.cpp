// The simulated machine: its disks and clock, power losses and what flips, and what others could
// have seen of its log.

#include "tests/simulation/node.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cluster/crc32c.hpp"
#include "cluster/journal_turns.hpp"
#include "cluster/state_tables.hpp"
#include "tests/simulation/fleet.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/rows.hpp"

namespace millrace::simulation {

node::node(world& w, const swarm& faults, findings& found, outer_systems& outside,
           const kind_registry& kinds, fleet& around, network* net, node_number number)
    : world_(w),
      faults_(faults),
      found_(found),
      outside_(outside),
      kinds_(kinds),
      fleet_(around),
      net_(net),
      number_(number) {
  journal_disk_->set_auto_sync(false);
  state_disk_->set_auto_sync(false);
  if (faults_.flip_every_us > 0) plan_flip();
}

node::~node() = default;

void node::boot() {
  ++boots_;
  step_clock();
  process_ = std::make_shared<process>(*this);
  for (const auto& plant : plant_names())
    check_index_rows(
        process_->state_, plant, kinds_,
        plant + " at boot " + std::to_string(boots_) + " of node " + std::to_string(number_),
        found_);
  process_->start();
  state_disk_->sync_now();
  if (faults_.crash_every_us > 0 && !healed_)
    world_.after(static_cast<std::int64_t>(
                     world_.below(2 * static_cast<std::uint64_t>(faults_.crash_every_us))),
                 [this, boot = boots_] {
                   if (boot == boots_ && !healed_) crash("power loss");
                 });
}

void node::crash(const std::string&) {
  if (!process_) return;
  *process_->alive_ = false;
  made_before_ += process_->keeper_.made();
  installed_before_ += process_->keeper_.put_in_place();
  process_.reset();
  files_->crash();
  if (world_.chance(0.3)) journal_disk_->sync_now();  // it was on the disk, only nobody heard of it
  journal_disk_->crash();
  state_disk_->crash();
  if (!healed_ && world_.chance(faults_.state_lost)) {
    state_disk_ = std::make_shared<memory_disk>();
    state_disk_->set_auto_sync(false);
  }
  const auto down_us = static_cast<std::uint64_t>(healed_ ? 100'000 : faults_.down_us_max);
  if (!last_boot_)
    world_.after(static_cast<std::int64_t>(world_.below(down_us)), [this] { boot(); });
}

std::uint64_t node::snapshots_made() const {
  return made_before_ + (process_ ? process_->keeper_.made() : 0);
}

std::uint64_t node::snapshots_installed() const {
  return installed_before_ + (process_ ? process_->keeper_.put_in_place() : 0);
}

bool node::catching_up() const {
  if (!process_) return false;
  const auto all = process_->keeper_.progress();
  return std::ranges::any_of(all, [](const auto& p) { return p.size > 0 || p.history_to > 0; });
}

void node::heal(std::int64_t clock_us) {
  healed_ = true;
  clock_us_ = clock_us;
}

void node::step_clock() {
  if (faults_.clock_step_us_max == 0 || healed_ || !world_.chance(0.5)) return;
  const auto span = static_cast<std::uint64_t>(2 * faults_.clock_step_us_max);
  clock_us_ = static_cast<std::int64_t>(world_.below(span)) - faults_.clock_step_us_max;
  clock_us_high_ = std::max(clock_us_high_, clock_us_);
}

void node::plan_flip() {
  world_.after(static_cast<std::int64_t>(
                   world_.below(2 * static_cast<std::uint64_t>(faults_.flip_every_us))),
               [this] {
                 if (healed_) return;
                 flip_state_bit();
                 plan_flip();
               });
}

bool node::flip_state_bit() {
  std::vector<std::pair<table_id, const bytes*>> rows;
  const auto& tables = state_disk_->visible();
  for (table_id t = 0; t < store_tables_max; ++t)
    for (const auto& [key, value] : tables[t])
      if (!value->empty()) rows.emplace_back(t, &key);
  if (rows.empty()) return false;
  const auto [table, at] = rows[world_.below(rows.size())];
  const bytes key = *at;
  const auto bit = world_.below(tables[table].at(key)->size() * 8);
  world_.say("a bit flips in table", std::uint64_t{table}, "of", as_text(key));
  if (!state_disk_->flip_bit(table, key, bit)) return false;
  if (faults_.off == mutant::damaged_rows_served && table == state_table::actors) {
    bytes row = *state_disk_->visible()[table].at(key);
    const auto crc = crc32c(bytes_view(row).subspan(sizeof(std::uint32_t)));
    std::memcpy(row.data(), &crc, sizeof crc);
    state_disk_->tamper(table, key, std::move(row));
  }
  return true;
}

// Also what is lost here was perhaps sent to others before.
void node::witness(const write_batch& batch) {
  for (const auto& w : batch.writes()) {
    if (w.what != write::op::put && w.what != write::op::append) continue;
    bytes value(w.head.begin(), w.head.end());
    value.insert(value.end(), w.body.begin(), w.body.end());
    if (w.table == journal_table::entries) {
      witness(w.key, value);
    } else if (w.table == journal_table::turns) {
      const auto items = parse_turn(w.key, value);
      if (!items) found_.add("the loop writes a turn that cannot be read");
      if (items)
        for (const auto& item : *items)
          witness(journal_rows::entry_key(item.group, item.index), item.row);
    }
  }
}

void node::witness(bytes_view key, bytes_view row) {
  const auto where = journal_rows::parse_entry_key(key);
  const auto entry = journal_rows::parse_entry(key, row, true);
  if (!where || !entry) {
    found_.add("the loop writes an entry that cannot be read");
    return;
  }
  const auto& e = entry->entry;
  fleet_.witness(plant_of(where->first), e.term, e.index, *e.payload);
}

void node::leads(group_number group, const group_status& status) {
  fleet_.leads(plant_of(group), number_, boots_, status);
}

void node::receive(node_number from, const shared_bytes& envelope, bool bulk) {
  if (process_ && *process_->alive_) process_->receive(from, envelope, bulk);
}

namespace {

/// Replies of one request on their way out of the process.
class client_sink final : public reply_sink {
 public:
  client_sink(world& w, findings& found, std::shared_ptr<bool> alive, std::int64_t hop_us,
              reply_handler handler)
      : world_(w),
        found_(found),
        alive_(std::move(alive)),
        hop_us_(hop_us),
        handler_(std::move(handler)) {}
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
  auto sink = std::make_shared<client_sink>(world_, found_, process_->alive_, faults_.hop_us_max,
                                            std::move(handler));
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
  auto look = [p = plant.get(), local = where.local(), handler = std::move(handler)] {
    p->read(local, handler);  // it waits in the plant itself
  };
  if (net_ == nullptr)
    plant->hop("/host", std::move(look));
  else
    plant->linearize(std::move(look));
  return true;
}

void node::retry_dead() {
  if (!process_) return;
  for (auto& [name, plant] : process_->plants_)
    plant->input([&](plant_host& h, timestamp now) {
      for (const auto& d : h.deadletters(0, 1'000)) {
        const auto number = std::stoull(d.id.substr(d.id.find('~') + 1));
        h.deadletter(number, engine_api::deadletter_op::retry, {}, "operator", now,
                     [](result<void>) {});
      }
    });
}

void node::checkpoint() {
  if (!process_) return;
  for (auto& [name, plant] : process_->plants_)
    plant->input([](plant_host& h, timestamp now) { h.checkpoint(now); });
}

std::string node::restless() const {
  if (!process_) return "no process";
  std::string text;
  for (const auto& [name, plant] : process_->plants_) {
    const auto s = plant->host().status();
    text += " " + name + ": applied " + std::to_string(s.applied) + ", " +
            std::to_string(s.in_flight) + " in flight, " + std::to_string(s.outbox) +
            " deliveries, " + std::to_string(s.dead) + " dead, " +
            std::to_string(s.messages_waiting) + " messages" + (s.leading ? "" : ", not leading");
  }
  return text;
}

void node::restart_for_good() {
  last_boot_ = healed_ = true;
  *process_->alive_ = false;
  process_.reset();
  boot();
}

std::vector<std::string> node::plant_names() const {
  std::vector<std::string> names;
  for (unsigned p = 0; p < faults_.plants; ++p) names.push_back("plant-" + std::to_string(p));
  if (faults_.enterprise) names.push_back("enterprise");
  return names;
}

plant_host* node::host_of(const std::string& plant) {
  return process_ ? &process_->plants_.at(plant)->host() : nullptr;
}
group_number node::group_of(const std::string& plant) const { return process_->groups_.at(plant); }
store& node::journal_store() { return process_->journal_; }
store& node::state_store() { return process_->state_; }

}  // namespace millrace::simulation
