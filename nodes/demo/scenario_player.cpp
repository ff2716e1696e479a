// One function a kind of step. After the first failure, or an interruption, what is left is not
// played.
#include "nodes/demo/scenario_player.hpp"

#include <chrono>
#include <csignal>
#include <future>
#include <map>
#include <thread>

#include "schemas/native.hpp"

namespace millrace::demo {
namespace {

using clock = std::chrono::steady_clock;
using step = scenario_step;

constexpr auto patience = std::chrono::seconds(30);
constexpr auto poll = std::chrono::milliseconds(1);

double ms_since(clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(clock::now() - begun).count();
}

/// "now+5s" in a body as the time that it means.
std::string with_times(std::string body) {
  constexpr std::string_view mark = "\"now+";
  for (auto at = body.find(mark); at != std::string::npos; at = body.find(mark, at + 1)) {
    const auto end = body.find("s\"", at);
    if (end == std::string::npos) break;
    const auto digits = body.substr(at + mark.size(), end - at - mark.size());
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto then = timestamp::from_micros(now.count() + std::stoll(digits) * 1'000'000);
    body.replace(at + 1, end - at, then.to_string());
  }
  return body;
}

class player {
 public:
  player(world& w, timeline& t) : w_(w), t_(t) {}

  [[nodiscard]] bool fine() const { return t_.failed() == 0 && !interrupted(); }

  void play(const step& s) {
    switch (s.what) {
      case step::kind::chapter:
        t_.chapter(s.text);
        break;
      case step::kind::plant:
        plant_ = s.text;
        break;
      case step::kind::command: {
        begun_ = clock::now();
        const auto r = w_.platform(s.puts ? "PUT" : "POST", platform_path(s.path), s.who,
                                   with_times(s.body), {}, s.person);
        told(s, r);
        break;
      }
      case step::kind::act:
        begun_ = clock::now();
        told(s, w_.simulator(s.who, "POST", s.path, with_times(s.body)));
        break;
      case step::kind::begin_run:
        begin(s);
        break;
      case step::kind::finish_run:
        finish(s);
        break;
      case step::kind::fault:
        w_.simulator(s.who, "POST", "/faults", s.body);
        t_.step(s.who, s.text);
        break;
      case step::kind::heal:
        begun_ = clock::now();
        w_.simulator(s.who, "DELETE", "/faults");
        t_.step(s.who, s.text);
        break;
      case step::kind::node_dies:
        node_dies();
        break;
      case step::kind::node_returns:
        node_returns();
        break;
      case step::kind::platform_dies:
        w_.kill_all();
        t_.step("platform", "kill -9 of every node");
        break;
      case step::kind::platform_returns:
        platform_returns();
        break;
      case step::kind::write:
        t_.step("people", s.text);
        w_.write_line(s.path, s.body);
        break;
      case step::kind::program:
        program(s);
        break;
      case step::kind::expect:
        expect(s, patience);
        break;
      case step::kind::check:
        expect(s, clock::duration::zero());
        break;
      case step::kind::measure:
        t_.figure(s.caption, s.who, ms_since(begun_));
        break;
      case step::kind::measure_between:
        measure_between(s);
        break;
    }
  }

 private:
  /// "batches/B-1 place-hold" is below the current plant; "/v1/..." is any path.
  [[nodiscard]] std::string platform_path(const std::string& path) const {
    return path.starts_with('/') ? path : "/v1/plants/" + plant_ + '/' + path;
  }

  void told(const step& s, const reply& r) {
    t_.step(s.who, s.text, r.ms);
    const auto* exception = r.body.at("/exception/code");
    if (s.status == 0) {
      if (!r.good())
        t_.expectation("it is accepted", false, r.in_short());
      else if (exception != nullptr)
        t_.expectation("it is posted", false, r.body.dump());
      return;
    }
    const auto code = exception != nullptr ? exception->text() : r.body.text("code");
    t_.expectation("answered " + std::to_string(s.status) + ' ' + s.code,
                   r.status == s.status && (s.code.empty() || s.code == code),
                   r.in_short() + (r.good() ? ' ' + r.body.dump() : std::string()));
  }

