// Workload and histories of the simulated clients.

#include "tests/simulation/clients.hpp"

#include <utility>

#include "schemas/inventory/batch_kind.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/masterdata/material_kind.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::simulation {
namespace {

constexpr std::int64_t patience_us = 20'000'000;  // then the client takes its command for lost and sends it again
constexpr unsigned orders = 3;
constexpr unsigned batches = 3;
constexpr unsigned shipments = 2;

bool try_again(const std::string& code) {
  return code == "plant.overloaded" || code == "node.not_ready" || code == "endpoint.backlog" || code == "request.in_flight" ||
         code == "command.deadline" || code == "actor.quarantined" || code == "exceptions.full" ||
         code == "kind.fault";  // a 500 leaves the outcome open, as a lost connection does
}

std::string numbered(const char* prefix, std::uint64_t n) { return prefix + std::to_string(n); }

}  // namespace

clients::clients(world& w, const swarm& faults, findings& found, node& n)
    : world_(w), faults_(faults), found_(found), node_(n) {}

template <class CommandT, class Schema>
std::shared_ptr<operation> clients::make(const std::string& plant, const std::string& id, const CommandT& c, System by,
                                         const std::string& what) {
  auto op = std::make_shared<operation>();
  op->key = numbered("key-", made_++);
  op->to = {plant, std::string(Schema::name), id};
  op->what = what;
  op->body = decision<Schema>::pack(c);
  op->command = static_cast<std::uint8_t>(Schema::template command_member<CommandT>());
  op->system = by;
  return op;
}

void clients::start() {
  for (const auto& plant : node_.plant_names()) {
    plant::CommissionT commission;
    commission.region = "eu";
    commission.time_zone = "Europe/Berlin";
    setup_.push_back(make<plant::CommissionT, plant::schema>(plant, plant, commission, System::ops, "setup"));
    material::DefineT define;
    define.revision = "A";
    define.base_unit = "EA";
    setup_.push_back(make<material::DefineT, material::schema>(plant, "HOUSING", define, System::erp, "setup"));
    material::RoutingStepT step;
    step.operation = "0010";
    step.work_center = "WC-1";
    define.routing.push_back(step);
    setup_.push_back(make<material::DefineT, material::schema>(plant, "PUMP", define, System::erp, "setup"));
    for (unsigned b = 0; b < batches; ++b) {
      batch::ReceiveT receive;
      receive.material = "HOUSING";
      receive.quantity = decimal::from_units(60);  // little enough to run short
      receive.unit = "EA";
      setup_.push_back(make<batch::ReceiveT, batch::schema>(plant, numbered("B-", b), receive, System::erp, "setup"));
    }
    for (unsigned o = 0; o < orders; ++o) {
      order::CreateT create;
      create.material = "PUMP";
      create.revision = "A";
      create.quantity = decimal::from_units(1'000'000);
      create.unit = "EA";
      setup_.push_back(make<order::CreateT, order::schema>(plant, numbered("O-", o), create, System::erp, "setup"));
      setup_.push_back(make<order::ReleaseT, order::schema>(plant, numbered("O-", o), {}, System::erp, "setup"));
    }
    for (unsigned s = 0; s < shipments; ++s) {
      shipment::PlanT plan;
      plan.customer = "C-77";
      plan.items.emplace_back();
      plan.items.back().item = "10";
      plan.items.back().material = "HOUSING";
      plan.items.back().quantity = decimal::from_units(1'000'000);
      plan.items.back().unit = "EA";
      setup_.push_back(make<shipment::PlanT, shipment::schema>(plant, numbered("S-", s), plan, System::wms, "setup"));
    }
  }
  prepare(0);
}

void clients::prepare(std::size_t step) {
  if (step == setup_.size()) {
    prepared_ = true;
    for (unsigned c = 0; c < faults_.clients; ++c) client(c);
    return;
  }
  run(setup_[step], [this, step] {
    if (setup_[step]->answer.outcome != engine::Outcome::accepted)
      found_.add("set-up of " + setup_[step]->to.to_string() + ": " + setup_[step]->answer.code + " " +
                 setup_[step]->answer.detail);
    prepare(step + 1);
  });
}

