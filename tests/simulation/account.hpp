// The journal of one plant, read from its first entry, and what it says: the book that the checks
// hold everything else against.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cluster/entry.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/simulation/clients.hpp"

namespace millrace::simulation {

/// Cells that are evolved from the journal alone have nothing around them.
class nowhere final : public environment {
 public:
  [[nodiscard]] std::string_view plant() const override { return "nowhere"; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return false; }
  [[nodiscard]] std::string rule(std::string_view, std::string_view fallback) const override {
    return std::string(fallback);
  }
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(std::string_view,
                                                                       std::string_view) override {
    return std::shared_ptr<const reference_state>();
  }
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view, std::string_view,
                                                      std::string_view) override {
    return std::optional<bytes>();
  }
};

/// An end of a genealogy link: output, order, report.
using link_end = std::tuple<std::string, std::string, std::string>;

inline std::string text_of(const flatbuffers::String* s) {
  return s != nullptr ? s->str() : std::string();
}
inline decimal quantity_of(const Decimal* q) {
  return q != nullptr ? flatbuffers::UnPack(*q) : decimal();
}

/// The journal of one plant, read once, and what it says.
class account {
 public:
  /// `seen`: the states that readers were shown.
  account(std::string plant, const kind_registry& kinds, const std::vector<observation>& seen,
          findings& found)
      : plant_(std::move(plant)), kinds_(kinds), found_(found) {
    for (const auto& s : seen)
      if (s.where.plant == plant_ && s.sequence > 0)
        seen_[{s.where.local(), s.sequence}].push_back(&s);
  }

  void take(const log_entry& e) {
    if (e.type != entry_type::command) return;
    auto entry = entry_view::verify(*e.payload);
    if (!entry) return found_.add(plant_ + ": entry " + std::to_string(e.index) + " is damaged");
    for (auto at = entry->begin(); at != entry->end(); ++at) {
      const auto& record = **at;
      count_deliveries(record);
      if (record.actor() == nullptr) continue;
      const auto actor = record.actor()->str();
      evolve(actor, record, e.index, at.ordinal(), entry->stamp());
      if (record.events() == nullptr) continue;
      answered_.emplace(actor, record.sequence());
      for (const auto* happened : *record.events())
        take_event(actor, happened->type(), happened->body()->data());
    }
  }

