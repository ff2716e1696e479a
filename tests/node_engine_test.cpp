// layer: cluster
// The engine of one node on real files: commands, reads, restarts, repeated keys, asks, deliveries,
// crashes of actors.
#define BOOST_TEST_MODULE node_engine
#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <stdexcept>

#include "cluster/lmdb_store.hpp"
#include "cluster/node_engine.hpp"
#include "cluster/state_tables.hpp"
#include "tests/counter_kind.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

/// A kind whose code throws where the adapter would have caught it: what takes an actor down.
class brittle_kind final : public kind {
 public:
  brittle_kind() : model_(inner_.model()) {
    model_.name = "brittle";
    model_.collection = "brittles";
    model_.referenced = false;
  }
  [[nodiscard]] const kind_model& model() const override { return model_; }
  [[nodiscard]] std::unique_ptr<state_object> create() const override { return inner_.create(); }
  [[nodiscard]] std::unique_ptr<state_object> load(bytes_view table) const override {
    return inner_.load(table);
  }
  [[nodiscard]] bytes save(const state_object& state) const override { return inner_.save(state); }
  [[nodiscard]] const void* native(const state_object& state) const override {
    return inner_.native(state);
  }
  [[nodiscard]] decided decide(state_object& state, const input& in, context& ctx,
                               evolution& evo) const override {
    if (const auto* c = std::get_if<command_input>(&in);
        c && c->command == static_cast<std::uint8_t>(counter_command::fail))
      throw std::runtime_error("brittle");
    return inner_.decide(state, in, ctx, evo);
  }
  [[nodiscard]] result<void> evolve(state_object& state, std::uint8_t type, bytes_view body,
                                    evolution& evo) const override {
    return inner_.evolve(state, type, body, evo);
  }
  void index_values(const state_object& state, std::vector<std::string>& out) const override {
    inner_.index_values(state, out);
  }

 private:
  counter_kind inner_;
  kind_model model_;
};

/// Collects replies; `wait(n)` returns once n are there.
class collector final : public reply_sink {
 public:
  void on_replies(std::vector<reply> replies) override {
    const std::scoped_lock lock(mutex_);
    for (auto& r : replies) all_.push_back(std::move(r));
    cv_.notify_all();
  }
  std::vector<reply> wait(std::size_t n) {
    std::unique_lock lock(mutex_);
    BOOST_REQUIRE(cv_.wait_for(lock, std::chrono::seconds(20), [&] { return all_.size() >= n; }));
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable cv_;
  std::vector<reply> all_;
};

struct fixture {
  std::filesystem::path data =
      std::filesystem::temp_directory_path() / ("node_engine_test_" + std::to_string(::getpid()));
  kind_registry kinds;
  node_options options;
  std::unique_ptr<node_engine> engine;