void clients::client(unsigned number) {
  if (stopping_) return;
  auto op = draw(number);
  if (world_.chance(0.3)) observe(op->to);
  operations_.push_back(op);
  run(op, [this, number] {
    world_.after(static_cast<std::int64_t>(world_.below(20'000)), [this, number] { client(number); });
  });
}

std::shared_ptr<operation> clients::draw(unsigned) {
  const auto plant = node_.plant_names()[world_.below(faults_.plants)];
  const auto order_id = numbered("O-", world_.below(orders));
  const auto batch_id = numbered("B-", world_.below(batches));
  const auto pick = world_.below(100);
  const auto id = numbered("R-", made_);
  if (pick < 45) {
    order::ConfirmOperationT c;
    c.confirmation = id;
    c.operation = "0010";
    c.yield = decimal::from_units(1);
    c.unit = "EA";
    auto op = make<order::ConfirmOperationT, order::schema>(plant, order_id, c, System::mes, "confirm");
    op->report = id;
    return op;
  }
  if (pick < 65) {
    order::ReportConsumptionT c;
    c.report = id;
    c.operation = "0010";
    c.material = "HOUSING";
    c.batch = batch_id;
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    auto op = make<order::ReportConsumptionT, order::schema>(plant, order_id, c, System::mes, "consume");
    op->report = id;
    op->batch = batch_id;
    return op;
  }
  if (pick < 85) {
    shipment::AllocateT c;
    c.item = "10";
    c.batch = batch_id;
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    auto op = make<shipment::AllocateT, shipment::schema>(plant, numbered("S-", world_.below(shipments)), c, System::wms, "allocate");
    op->batch = batch_id;
    return op;
  }
  const auto hold = numbered("H-", world_.below(4)) + "-" + batch_id;
  if (pick < 92) {
    batch::PlaceHoldT c;
    c.hold = hold;
    c.reason = "simulated";
    auto op = make<batch::PlaceHoldT, batch::schema>(plant, batch_id, c, System::mes, "place-hold");
    op->batch = batch_id;
    return op;
  }
  batch::ReleaseHoldT c;
  c.hold = hold;
  c.reason = "simulated";
  auto op = make<batch::ReleaseHoldT, batch::schema>(plant, batch_id, c, System::qms, "release-hold");
  op->batch = batch_id;
  return op;
}

void clients::run(std::shared_ptr<operation> op, next then) {
  ++open_;
  op->invoked_us = world_.us();
  send(op, [this, then = std::move(then)] {
    --open_;
    then();
  });
}

void clients::send(const std::shared_ptr<operation>& op, next then) {
  ++op->sends;
  world_.say(op->key, "is sent:", op->what, op->to.to_string());
  request r;
  r.to = op->to;
  r.command = op->command;
  r.body = op->body;
  r.key = op->key;
  r.from.name = "client";
  r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(op->system));
  r.system = op->system;
  const auto settled = std::make_shared<bool>(false);  // of this send: an answer, or patience has ended
  const auto again = [this, op, then, settled](std::int64_t in_us) {
    *settled = true;
    world_.after(in_us, [this, op, then] { send(op, then); });
  };
  const bool taken = node_.submit(std::move(r), [this, op, then, settled, again](const reply& answer) {
    if (*settled) return;
    world_.say(op->key, "is answered:", answer.code, answer.sequence);
    if (try_again(answer.code)) {
      op->told = answer.code + ": " + answer.detail;
      return again(50'000);
    }
    *settled = true;
    op->answer = answer;
    op->answered_us = world_.us();
    then();
  });
  if (!taken) return again(50'000);
  const auto boots = node_.boots();
  world_.after(200'000, [this, settled, again, boots] {  // a client notices a broken connection
    if (!*settled && node_.boots() != boots) again(0);
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
        text += op->key + " (" + op->what + " " + op->to.to_string() + " " + op->batch + ", sent " + std::to_string(op->sends) +
                " times, told '" + op->told + "') ";
  return text;
}

void clients::observe(const address& where) {
  const auto invoked = world_.us();
  node_.read(where, [this, where, invoked](std::optional<actor_view> seen) {
    observations_.push_back({where, invoked, world_.us(), seen ? seen->sequence : 0});
  });
}

void clients::replay_some() {
  for (const auto& op : operations_) {
    if (op->answered_us < 0 || !world_.chance(0.3)) continue;
    request r;
    r.to = op->to;
    r.command = op->command;
    r.body = op->body;
    r.key = op->key;
    r.from.name = "client";
    r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(op->system));
    r.system = op->system;
    ++open_;
    const bool taken = node_.submit(std::move(r), [this, op](const reply& now) {
      --open_;
      const auto& first = op->answer;
      if (!now.replayed || now.outcome != first.outcome || now.code != first.code || now.sequence != first.sequence ||
          now.events.size() != first.events.size())
        found_.add("I2: " + op->key + " (" + op->what + ") was answered '" + first.code + "' at sequence " +
                   std::to_string(first.sequence) + ", again '" + now.code + "' at " + std::to_string(now.sequence) +
                   (now.replayed ? "" : ", not as a replay"));
    });
    if (!taken) --open_;
  }
}

}  // namespace millrace::simulation
