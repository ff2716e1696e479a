// How the simulated clients send, wait, ask again and compare.

#include "tests/simulation/clients.hpp"

#include <utility>

namespace millrace::simulation {
namespace {

constexpr std::int64_t patience_us =
    20'000'000;  // then the client takes its command for lost and sends it again

bool try_again(const std::string& code) {
  return code == "plant.not_leader" || code == "outcome.unknown" || code == "plant.overloaded" ||
         code == "node.not_ready" || code == "endpoint.backlog" || code == "request.in_flight" ||
         code == "command.deadline" || code == "actor.quarantined" || code == "exceptions.full" ||
         code == "kind.fault";  // a 500 leaves the outcome open, as a lost connection does
}

}  // namespace

clients::clients(world& w, const swarm& faults, findings& found, fleet& n)
    : world_(w), faults_(faults), found_(found), fleet_(n) {}

void clients::start() {
  for (const auto& plant : fleet_.plant_names()) set_up(plant);
  prepare(0);
}

void clients::prepare(std::size_t step) {
  if (step == setup_.size()) {
    prepared_ = true;
    for (unsigned c = 0; c < faults_.clients; ++c) client(c);
    return;
  }
  run(setup_[step], [this, step] {
    if (!setup_[step]->accepted())
      found_.add("set-up of " + setup_[step]->to.to_string() + ": " + setup_[step]->answer.code +
                 " " + setup_[step]->answer.detail);
    prepare(step + 1);
  });
}

void clients::client(unsigned number) {
  if (stopping_) return;
  auto op = draw();
  if (world_.chance(0.3)) observe(op->to);
  operations_.push_back(op);
  run(op, [this, number, op] {
    judge(*op);
    world_.after(static_cast<std::int64_t>(world_.below(60'000)),
                 [this, number] { client(number); });
  });
}

/// What follows from a final answer at once.
void clients::judge(const operation& op) {
  if (op.what == deed::reuse && op.answer.code != "request.key_reused")
    found_.add("I2: the key of " + op.name() + " came with another command and was answered '" +
               op.answer.code + "'");
}

void clients::run(shared_operation op, next then) {
  ++open_;
  op->invoked_us = world_.us();
  send(op, [this, then = std::move(then)] {
    --open_;
    then();
  });
}

request clients::request_of(const operation& op) const {
  request r;
  r.to = op.to;
  r.command = op.command;
  r.body = op.body;
  r.key = op.key;
  r.op = op.op;
  r.exception = op.exception;
  r.from.name = "client";
  r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(op.system));
  r.system = op.system;
  const auto* kind = schema_model::built_in().kind(op.to.kind);
  const auto* command = kind == nullptr ? nullptr : kind->command(op.command);
  if (command != nullptr && command->is_signed) {
    r.signature_meaning = "approved";
    r.signature_reason = "simulated";
  }
  return r;
}

void clients::send(const shared_operation& op, next then) {
  ++op->sends;
  world_.say(op->name(), "is sent");
  const auto settled =
      std::make_shared<bool>(false);  // of this send: an answer, or patience has ended
  const auto again = [this, op, then, settled](std::int64_t in_us) {
    *settled = true;
    world_.after(in_us, [this, op, then] { send(op, then); });
  };
  const auto taken =
      fleet_.submit(request_of(*op), [this, op, then, settled, again](const reply& answer) {
        if (*settled) return;
        world_.say(op->name(), "is answered:", answer.code, answer.sequence, answer.detail);
        if (try_again(answer.code)) {
          op->told = answer.code + ": " + answer.detail;
          return again(50'000);
        }
        *settled = true;
        op->answer = answer;
        op->answered_us = world_.us();
        then();
      });
  if (taken == 0) return again(50'000);
  const auto boots = fleet_.boots(taken);
  world_.after(200'000, [this, settled, again, taken, boots] {  // a client notices a broken
    if (!*settled && fleet_.boots(taken) != boots) again(0);    // connection
  });
  world_.after(patience_us, [settled, again] {
    if (!*settled) again(0);
  });
}

std::string clients::waiting() const {
  std::string text;
  for (const auto* list : {&setup_, &operations_})
    for (const auto& op : *list)
      if (op->sends > 0 && op->answered_us < 0)
        text +=
            op->name() + " sent " + std::to_string(op->sends) + " times, told '" + op->told + "'; ";
  return text;
}

void clients::observe(const address& where) {
  const auto invoked = world_.us();
  fleet_.read(where, [this, where, invoked](std::optional<actor_view> seen) {
    observations_.push_back(
        {where, invoked, world_.us(), seen ? seen->sequence : 0, seen ? seen->state : bytes()});
  });
}

void clients::retry_exceptions() {
  constexpr std::size_t tried_by_the_actor = 64;  // after each change; with more they take turns
  for (const auto& plant : fleet_.plant_names()) {
    const auto open = fleet_.host_of(plant)->exceptions("", "", 1'000);
    if (!open) {
      found_.add(plant + ": the exceptions cannot be read: " + open.error().detail);
      continue;
    }
    std::map<std::string, std::size_t> of_actor;
    for (const auto& e : *open) ++of_actor[e.actor];
    for (const auto& e : *open) {
      if (of_actor[e.actor] > tried_by_the_actor || !world_.chance(0.5)) continue;
      request r;
      const auto [kind, id] = split_local(e.actor);
      r.to = {plant, std::string(kind), std::string(id)};
      r.op = request::exception_op::retry;
      r.exception = e.id;
      r.key = "retry-" + e.id;
      r.from.name = "operator";
      r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(System::ops));
      r.system = System::ops;
      ++open_;
      const bool taken = 0 != fleet_.submit(std::move(r), [this, e](const reply& now) {
        --open_;
        // Still parked, perhaps for one more reason; or it could not be tried.
        if (now.outcome == engine::Outcome::parked || try_again(now.code)) return;
        found_.add("the reason of exception " + e.id + ", " + e.code +
                   ", does not hold any longer: tried again it is '" + now.code + "' " +
                   now.detail);
      });
      if (!taken) --open_;
    }
  }
}

void clients::replay_some() {
  for (const auto& op : operations_) {
    if (op->answered_us < 0 || op->what == deed::reuse || !world_.chance(0.3)) continue;
    ++open_;
    replay(op);
  }
}

void clients::replay(const shared_operation& op) {
  const auto again = [this, op] { world_.after(50'000, [this, op] { replay(op); }); };
  const auto taken = fleet_.submit(request_of(*op), [this, op, again](const reply& now) {
    if (try_again(now.code) && now.code != op->answer.code) return again();
    --open_;
    const auto& first = op->answer;
    if (!now.replayed || now.outcome != first.outcome || now.code != first.code ||
        now.sequence != first.sequence || now.events.size() != first.events.size() ||
        now.exception != first.exception)
      found_.add("I2: " + op->name() + " was answered '" + first.code + "' at sequence " +
                 std::to_string(first.sequence) + ", again '" + now.code + "' at " +
                 std::to_string(now.sequence) + (now.replayed ? "" : ", not as a replay"));
  });
  if (taken == 0) again();
}

void clients::expect_damaged(const std::string& plant, journal_index index) {
  for (const auto& op : operations_) {
    if (op->to.plant != plant || op->answer.index != index || op->what == deed::reuse) continue;
    fleet_.submit(request_of(*op), [this, op](const reply& now) {
      if (now.code != "journal.damaged")
        found_.add("I10: " + op->name() + " is answered '" + now.code + "' out of a damaged entry");
    });
  }
}

}  // namespace millrace::simulation
