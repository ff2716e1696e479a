// layer: cluster
// Real processes that die of an input: the third is not killed by it. Each process is forked before
// it has any thread, opens the node's directory and tells by its end what became of it.
#define BOOST_TEST_MODULE poison
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <future>

#include "cluster/node_engine.hpp"
#include "tests/counter_kind.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

/// A counter whose code takes the whole process with it: on `fail`, on dropping 13, on a timer.
class deadly_kind final : public kind {
 public:
  [[nodiscard]] const kind_model& model() const override { return inner_.model(); }
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
    if (std::holds_alternative<timer_input>(in)) std::abort();
    if (const auto* c = std::get_if<command_input>(&in)) {
      if (c->command == static_cast<std::uint8_t>(counter_command::fail)) std::abort();
      if (c->command == static_cast<std::uint8_t>(counter_command::drop) && c->body[0] == 13)
        std::raise(SIGKILL);
    }
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
};

class one_reply final : public reply_sink {
 public:
  void on_replies(std::vector<reply> replies) override { got.set_value(std::move(replies.at(0))); }
  std::promise<reply> got;
};

/// The node inside a forked process. What it finds wrong ends the process with 2.
class living_node {
 public:
  explicit living_node(const std::filesystem::path& data) {
    kinds_.add(std::make_unique<deadly_kind>());
    node_options options;
    options.data = data;
    options.loop.reserve_bytes = 1024 * 1024;
    options.journal.map_bytes = options.state.map_bytes = 1024ull * 1024 * 1024;
    auto made = node_engine::start(options, kinds_, nullptr);
    expect(made.has_value(), "the node starts");
    engine_ = std::move(*made);
    std::promise<void> leads;
    engine_->create_plant("hamburg", [&](result<void>) { leads.set_value(); });
    expect(leads.get_future().wait_for(limit) == std::future_status::ready, "the plant leads");
  }
  reply run(std::string id, counter_command which, std::int8_t n, std::string key,
            std::string row = {}) {
    request r;
    r.to = {"hamburg", "counter", std::move(id)};
    r.command = static_cast<std::uint8_t>(which);
    r.body = counter_body(n, row);
    r.key = std::move(key);
    r.from = {"dev-mes", 1u << 2, {}};
    r.system = System::mes;
    r.deadline_ms = 15'000;
    auto sink = std::make_shared<one_reply>();
    auto answer = sink->got.get_future();
    std::vector<request> batch;
    batch.push_back(std::move(r));
    engine_->submit(std::move(batch), sink);
    expect(answer.wait_for(limit) == std::future_status::ready, "there is an answer");
    return answer.get();
  }
  std::uint64_t timers() {
    std::promise<std::uint64_t> count;
    engine_->plants(
        [&](result<std::vector<plant_status>> all) { count.set_value((*all)[0].timers); });
    return count.get_future().get();
  }
  /// Nothing more is to come but the end.
  void await_death() { std::promise<void>().get_future().wait_for(limit); }
  static void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "in the forked process: not so: %s\n", what);
    _exit(2);
  }

 private:
  static constexpr auto limit = std::chrono::seconds(20);
  kind_registry kinds_;
  std::unique_ptr<node_engine> engine_;
};

struct fixture {
  std::filesystem::path data =
      std::filesystem::temp_directory_path() / ("poison_test_" + std::to_string(::getpid()));
  fixture() { std::filesystem::remove_all(data); }
  ~fixture() { std::filesystem::remove_all(data); }

  /// Runs `what` in a process of its own; answers the signal that ended it, 0 for a good end.
  int process(const std::function<void(living_node&)>& what) const {
    std::fflush(nullptr);
    const auto child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      for (const int s : {SIGABRT, SIGSEGV, SIGALRM}) std::signal(s, SIG_DFL);
      {
        living_node node(data);
        what(node);
      }
      _exit(0);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) return WTERMSIG(status);
    BOOST_TEST(WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == 0 ? 0 : -1;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_command_that_kills_two_processes_is_refused_for_good, fixture) {
  const auto deadly = [](living_node& n) { n.run("1", counter_command::fail, 0, "key-1"); };
  BOOST_TEST(process(deadly) == SIGABRT);
  BOOST_TEST(process(deadly) == SIGABRT);
  BOOST_TEST(process([](living_node& n) {
               const auto r = n.run("1", counter_command::fail, 0, "key-1");
               n.expect(r.code == "command.poison" && r.outcome == engine::Outcome::refused,
                        "it is refused");
               n.expect(r.index > 0, "the refusal is journaled");
               n.expect(n.run("1", counter_command::add, 5, "key-2").code.empty(), "others go on");
             }) == 0);
  BOOST_TEST(process([](living_node& n) {
               const auto again = n.run("1", counter_command::fail, 0, "key-1");
               n.expect(again.code == "command.poison" && again.replayed,
                        "a repeat gets the same answer");
             }) == 0);
}

BOOST_FIXTURE_TEST_CASE(without_a_key_the_same_command_is_known_by_its_content, fixture) {
  const auto deadly = [](living_node& n) { n.run("1", counter_command::fail, 3, ""); };
  BOOST_TEST(process(deadly) == SIGABRT);
  BOOST_TEST(process(deadly) == SIGABRT);
  BOOST_TEST(process([](living_node& n) {
               n.expect(n.run("1", counter_command::fail, 3, "").code == "command.poison",
                        "it is refused");
             }) == 0);
}

BOOST_FIXTURE_TEST_CASE(one_death_is_no_proof, fixture) {
  BOOST_TEST(process([](living_node& n) {
               n.run("2", counter_command::add, 50, "a");
               n.run("2", counter_command::drop, 13, "b");
             }) == SIGKILL);
  BOOST_TEST(process([](living_node& n) {
               n.expect(n.run("2", counter_command::drop, 12, "c").code.empty(), "others go on");
             }) == 0);
  BOOST_TEST(process([](living_node& n) { n.run("2", counter_command::drop, 13, "b"); }) ==
             SIGKILL);  // tried a second time
}

BOOST_FIXTURE_TEST_CASE(a_message_that_kills_the_process_twice_is_a_dead_letter, fixture) {
  BOOST_TEST(process([](living_node& n) {
               n.run("2", counter_command::add, 50, "a");
               n.run("1", counter_command::add, 1, "b");
               n.run("1", counter_command::ask, 13, "asked", "2");
             }) == SIGKILL);
  BOOST_TEST(process([](living_node& n) { n.await_death(); }) == SIGKILL);
  BOOST_TEST(
      process([](living_node& n) {
        const auto told = n.run("1", counter_command::ask, 13, "asked", "2");
        n.expect(told.code == "command.poison", "who asked is told");
        n.expect(n.run("2", counter_command::drop, 1, "c").code.empty(), "the actor goes on");
        n.expect(n.run("1", counter_command::ask, 2, "d", "2").code.empty(), "the stream goes on");
      }) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_timer_that_kills_the_process_twice_fires_no_more, fixture) {
  BOOST_TEST(process([](living_node& n) {
               n.run("1", counter_command::add, 5, "a");
               n.run("1", counter_command::arm, 1, "b");
               n.await_death();
             }) == SIGABRT);
  BOOST_TEST(process([](living_node& n) { n.await_death(); }) == SIGABRT);
  BOOST_TEST(process([](living_node& n) {
               n.expect(n.run("1", counter_command::add, 5, "c").code.empty(), "the actor goes on");
               n.expect(n.timers() == 0, "the timer is spent");
             }) == 0);
}