  fixture() {
    std::filesystem::remove_all(data);
    std::filesystem::create_directories(data);
    kinds.add(std::make_unique<counter_kind>());
    kinds.add(std::make_unique<brittle_kind>());
    options.data = data;
    options.loop.reserve_bytes = 1024 * 1024;
    options.journal.map_bytes = options.state.map_bytes = 1024ull * 1024 * 1024;
    start();
    lead();
  }
  ~fixture() {
    engine.reset();
    std::filesystem::remove_all(data);
  }
  void start() {
    auto made = node_engine::start(options, kinds, nullptr);
    BOOST_REQUIRE_MESSAGE(made.has_value(),
                          (made ? "" : made.error().code + " " + made.error().detail));
    engine = std::move(*made);
  }
  void lead() {
    const auto done_well =
        wait<void>([&](done<void> cb) { engine->create_plant("hamburg", std::move(cb)); });
    BOOST_REQUIRE(done_well.has_value());
  }
  void restart() {
    engine->stop();
    engine.reset();
    start();
    BOOST_REQUIRE(engine->has_plant("hamburg"));
    lead();
  }
  template <class T, class F>
  result<T> wait(F ask) {
    auto asked = std::make_shared<std::promise<result<T>>>();
    auto answer = asked->get_future();
    ask([asked](result<T> r) { asked->set_value(std::move(r)); });
    BOOST_REQUIRE(answer.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    return answer.get();
  }
  static request command(std::string id, counter_command which, std::int8_t n, std::string key = {},
                         std::string row = {}) {
    request r;
    r.to = {"hamburg", "counter", std::move(id)};
    r.command = static_cast<std::uint8_t>(which);
    r.body = counter_body(n, row);
    r.key = std::move(key);
    r.from = {"dev-mes", 1u << 2, {}};
    r.system = System::mes;
    return r;
  }
  reply run(request r) {
    auto sink = std::make_shared<collector>();
    std::vector<request> batch;
    batch.push_back(std::move(r));
    engine->submit(std::move(batch), sink);
    return sink->wait(1).front();
  }
  result<actor_view> look(std::string id, std::string kind = "counter") {
    return wait<actor_view>([&](done<actor_view> cb) {
      engine->read({"hamburg", kind, std::move(id)}, consistency::leader, std::move(cb));
    });
  }
  std::int64_t value(std::string id, std::string kind = "counter") {
    const auto seen = look(std::move(id), std::move(kind));
    BOOST_REQUIRE_MESSAGE(seen.has_value(), (seen ? "" : seen.error().code));
    return std::stoll(std::string(seen->state.begin(), seen->state.end()));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(commands_change_actors_and_reads_see_what_was_acknowledged, fixture) {
  BOOST_TEST(engine->ready());
  const auto r = run(command("1", counter_command::add, 5));
  BOOST_TEST(r.code == "");
  BOOST_TEST(r.sequence == 1u);
  BOOST_TEST(r.events.size() == 1u);
  BOOST_TEST(value("1") == 5);
  BOOST_TEST(run(command("2", counter_command::drop, 1)).code == "actor.unknown");
  BOOST_TEST(look("2").error().code == "actor.unknown");
  BOOST_TEST(run(command("1", counter_command::drop, 100)).code == "counter.short");
}

BOOST_FIXTURE_TEST_CASE(an_unknown_plant_is_said_so, fixture) {
  auto r = command("1", counter_command::add, 1);
  r.to.plant = "nowhere";
  BOOST_TEST(run(std::move(r)).code == "plant.unknown");
}

BOOST_FIXTURE_TEST_CASE(many_commands_to_many_actors_all_count, fixture) {
  auto sink = std::make_shared<collector>();
  constexpr int actors = 50, rounds = 200;
  for (int round = 0; round < rounds; ++round) {
    std::vector<request> batch;
    for (int a = 0; a < actors; ++a)
      batch.push_back(command(std::to_string(a), counter_command::add, 1));
    engine->submit(std::move(batch), sink);
  }
  const auto replies = sink->wait(actors * rounds);
  for (const auto& r : replies) BOOST_REQUIRE_MESSAGE(r.code.empty(), r.code + " " + r.detail);
  for (int a = 0; a < actors; ++a) BOOST_TEST(value(std::to_string(a)) == rounds);
}

BOOST_FIXTURE_TEST_CASE(a_repeated_key_answers_the_same_also_after_a_restart, fixture) {
  const auto first = run(command("1", counter_command::add, 5, "key-1"));
  const auto again = run(command("1", counter_command::add, 5, "key-1"));
  BOOST_TEST(again.replayed);
  BOOST_TEST(again.sequence == first.sequence);
  BOOST_TEST(run(command("1", counter_command::add, 6, "key-1")).code == "request.key_reused");
  restart();
  const auto later = run(command("1", counter_command::add, 5, "key-1"));
  BOOST_TEST(later.replayed);
  BOOST_TEST(later.index == first.index);
  BOOST_TEST(value("1") == 5);
}

BOOST_FIXTURE_TEST_CASE(a_restart_keeps_state_rows_parked_facts_and_sequence, fixture) {
  run(command("1", counter_command::add, 4));
  run(command("1", counter_command::once, 3, {}, "a"));
  BOOST_TEST(run(command("1", counter_command::once, 3, {}, "a")).code == "counter.twice");
  BOOST_CHECK(run(command("1", counter_command::take, 100)).outcome ==
              millrace::engine::Outcome::parked);
  const auto before = look("1");
  restart();
  const auto after = look("1");
  BOOST_TEST(after->sequence == before->sequence);
  BOOST_CHECK(after->state == before->state);
  BOOST_CHECK(after->stamp == before->stamp);
  const auto rows = wait<std::vector<row_view>>([&](done<std::vector<row_view>> cb) {
    engine->rows({"hamburg", "counter", "1"}, "marks", "", 10, std::move(cb));
  });
  BOOST_TEST(rows->size() == 1u);
  const auto open = wait<std::vector<exception_view>>([&](done<std::vector<exception_view>> cb) {
    engine->exceptions("hamburg", "", "", 10, std::move(cb));
  });
  BOOST_REQUIRE_EQUAL(open->size(), 1u);
  BOOST_TEST(open->front().code == "counter.short");
  run(command("1", counter_command::add, 127));
  BOOST_TEST(value("1") == 3 + 4 + 127 - 100);
}

BOOST_FIXTURE_TEST_CASE(an_ask_answers_its_caller_after_the_other_actor_decided, fixture) {
  run(command("asker", counter_command::add, 1));
  run(command("other", counter_command::add, 5));
  const auto granted = run(command("asker", counter_command::ask, 3, {}, "other"));
  BOOST_CHECK(granted.outcome == millrace::engine::Outcome::accepted);
  BOOST_TEST(value("other") == 2);
  BOOST_TEST(value("asker") == 2);
  const auto refused = run(command("asker", counter_command::ask, 30, {}, "other"));
  BOOST_CHECK(refused.outcome == millrace::engine::Outcome::refused);
  BOOST_TEST(refused.code == "counter.short");
}

BOOST_FIXTURE_TEST_CASE(a_timer_fires_once, fixture) {
  run(command("1", counter_command::add, 1));
  std::promise<void> fired;
  std::atomic<bool> said{false};
  const auto handle = engine->watch("hamburg", [&] {
    engine->read({"hamburg", "counter", "1"}, consistency::leader, [&](result<actor_view> r) {
      if (r && r->sequence == 2 && !said.exchange(true)) fired.set_value();
    });
  });
  run(command("1", counter_command::arm, 1));
  BOOST_REQUIRE(fired.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  BOOST_TEST(value("1") == 101);
  restart();
  BOOST_TEST(value("1") == 101);
}

BOOST_FIXTURE_TEST_CASE(an_actor_that_dies_is_made_anew_from_what_is_committed, fixture) {
  const auto brittle = [](counter_command which, std::int8_t n) {
    auto r = command("1", which, n);
    r.to.kind = "brittle";
    return r;
  };
  run(brittle(counter_command::add, 5));
  BOOST_TEST(run(brittle(counter_command::fail, 0)).code == "kind.fault");
  BOOST_TEST(run(brittle(counter_command::add, 6)).code == "");
  BOOST_TEST(value("1", "brittle") == 11);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_spoils_its_actor_is_refused_and_nothing_else_is, fixture) {
  run(command("1", counter_command::add, 5));
  auto sink = std::make_shared<collector>();
  std::vector<request> batch;
  batch.push_back(command("1", counter_command::add, 1));
  batch.push_back(command("1", counter_command::spoil, 0));
  batch.push_back(command("1", counter_command::add, 2));
  engine->submit(std::move(batch), sink);
  std::size_t faults = 0;
  for (const auto& r : sink->wait(3)) faults += r.code == "kind.fault";
  BOOST_TEST(faults == 1u);
  BOOST_TEST(value("1") == 8);
}

BOOST_FIXTURE_TEST_CASE(idle_actors_leave_memory_and_come_back, fixture) {
  engine.reset();
  options.resident_bytes_max = 64 * 1024;
  options.host.checkpoint_us = 50'000;
  start();
  auto sink = std::make_shared<collector>();
  constexpr int actors = 500;
  for (int a = 0; a < actors; ++a) {
    std::vector<request> batch;
    batch.push_back(
        command(std::to_string(a), counter_command::add, static_cast<std::int8_t>(a % 100)));
    engine->submit(std::move(batch), sink);
  }
  sink->wait(actors);
  BOOST_TEST(wait<void>([&](done<void> cb) { engine->checkpoint(std::move(cb)); }).has_value());
  run(command("0", counter_command::add, 1));
  std::uint64_t resident = actors;
  for (int i = 0; i < 1000 && resident >= actors / 2; ++i) {
    run(command("0", counter_command::add, 0));
    const auto figures = wait<std::vector<std::pair<std::string, host_status>>>(
        [&](done<std::vector<std::pair<std::string, host_status>>> cb) {
          engine->statistics(std::move(cb));
        });
    resident = figures->front().second.resident;
  }
  BOOST_TEST(resident < actors / 2u);
  for (int a = 1; a < actors; a += 7) BOOST_TEST(value(std::to_string(a)) == a % 100);
}

BOOST_FIXTURE_TEST_CASE(lists_filter_by_indexed_fields, fixture) {
  for (int a = 0; a < 20; ++a)
    run(command("c" + std::to_string(10 + a), counter_command::add, static_cast<std::int8_t>(a)));
  list_query q;
  q.plant = "hamburg";
  q.kind = "counter";
  q.filters = {{"label", "many"}};
  q.limit = 4;
  const auto page = wait<list_page>([&](done<list_page> cb) { engine->list(q, std::move(cb)); });
  BOOST_REQUIRE_EQUAL(page->items.size(), 4u);
  BOOST_TEST(page->items.front().where.id == "c20");
  q.after = page->next;
  BOOST_TEST(wait<list_page>([&](done<list_page> cb) { engine->list(q, std::move(cb)); })
                 ->items.front()
                 .where.id == "c24");
  restart();
  q.after.clear();
  q.limit = 50;
  BOOST_TEST(wait<list_page>([&](done<list_page> cb) {
               engine->list(q, std::move(cb));
             })->items.size() == 10u);
}

BOOST_FIXTURE_TEST_CASE(references_see_what_was_acknowledged_before, fixture) {
  run(command("material", counter_command::add, 7));
  run(command("1", counter_command::add, 1));
  run(command("1", counter_command::look, 0, {}, "material"));
  BOOST_TEST(value("1") == 8);
  restart();
  run(command("1", counter_command::look, 0, {}, "material"));
  BOOST_TEST(value("1") == 15);
}

BOOST_FIXTURE_TEST_CASE(
    retention_cuts_what_is_stored_and_tells_late_readers_where_the_journal_begins, fixture) {
  engine->stop();
  engine.reset();
  options.host.retain_us = 1;
  start();
  lead();
  const auto events_from = [&](std::uint64_t index) {
    return wait<event_page>([&](done<event_page> cb) {
      event_query q;
      q.plant = "hamburg";
      q.index = index;
      engine->events(q, std::move(cb));
    });
  };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i)
      BOOST_REQUIRE(run(command("1", counter_command::add, 1)).code.empty());
    BOOST_REQUIRE(
        wait<void>([&](done<void> cb) { engine->checkpoint(std::move(cb)); }).has_value());
    (void)wait<std::uint64_t>([&](done<std::uint64_t> cb) {  // behind what the loop was told
      engine->loop_statistics([cb = std::move(cb)](loop_status s) { cb(s.turns); });
    });
  }
  const auto late = events_from(0);
  BOOST_REQUIRE(!late.has_value());
  BOOST_TEST(late.error().code == "cursor.expired");
  BOOST_TEST_REQUIRE(late.error().detail.starts_with("the journal begins at "));
  auto oldest = std::stoull(late.error().detail.substr(22));
  BOOST_TEST(oldest > 20u);
  auto page = events_from(oldest);
  while (!page.has_value()) {  // the cut goes on in slices: the beginning moves, never back
    BOOST_REQUIRE(page.error().code == "cursor.expired");
    const auto moved = std::stoull(page.error().detail.substr(22));
    BOOST_REQUIRE(moved > oldest);
    oldest = moved;
    page = events_from(oldest);
  }
  BOOST_TEST(value("1") == 60);
  restart();
  BOOST_TEST(value("1") == 60);
  BOOST_TEST(run(command("1", counter_command::add, 1)).sequence == 61u);
}

BOOST_FIXTURE_TEST_CASE(retention_by_bytes_cuts_the_oldest, fixture) {
  engine->stop();
  engine.reset();
  options.host.retain_bytes = 200'000;
  start();
  lead();
  for (int round = 0; round < 8; ++round) {
    auto sink = std::make_shared<collector>();
    for (int i = 0; i < 20; ++i) {
      std::vector<request> batch;
      batch.push_back(command("1", counter_command::add, 1));
      batch.back().correlation = std::string(4'000, 'x');
      engine->submit(std::move(batch), sink);
      (void)sink->wait(static_cast<std::size_t>(i) + 1);
    }
    BOOST_REQUIRE(
        wait<void>([&](done<void> cb) { engine->checkpoint(std::move(cb)); }).has_value());
    (void)wait<std::uint64_t>([&](done<std::uint64_t> cb) {
      engine->loop_statistics([cb = std::move(cb)](loop_status s) { cb(s.turns); });
    });
  }
  const auto late = wait<event_page>([&](done<event_page> cb) {
    event_query q;
    q.plant = "hamburg";
    engine->events(q, std::move(cb));
  });
  BOOST_REQUIRE(!late.has_value());
  BOOST_TEST(late.error().code == "cursor.expired");
  restart();
  BOOST_TEST(look("1")->sequence == 160u);
}

BOOST_FIXTURE_TEST_CASE(a_replay_keeps_to_the_memory_budget, fixture) {
  constexpr int actors = 6'000;
  auto sink = std::make_shared<collector>();
  for (int from = 0; from < actors; from += 500) {
    std::vector<request> batch;
    for (int a = from; a < from + 500; ++a)
      batch.push_back(command(std::to_string(a), counter_command::add, 7));
    engine->submit(std::move(batch), sink);
    (void)sink->wait(static_cast<std::size_t>(from) + 500);
  }
  engine->stop();
  engine.reset();
  std::filesystem::remove_all(data / "state");  // everything comes from the journal again
  options.resident_bytes_max = 1024 * 1024;
  options.loop.replay_bytes_max = 32 * 1024;
  start();
  lead();
  const auto all = wait<std::vector<std::pair<std::string, host_status>>>(
      [&](auto cb) { engine->statistics(std::move(cb)); });
  BOOST_REQUIRE(all.has_value());
  BOOST_TEST((*all)[0].second.resident_bytes < 2u * 1024 * 1024);
  BOOST_TEST(value("17") == 7);
  BOOST_TEST(value(std::to_string(actors - 1)) == 7);
}

/// Flips a bit of an actor's stored row, as a disk would. The engine must be stopped.
void damage_row(const std::filesystem::path& data, const std::string& local) {
  auto state = open_lmdb_store(data / "state", {});
  BOOST_REQUIRE(state.has_value());
  const auto key = actor_key("hamburg", local);
  bytes row;
  {
    auto snapshot = (*state)->snapshot();
    const auto found = (*snapshot)->get(state_table::actors, as_bytes_view(key));
    BOOST_REQUIRE((found && *found));
    row.assign((*found)->begin(), (*found)->end());
  }
  row.back() ^= 1;
  write_batch writes;
  writes.put(state_table::actors, as_bytes_view(key), row);
  BOOST_REQUIRE((*state)->commit(writes.writes()).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_damaged_row_that_is_looked_up_is_no_absent_actor, fixture) {
  run(command("material", counter_command::add, 7));
  run(command("1", counter_command::add, 1));
  engine->stop();
  engine.reset();
  damage_row(data, "counter/material");
  start();
  lead();
  auto seen = run(command("1", counter_command::look, 0, "key", "material"));
  // At first it may be refused, but to be tried again; the row is rebuilt meanwhile.
  for (int tries = 0; tries < 1'000 && seen.code == "actor.quarantined"; ++tries)
    seen = run(command("1", counter_command::look, 0, "key", "material"));
  BOOST_TEST(seen.code == "");
  BOOST_TEST(value("1") == 8);
  BOOST_REQUIRE(wait<void>([&](done<void> cb) { engine->checkpoint(std::move(cb)); }).has_value());
  restart();
  BOOST_TEST(value("material") == 7);
}

BOOST_FIXTURE_TEST_CASE(an_older_journal_is_refused_with_a_reason, fixture) {
  run(command("1", counter_command::add, 1));
  engine->stop();
  engine.reset();
  const auto copy = data.string() + ".copy";
  std::filesystem::copy(data, copy, std::filesystem::copy_options::recursive);
  const auto refused = [&](std::string_view why) {
    const auto made = node_engine::start(options, kinds, nullptr);
    BOOST_REQUIRE(!made.has_value());
    BOOST_TEST(made.error().code == "directory.refused");
    BOOST_TEST(made.error().detail.find(why) != std::string::npos, made.error().detail);
  };
  const auto put_back = [&](const char* part) {
    std::filesystem::remove_all(data / part);
    std::filesystem::copy(std::filesystem::path(copy) / part, data / part,
                          std::filesystem::copy_options::recursive);
  };
  start();
  lead();
  run(command("1", counter_command::add, 1));
  engine->stop();
  engine.reset();
  put_back("journal");
  put_back("state");
  refused("the journal is older than the identity file");
  put_back("identity");
  start();  // all of it: a directory as it was
  lead();
  BOOST_TEST(value("1") == 1);
  run(command("1", counter_command::add, 1));
  engine->stop();
  engine.reset();
  put_back("journal");
  put_back("identity");
  refused("the state knows of start");
  std::filesystem::remove_all(data / "state");
  start();
  lead();
  BOOST_TEST(value("1") == 1);
  engine->stop();
  engine.reset();
  std::filesystem::remove_all(copy);
}

BOOST_FIXTURE_TEST_CASE(a_second_node_on_the_same_directory_is_refused, fixture) {
  const auto second = node_engine::start(options, kinds, nullptr);
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST(second.error().code == "directory.refused");
}
