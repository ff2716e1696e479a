// A plant host with everything around it in one thread: cells, a log that commits when told, a
// state environment on the simulated disk. Restarting keeps only the log and the disk.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/host.hpp"
#include "cluster/memory_store.hpp"
#include "tests/counter_kind.hpp"

namespace millrace::testing {

class host_harness final : public host_port,
                           public environment,
                           public journal_reader,
                           public reply_sink {
 public:
  static std::shared_ptr<host_harness> make(host_options options = {}) {
    auto out = std::shared_ptr<host_harness>(new host_harness(std::move(options)));
    out->start();
    return out;
  }

  // ---- driving ----
  void start() {
    cells.clear();
    tasks.clear();
    published.clear();
    activations.clear();
    evolves.clear();
    state = std::make_unique<memory_store>(disk);
    host = std::make_unique<plant_host>(options, kinds, *this, *state, *this,
                                        [this] { return random += 0x9E3779B97F4A7C15ull; });
    loaded = host->load();
    if (!loaded) return;
    committed_to = log.size();
    const auto from = host->applied();
    group_status status{group_role::leader, 1, log.size(), log.size(), log.size(), log.size()};
    host->on_committed(std::span(log).subspan(from), status, now);
    host->on_role(status, now);
    run();
  }
  /// A crash: what was not committed is gone, and what the state disk did not sync.
  void restart() {
    log.resize(committed_to);
    disk->crash();
    start();
  }
  void run() {
    for (int turns = 0; turns < 100'000; ++turns) {
      host->end_turn(now);
      if (tasks.empty() && (!auto_commit || committed_to == log.size())) return;
      while (!tasks.empty()) {
        auto task = std::move(tasks.front());
        tasks.pop_front();
        task();
      }
      if (auto_commit) commit();
    }
    BOOST_FAIL("the host never comes to rest");
  }
  void commit() {
    const auto from = committed_to;
    committed_to = log.size();
    group_status status{group_role::leader, term, log.size(), log.size(), log.size(), log.size()};
    if (from < committed_to)
      host->on_committed(std::span(log).subspan(from, committed_to - from), status, now);
  }
  void pass(std::int64_t us) {
    for (const auto end = now.micros() + us; now.micros() < end;) {
      now = timestamp::from_micros(std::min(end, now.micros() + 100'000));
      run();
    }
  }
  request make_request(std::string id, counter_command command, std::int8_t n,
                       std::string_view text = {}, std::string key = {}) {
    request r;
    r.to = {"hamburg", "counter", std::move(id)};
    r.command = static_cast<std::uint8_t>(command);
    r.body = counter_body(n, text);
    r.key = std::move(key);
    r.from.name = "dev-mes";
    r.from.systems = system_set{1} << static_cast<unsigned>(System::mes);
    r.tag = ++tags;
    return r;
  }
  std::uint64_t submit(request r) {
    const auto tag = hand_over(std::move(r));
    run();
    return tag;
  }
  /// Submits without letting anything happen.
  std::uint64_t hand_over(request r) {
    const auto tag = r.tag;
    std::vector<request> batch;
    batch.push_back(std::move(r));
    host->submit(std::move(batch), sink, now);
    return tag;
  }
  /// The actor dies as a CAF actor does: with all that it holds.
  void lose(const std::string& id) {
    const auto slot = *host->resident("counter/" + id);
    cells.erase(slot);
    host->on_cell_lost(slot, "its actor died", now);
  }
  /// Submits and answers the reply, which must be there.
  reply send(std::string id, counter_command command, std::int8_t n, std::string_view text = {},
             std::string key = {}) {
    const auto tag = submit(make_request(std::move(id), command, n, text, std::move(key)));
    BOOST_REQUIRE_MESSAGE(replies.contains(tag), "no reply");
    return replies.at(tag);
  }
  /// The counter's value, -1 when there is no such actor.
  std::int64_t value(const std::string& id) {
    if (const auto slot = host->resident("counter/" + id)) {
      const auto view = cells.at(*slot)->view();
      return view.sequence == 0 ? -1
                                : std::stoll(std::string(view.state.begin(), view.state.end()));
    }
    auto snapshot = state->snapshot();
    auto view = read_actor(**snapshot, "hamburg", 1, "counter/" + id);
    return view ? std::stoll(std::string(view->state.begin(), view->state.end())) : -1;
  }
  std::vector<std::string> ids(std::vector<std::pair<std::string, std::string>> filters = {}) {
    list_query q;
    q.kind = "counter";
    q.filters = std::move(filters);
    q.limit = 1000;
    auto page = host->list(q);
    BOOST_REQUIRE(page);
    return page->ids;
  }

  // ---- what it holds ----
  host_options options;
  kind_registry kinds;
  std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
  std::unique_ptr<memory_store> state;
  std::unique_ptr<plant_host> host;
  result<void> loaded;
  std::map<slot_number, std::unique_ptr<cell>> cells;
  std::map<slot_number, std::uint64_t> activations;                   // asked for so far
  std::map<slot_number, std::vector<std::function<void()>>> evolves;  // wait for another cell
  std::deque<std::function<void()>> tasks;
  std::vector<log_entry> log;
  std::size_t committed_to = 0;
  bool auto_commit = true;
  term_number term = 1;  // in which the host leads
  bool refuse_loads = false;
  std::set<std::string> refused;    // "kind/id": cannot be loaded,
  std::set<std::string> imageless;  // or stored
  int write_budget = -1;  // transactions of the state environment that still happen, -1 = all
  bool bound_ = true;
  std::shared_ptr<reply_sink> sink{std::shared_ptr<void>(),
                                   this};  // does not own: the host it would go to is ours
  std::map<std::uint64_t, reply> replies;
  std::deque<attempt> attempts;
  std::vector<message_frame> frames;
  std::vector<watermark_frame> watermarks;
  std::vector<std::string> alarms;
  std::map<std::string, std::shared_ptr<const reference_state>> published;
  timestamp now = timestamp::from_micros(1'800'000'000'000'000);
  std::uint64_t random = 1;
  std::uint64_t tags = 0;

  // ---- host_port ----
  void activate(slot_number slot, const std::string& local, journal_index upto,
                bool reload) override {
    tasks.push_back([this, slot, local, upto, reload, mine = ++activations[slot]] {
      if (mine != activations[slot]) return;  // another one came
      cell::legacy legacy;
      if (reload && cells.contains(slot)) {
        if (!cells[slot]->spoilt()) cells[slot]->lost();
        legacy = cells[slot]->take_legacy();
      }
      if (refuse_loads || refused.contains(local)) {
        cells.erase(slot);
        return host->on_activated(slot, error{"journal.damaged", "as the test wants it"}, now);
      }
      auto snapshot = state->snapshot();
      auto from = load_actor(**snapshot, *this, "hamburg", local, upto, host->applied(),
                             reload || !host->leading());
      BOOST_REQUIRE(from);
      auto fresh = std::make_unique<cell>(*kinds.find("counter"), split_local(local).second, *this);
      if (!from->row.empty()) BOOST_REQUIRE(fresh->load(from->row));
      for (const auto& step : from->records)
        (void)fresh->evolve(*step.record, step.index, step.ordinal, step.stamp);
      const bool rebuilt = fresh->dirty();
      if (const auto it = published.find(local);
          fresh->sequence() > 0 && (rebuilt || (it != published.end() && !it->second)))
        published[local] = fresh->reference();
      cells[slot] = std::move(fresh);
      host->on_activated(slot, {}, now, rebuilt);
      for (auto& late : std::exchange(evolves[slot], {})) late();
      auto p = cells[slot]->inherit(std::move(legacy), now);
      if (!p.empty()) host->on_proposal(slot, std::move(p), now);
    });
  }
  void offer(slot_number slot, std::vector<stimulus> inputs, timestamp at) override {
    tasks.push_back(
        [this, slot, at, held = std::make_shared<std::vector<stimulus>>(std::move(inputs))] {
          if (!cells.contains(slot)) return;
          auto p = cells.at(slot)->offer(std::move(*held), at);
          if (!p.empty()) host->on_proposal(slot, std::move(p), now);
        });
  }
  void committed(slot_number slot, journal_index index, std::uint32_t ordinal,
                 timestamp at) override {
    tasks.push_back([this, slot, index, ordinal, at] {
      if (!cells.contains(slot) || !cells.at(slot)->in_flight()) return;
      cells.at(slot)->committed(index, ordinal);
      auto p = cells.at(slot)->resume(at);
      if (!p.empty()) host->on_proposal(slot, std::move(p), now);
    });
  }
  void evolve(slot_number slot, journal_index index, shared_bytes entry,
              std::vector<std::uint32_t> ordinals) override {
    tasks.push_back([this, slot, index, entry, ordinals] {
      if (cells.contains(slot) && (cells.at(slot)->in_flight() || cells.at(slot)->spoilt()))
        return evolves[slot].push_back([=, this] { evolve(slot, index, entry, ordinals); });
      changes all;
      const auto view = entry_view::trusted(*entry);
      for (auto it = view.begin(); it != view.end(); ++it) {
        if (std::find(ordinals.begin(), ordinals.end(), it.ordinal()) == ordinals.end()) continue;
        if (!cells.contains(slot)) continue;  // it could not be loaded
        auto one = cells.at(slot)->evolve(**it, index, it.ordinal(), view.stamp());
        all.indexes.insert(all.indexes.end(), one.indexes.begin(), one.indexes.end());
        if (one.reference) all.reference = one.reference;
      }
      host->on_evolved(slot, std::move(all), now);
    });
  }
  void image(slot_number slot) override {
    tasks.push_back([this, slot] {
      if (!cells.contains(slot)) return;
      if (cells.at(slot)->in_flight()) {
        image(slot);
        return;
      }
      if (imageless.contains(std::string(cells.at(slot)->local())))
        return host->on_image(slot, nullptr, 0);
      host->on_image(slot, cells.at(slot)->image(), cells.at(slot)->memory());
    });
  }
  void stored(slot_number slot) override {
    tasks.push_back([this, slot] {
      if (cells.contains(slot)) cells.at(slot)->stored();
    });
  }
  void rest(slot_number slot) override {
    tasks.push_back([this, slot] {
      if (!cells.contains(slot)) return;
      cells.at(slot)->rest();
      host->on_rested(slot, cells.at(slot)->memory());
    });
  }
  void passivate(slot_number slot) override {
    tasks.push_back([this, slot] {
      const bool gone = cells.at(slot)->idle();
      if (gone) cells.erase(slot);
      host->on_passivated(slot, gone, now);
    });
  }
  void publish(const std::string& local, std::shared_ptr<const reference_state> s) override {
    published[local] = std::move(s);
  }
  void propose(shared_bytes entry, term_number of) override {
    log.push_back({log.size() + 1, of, entry_type::command, std::move(entry)});
  }
  void checkpointed(journal_index) override {}
  void write(std::shared_ptr<write_batch> slice) override {
    if (write_budget == 0) return;  // the disk has stopped
    if (write_budget > 0) --write_budget;
    tasks.push_back([this, slice] {
      BOOST_REQUIRE(state->commit(slice->writes()));
      host->on_written(now);
    });
  }
  void attempt_delivery(attempt a) override { attempts.push_back(std::move(a)); }
  void send(message_frame frame) override { frames.push_back(std::move(frame)); }
  void send(watermark_frame frame) override { watermarks.push_back(std::move(frame)); }
  void applied(journal_index) override {}
  void alarm(std::string_view code, const std::string& detail) override {
    alarms.push_back(std::string(code) + ": " + detail);
  }

  // ---- environment ----
  [[nodiscard]] std::string_view plant() const override { return "hamburg"; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return bound_; }
  [[nodiscard]] std::string rule(std::string_view, std::string_view fallback) const override {
    return std::string(fallback);
  }
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(
      std::string_view kind_name, std::string_view id) override {
    const auto it = published.find(std::string(kind_name) + '/' + std::string(id));
    if (it == published.end()) return std::shared_ptr<const reference_state>();
    if (!it->second) return error{"state.damaged", it->first};
    return it->second;
  }
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view actor,
                                                      std::string_view table,
                                                      std::string_view key) override {
    auto snapshot = state->snapshot();
    return read_child_row(**snapshot, "hamburg", actor, table, key);
  }
  // ---- journal_reader ----
  [[nodiscard]] result<std::vector<log_entry>> read(journal_index from, journal_index to,
                                                    std::size_t) override {
    std::vector<log_entry> out;
    for (auto i = from; i <= to && i <= committed_to; ++i) out.push_back(log[i - 1]);
    return out;
  }
  // ---- reply_sink ----
  void on_replies(std::vector<reply> all) override {
    for (auto& r : all) {
      BOOST_TEST(!replies.contains(r.tag), "two replies to one request");
      replies[r.tag] = std::move(r);
    }
  }

 private:
  explicit host_harness(host_options with) : options(std::move(with)) {
    options.plant = "hamburg";
    kinds.add(std::make_unique<counter_kind>());
  }
};

}  // namespace millrace::testing