  void begin(const step& s) {
    begun_ = clock::now();
    t_.step(s.who, s.text);
    runs_[s.who] = std::async(std::launch::async, [url = w_.simulator_url(s.who), body = s.body] {
      http_client client;
      return client.send(
          {"POST", url + "/run", {{"Content-Type", "application/json"}}, body, 60'000});
    });
  }

  void finish(const step& s) {
    const auto run = runs_.find(s.who);
    if (run == runs_.end()) return t_.expectation(s.who + " has begun something", false);
    const auto answer = run->second.get();
    runs_.erase(run);
    t_.expectation(s.who + " got every report through", answer && answer->status == 200,
                   answer ? answer->body : answer.error().detail);
  }

  /// Of several nodes the others take over: the gap until they acknowledge a command again.
  void node_dies() {
    t_.step("platform", w_.kill_node());
    if (w_.node_urls().size() == 1) return;
    const auto killed = clock::now();
    reply r;
    do {
      r = w_.platform("POST", "/v1/plants/" + plant_ + "/describe", "ops", "{}");
    } while (!r.good() && !interrupted() && clock::now() < killed + patience);
    t_.expectation("the others take over", r.good(), r.in_short());
    t_.figure("leader killed -> next acknowledged command", "gap_ms", ms_since(killed));
  }

  void node_returns() {
    const auto back = w_.restart_node();
    if (!back) return t_.expectation("the node comes back on its data", false, back.error().detail);
    t_.step("platform", "is ready again", *back);
    t_.figure("restart of the node after kill -9, until ready", "restart_ms", *back);
  }

  void platform_returns() {
    const auto back = w_.restart_all();
    if (!back) return t_.expectation("the nodes come back", false, back.error().detail);
    t_.step("platform", "is ready again");
  }

  /// Words of the arguments that name a file of the story become its path.
  void program(const step& s) {
    std::vector<std::string> arguments;
    for (std::size_t at = 0; at < s.body.size();) {
      const auto end = std::min(s.body.find(' ', at), s.body.size());
      arguments.push_back(w_.file_or_word(s.body.substr(at, end - at)));
      at = end + 1;
    }
    arguments.insert(arguments.end(), {"--url", w_.node_url()});
    t_.step("millrace", s.body);
    const auto said = w_.run_and_read(arguments);
    t_.expectation("ends with " + std::to_string(s.status), said.code == s.status, said.text);
    if (!s.caption.empty())
      t_.expectation("shows " + s.caption, said.text.find(s.caption) != std::string::npos,
                     said.text);
  }

  /// What an expectation looks at.
  json_value look(const step& s) {
    if (!s.who.empty()) return w_.simulator_state(s.who);
    auto found = w_.get(platform_path(s.path)).body;
    const bool actor = !s.path.starts_with('/') && s.path.find('?') == std::string::npos &&
                       std::count(s.path.begin(), s.path.end(), '/') <= 1;
    const auto* state = actor ? found.find("state") : nullptr;
    return state != nullptr ? *state : found;
  }

  void expect(const step& s, clock::duration most) {
    const auto end = clock::now() + most;
    json_value found;
    bool held = false;
    for (;;) {
      found = look(s);
      held = std::all_of(s.conditions.begin(), s.conditions.end(),
                         [&](const auto& c) { return holds(c, found); });
      if (held || interrupted() || clock::now() >= end) break;
      std::this_thread::sleep_for(poll);
    }
    t_.expectation(s.text, held, found.dump());
  }

  void measure_between(const step& s) {
    const auto found = look(s.path);
    const auto* from = found.at(s.body);
    const auto* to = found.at(s.code);
    const auto a = timestamp::parse(from != nullptr ? from->text() : std::string());
    const auto b = timestamp::parse(to != nullptr ? to->text() : std::string());
    if (!a || !b) return t_.expectation(s.text, false, found.dump());
    t_.figure(s.caption, s.who, static_cast<double>(b->micros() - a->micros()) / 1000);
  }
  json_value look(const std::string& path) {
    step s;
    s.path = path;
    return look(s);
  }

  world& w_;
  timeline& t_;
  std::string plant_ = "hamburg";
  clock::time_point begun_ = clock::now();
  std::map<std::string, std::future<result<http_answer>>> runs_;
};

}  // namespace

bool interrupted() {
  sigset_t waiting;
  return sigpending(&waiting) == 0 &&
         (sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1);
}

bool play(const scenario& what, world& w, timeline& t) {
  player p(w, t);
  for (const auto& s : what.steps) {
    if (!p.fine()) break;
    p.play(s);
  }
  return p.fine();
}

}  // namespace millrace::demo