  [[nodiscard]] bool has(const std::string& actor, std::uint64_t sequence) const {
    return answered_.contains({actor, sequence});
  }
  [[nodiscard]] int confirmed(const std::string& report) const { return at(confirmed_, report); }
  [[nodiscard]] int consumed(const std::string& report) const { return at(consumed_, report); }
  [[nodiscard]] int granted(const std::string& shipment_batch) const {
    return at(granted_, shipment_batch);
  }
  [[nodiscard]] int returned(const std::string& shipment_batch) const {
    return at(returned_, shipment_batch);
  }
  [[nodiscard]] const std::map<std::string, decimal>& balances() const { return balances_; }
  [[nodiscard]] const std::map<std::string, std::set<link_end>>& links() const { return links_; }
  /// Holds of a lot: id -> lots on which it was placed and from which it reaches this one.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& holds(
      const std::string& actor) {
    return holds_[actor];
  }
  /// Those that leave nothing of the lot free.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& whole(
      const std::string& actor) {
    return whole_[actor];
  }
  [[nodiscard]] std::uint64_t deliveries() const { return deliveries_; }
  [[nodiscard]] const std::map<std::string, std::unique_ptr<cell>>& cells() const { return cells_; }

 private:
  static int at(const std::map<std::string, int>& counts, const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  void count_deliveries(const engine::Record& record) {
    if (record.effects() == nullptr) return;
    for (const auto* box : *record.effects())
      if (box->effect_type() == engine::Effect::Delivery) ++deliveries_;
  }

  void evolve(const std::string& actor, const engine::Record& record, journal_index index,
              std::uint32_t ordinal, timestamp stamp) {
    auto& c = cells_[actor];
    const auto [kind_name, id] = split_local(actor);
    if (!c) c = std::make_unique<cell>(*kinds_.find(kind_name), id, nowhere_);
    c->evolve(record, index, ordinal, stamp);
    const auto shown = seen_.find({actor, c->sequence()});
    if (shown == seen_.end() || record.events() == nullptr) return;
    const auto state = c->view().state;
    for (const auto* s : shown->second)
      if (s->state != state)
        found_.add("a read of " + plant_ + "/" + actor + " showed a state at sequence " +
                   std::to_string(s->sequence) + " that the journal does not have");
  }

  void take_event(const std::string& actor, std::uint8_t type, const std::uint8_t* body) {
    if (actor.starts_with("order/") &&
        type == static_cast<std::uint8_t>(order::Event::OperationConfirmed)) {
      const auto* e = flatbuffers::GetRoot<order::OperationConfirmed>(body);
      ++confirmed_[e->confirmation()->str()];
    }
    if (actor.starts_with("batch/")) take_batch_event(actor, static_cast<batch::Event>(type), body);
  }

  // I3: while a hold stands on the whole lot nothing of it is granted, consumed or shipped.
  void take_batch_event(const std::string& actor, batch::Event type, const std::uint8_t* body) {
    take_movement(actor, type, body);
    const auto& holds = whole_[actor];
    const auto forbidden = [&](const char* what) {
      if (!holds.empty())
        found_.add("I3: " + plant_ + "/" + actor + " " + what + " while held by " +
                   holds.begin()->first);
    };
    switch (type) {
      case batch::Event::Allocated: {
        const auto* e = flatbuffers::GetRoot<batch::Allocated>(body);
        forbidden("allocated");
        ++granted_[e->shipment()->str() + " " + actor];
        break;
      }
      case batch::Event::Deallocated:
        ++returned_[flatbuffers::GetRoot<batch::Deallocated>(body)->shipment()->str() + " " +
                    actor];
        break;
      case batch::Event::AllocationRevoked:
        ++returned_[flatbuffers::GetRoot<batch::AllocationRevoked>(body)->shipment()->str() + " " +
                    actor];
        break;
      case batch::Event::Consumed:
        forbidden("consumed");
        ++consumed_[flatbuffers::GetRoot<batch::Consumed>(body)->report()->str()];
        break;
      case batch::Event::Shipped:
        forbidden("shipped");
        break;
      case batch::Event::Picked:
        forbidden("picked");
        break;
      case batch::Event::Reserved:
        forbidden("reserved");
        break;
      case batch::Event::MovementPosted:  // but for the disposition of a hold
        if (flatbuffers::GetRoot<batch::MovementPosted>(body)->hold() == nullptr)
          forbidden("moved");
        break;
      case batch::Event::StockSent:
        if (flatbuffers::GetRoot<batch::StockSent>(body)->transit()->hold() == nullptr)
          forbidden("sent to another lot");
        break;
      default:
        take_hold_or_link(actor, type, body);
        break;
    }
  }

  void take_hold_or_link(const std::string& actor, batch::Event type, const std::uint8_t* body) {
    const auto id = actor.substr(actor.find('/') + 1);
    const auto lift = [&](const std::string& hold, const std::string& origin) {
      for (auto* book : {&holds_, &whole_}) {
        auto& holds = (*book)[actor];
        holds[hold].erase(origin);
        if (holds[hold].empty()) holds.erase(hold);
      }
    };
    const auto place = [&](const std::string& hold, const std::string& origin, bool whole) {
      holds_[actor][hold].insert(origin);
      if (whole) whole_[actor][hold].insert(origin);
    };
    switch (type) {
      case batch::Event::HoldPlaced: {
        const auto* h = flatbuffers::GetRoot<batch::HoldPlaced>(body)->hold();
        place(text_of(h->hold()), id, h->quantity() == nullptr);
        break;
      }
      case batch::Event::HoldInherited: {
        const auto* e = flatbuffers::GetRoot<batch::HoldInherited>(body);
        place(text_of(e->hold()), text_of(e->origin()), true);
        break;
      }
      case batch::Event::HoldReleased:
        lift(text_of(flatbuffers::GetRoot<batch::HoldReleased>(body)->hold()), id);
        break;
      case batch::Event::HoldLifted: {
        const auto* e = flatbuffers::GetRoot<batch::HoldLifted>(body);
        lift(text_of(e->hold()), text_of(e->origin()));
        break;
      }
      case batch::Event::OutputLinked: {
        const auto* l = flatbuffers::GetRoot<batch::OutputLinked>(body)->link();
        if (!text_of(l->plant()).empty()) break;  // another plant's book
        links_[actor].insert({text_of(l->batch()), text_of(l->order()), text_of(l->report())});
        break;
      }
      case batch::Event::OutputUnlinked: {
        const auto* e = flatbuffers::GetRoot<batch::OutputUnlinked>(body);
        links_[actor].erase({text_of(e->batch()), text_of(e->order()), text_of(e->report())});
        break;
      }
      default:
        break;
    }
  }

  // Quantities are increments: what came in and went out has to be what is there.
  void take_movement(const std::string& actor, batch::Event type, const std::uint8_t* body) {
    auto& owed = balances_[actor];
    switch (type) {
      case batch::Event::Received:
        owed += quantity_of(flatbuffers::GetRoot<batch::Received>(body)->quantity());
        break;
      case batch::Event::Produced:
        owed += quantity_of(flatbuffers::GetRoot<batch::Produced>(body)->quantity());
        break;
      case batch::Event::ProductionReversed:
        owed -= quantity_of(flatbuffers::GetRoot<batch::ProductionReversed>(body)->quantity());
        break;
      case batch::Event::Consumed:
        owed -= quantity_of(flatbuffers::GetRoot<batch::Consumed>(body)->quantity());
        break;
      case batch::Event::ConsumptionReversed: {
        const auto* e = flatbuffers::GetRoot<batch::ConsumptionReversed>(body);
        if (e->returned() != nullptr && e->returned()->size() > 0)
          owed += quantity_of(e->quantity());
        break;
      }
      case batch::Event::Shipped:
        owed -= quantity_of(flatbuffers::GetRoot<batch::Shipped>(body)->quantity());
        break;
      case batch::Event::StockAdjusted:
        owed += quantity_of(flatbuffers::GetRoot<batch::StockAdjusted>(body)->quantity());
        break;
      default:
        take_own_movement(actor, type, body);
        break;
    }
  }

  // Movements that a lot posts itself, and what goes to other lots and comes from them.
  void take_own_movement(const std::string& actor, batch::Event type, const std::uint8_t* body) {
    auto& owed = balances_[actor];
    switch (type) {
      case batch::Event::MovementPosted: {
        const auto* e = flatbuffers::GetRoot<batch::MovementPosted>(body);
        if (e->put() == nullptr || e->put()->size() == 0) owed -= quantity_of(e->quantity());
        break;
      }
      case batch::Event::MovementReversed: {
        const auto* e = flatbuffers::GetRoot<batch::MovementReversed>(body);
        if (e->taken() == nullptr || e->taken()->size() == 0) owed += quantity_of(e->quantity());
        break;
      }
      case batch::Event::StockSent: {
        const auto* t = flatbuffers::GetRoot<batch::StockSent>(body)->transit();
        owed -= sent_[actor + ' ' + text_of(t->posting())] = quantity_of(t->quantity());
        break;
      }
      case batch::Event::SendingRefused: {
        const auto* e = flatbuffers::GetRoot<batch::SendingRefused>(body);
        owed += sent_[actor + ' ' + text_of(e->posting())];
        break;
      }
      case batch::Event::TakenIn:
        owed += quantity_of(flatbuffers::GetRoot<batch::TakenIn>(body)->quantity());
        break;
      case batch::Event::GivenBack:
        owed -= quantity_of(flatbuffers::GetRoot<batch::GivenBack>(body)->quantity());
        break;
      default:
        break;
    }
  }

  std::string plant_;
  const kind_registry& kinds_;
  findings& found_;
  nowhere nowhere_;
  std::map<std::string, std::unique_ptr<cell>> cells_;
  std::set<std::pair<std::string, std::uint64_t>> answered_;
  std::map<std::string, int> confirmed_;
  std::map<std::string, int> consumed_;
  std::map<std::string, decimal> sent_;  // actor and posting
  std::map<std::string, int> granted_;
  std::map<std::string, int> returned_;
  std::map<std::string, std::map<std::string, std::set<std::string>>> holds_;
  std::map<std::string, std::map<std::string, std::set<std::string>>>
      whole_;  // those of them that leave nothing of the lot free
  std::map<std::string, std::set<link_end>> links_;
  std::map<std::string, decimal> balances_;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<const observation*>> seen_;
  std::uint64_t deliveries_ = 0;
};

}  // namespace millrace::simulation
