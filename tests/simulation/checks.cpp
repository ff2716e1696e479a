// Walks every plant's journal from its first entry and holds everything else against it.

#include "tests/simulation/checks.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cluster/entry.hpp"
#include "cluster/journal_verify.hpp"
#include "cluster/state_tables.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::simulation {
namespace {

/// Cells that are evolved from the journal alone have nothing around them.
class nowhere final : public environment {
 public:
  [[nodiscard]] std::string_view plant() const override { return "nowhere"; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return false; }
  [[nodiscard]] std::string rule(std::string_view, std::string_view fallback) const override { return std::string(fallback); }
  [[nodiscard]] std::shared_ptr<const reference_state> look_up(std::string_view, std::string_view) override { return nullptr; }
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view, std::string_view, std::string_view) override { return std::optional<bytes>(); }
};

/// The journal of one plant, read once, and what it says.
class account {
 public:
  account(std::string plant, const kind_registry& kinds, findings& found)
      : plant_(std::move(plant)), kinds_(kinds), found_(found) {}

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
      for (const auto* event : *record.events()) take_event(actor, event->type(), event->body()->data());
    }
  }

  [[nodiscard]] bool has(const std::string& actor, std::uint64_t sequence) const { return answered_.contains({actor, sequence}); }
  [[nodiscard]] int confirmed(const std::string& report) const { return at(confirmed_, report); }
  [[nodiscard]] int consumed(const std::string& report) const { return at(consumed_, report); }
  [[nodiscard]] int granted(const std::string& shipment_batch) const { return at(granted_, shipment_batch); }
  [[nodiscard]] int returned(const std::string& shipment_batch) const { return at(returned_, shipment_batch); }
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

  void evolve(const std::string& actor, const engine::Record& record, journal_index index, std::uint32_t ordinal, timestamp stamp) {
    auto& c = cells_[actor];
    const auto [kind_name, id] = split_local(actor);
    if (!c) c = std::make_unique<cell>(*kinds_.find(kind_name), id, nowhere_);
    c->evolve(record, index, ordinal, stamp);
  }

  void take_event(const std::string& actor, std::uint8_t type, const std::uint8_t* body) {
    if (actor.starts_with("order/") && type == static_cast<std::uint8_t>(order::Event::OperationConfirmed)) {
      const auto* e = flatbuffers::GetRoot<order::OperationConfirmed>(body);
      ++confirmed_[e->confirmation()->str()];
    }
    if (actor.starts_with("batch/")) take_batch_event(actor, static_cast<batch::Event>(type), body);
  }

  // I3: while a hold stands on the whole lot nothing of it is granted, consumed or shipped.
  void take_batch_event(const std::string& actor, batch::Event type, const std::uint8_t* body) {
    auto& holds = holds_[actor];
    const auto forbidden = [&](const char* what) {
      if (!holds.empty()) found_.add("I3: " + plant_ + "/" + actor + " " + what + " while held by " + holds.begin()->first);
    };
    switch (type) {
      case batch::Event::HoldPlaced:
        holds.emplace(flatbuffers::GetRoot<batch::HoldPlaced>(body)->hold()->hold()->str(), actor);
        break;
      case batch::Event::HoldReleased:
        holds.erase({flatbuffers::GetRoot<batch::HoldReleased>(body)->hold()->str(), actor});
        break;
      case batch::Event::Allocated: {
        const auto* e = flatbuffers::GetRoot<batch::Allocated>(body);
        forbidden("allocated");
        ++granted_[e->shipment()->str() + " " + actor];
        break;
      }
      case batch::Event::Deallocated:
        ++returned_[flatbuffers::GetRoot<batch::Deallocated>(body)->shipment()->str() + " " + actor];
        break;
      case batch::Event::AllocationRevoked:
        ++returned_[flatbuffers::GetRoot<batch::AllocationRevoked>(body)->shipment()->str() + " " + actor];
        break;
      case batch::Event::Consumed:
        forbidden("consumed");
        ++consumed_[flatbuffers::GetRoot<batch::Consumed>(body)->report()->str()];
        break;
      case batch::Event::Shipped:
        forbidden("shipped");
        break;
      case batch::Event::Reserved:
        forbidden("reserved");
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
  std::map<std::string, int> granted_;
  std::map<std::string, int> returned_;
  std::map<std::string, std::set<std::pair<std::string, std::string>>> holds_;
  std::uint64_t deliveries_ = 0;
};

void check_operations(const std::map<std::string, std::unique_ptr<account>>& books, const clients& told, findings& found) {
  std::map<std::string, int> allocated;
  for (const auto& op : told.operations()) {
    const auto& book = *books.at(op->to.plant);
    const auto who = op->key + " (" + op->what + " " + op->to.to_string() + ")";
    const bool accepted = op->answer.outcome == engine::Outcome::accepted && op->answer.code.empty();
    if (op->answered_us < 0) {
      found.add("I9: " + who + " never got a final answer");
      continue;
    }
    if (accepted && !op->answer.events.empty() && !book.has(op->to.local(), op->answer.sequence))
      found.add("I1: " + who + " was acknowledged at sequence " + std::to_string(op->answer.sequence) + ", the journal does not have it");
    if (op->what == "confirm" && book.confirmed(op->report) != (accepted ? 1 : 0))
      found.add("I2: " + who + " answered '" + op->answer.code + "', confirmed " + std::to_string(book.confirmed(op->report)) + " times");
    if (op->what == "consume") {
      const int times = book.consumed(op->report);
      if (times > 1 || (accepted && times != 1) || (op->answer.outcome == engine::Outcome::refused && times != 0))
        found.add("I2: " + who + " answered '" + op->answer.code + "', consumed " + std::to_string(times) + " times");
    }
    if (op->what == "allocate") allocated[op->to.plant + " " + op->to.id + " batch/" + op->batch] += accepted ? 1 : 0;
  }
  for (const auto& [name, times] : allocated) {
    const auto space = name.find(' ');
    const auto& book = *books.at(name.substr(0, space));
    const int granted = book.granted(name.substr(space + 1));
    const int returned = book.returned(name.substr(space + 1));  // a hold may take a grant before its answer is out
    if (granted < times || granted - times > returned)
      found.add("I2: " + name + ": " + std::to_string(times) + " allocations acknowledged, " + std::to_string(granted) + " granted, " +
                std::to_string(returned) + " given back");
  }
}

// I7: the sequence of an actor is the witness: what ended before another began has the lower one, and a read sees all
// that was answered before it began.
void check_real_time(const clients& told, findings& found) {
  std::map<std::string, std::vector<const operation*>> by_actor;
  for (const auto& op : told.operations()) {
    const bool direct = op->what == "confirm" || op->what == "place-hold" || op->what == "release-hold";
    if (direct && op->answered_us >= 0 && op->answer.outcome == engine::Outcome::accepted && !op->answer.events.empty())
      by_actor[op->to.to_string()].push_back(op.get());
  }
  for (const auto& [actor, all] : by_actor)
    for (const auto* a : all)
      for (const auto* b : all)
        if (a->answered_us < b->invoked_us && a->answer.sequence >= b->answer.sequence)
          found.add("I7: " + actor + ": " + a->key + " ended before " + b->key + " began, but has the higher sequence");
  for (const auto& read : told.observations())
    for (const auto* op : by_actor[read.where.to_string()])
      if (op->answered_us < read.invoked_us && op->answer.sequence > read.sequence)
        found.add("I7: a read of " + read.where.to_string() + " saw sequence " + std::to_string(read.sequence) + " after " + op->key +
                  " was answered with " + std::to_string(op->answer.sequence));
}

// The checkpoint's rows equal the journal evolved from its beginning.
void check_states(node& n, const std::string& plant, const account& book, findings& found) {
  auto snapshot = n.state_store().snapshot();
  if (!snapshot) return found.add("the state environment cannot be read");
  for (const auto& [actor, evolved] : book.cells()) {
    if (evolved->sequence() == 0) continue;
    auto stored = read_actor(**snapshot, plant, 1, actor);
    if (!stored) {
      found.add("I5: " + plant + "/" + actor + " is in the journal, not in the checkpoint: " + stored.error().code);
      continue;
    }
    const auto expected = evolved->view();
    if (stored->sequence != expected.sequence || stored->state != expected.state)
      found.add("I5: " + plant + "/" + actor + ": checkpoint has sequence " + std::to_string(stored->sequence) + ", the journal " +
                std::to_string(expected.sequence) + (stored->state == expected.state ? "" : "; their states differ"));
  }
}

}  // namespace

void check_everything(node& n, const clients& told, const outer_systems& outside, const kind_registry& kinds, findings& found) {
  std::map<std::string, std::unique_ptr<account>> books;
  std::uint64_t deliveries = 0;
  for (const auto& plant : n.plant_names()) {
    auto book = std::make_unique<account>(plant, kinds, found);
    stored_journal journal(n.journal_store(), n.group_of(plant));
    const auto applied = n.host_of(plant)->applied();
    for (journal_index from = 1; from <= applied;) {
      auto entries = journal.read(from, applied, 1 << 20);
      if (!entries || entries->empty()) {
        found.add(plant + ": the journal cannot be read at " + std::to_string(from));
        break;
      }
      for (const auto& e : *entries) book->take(e);
      from = entries->back().index + 1;
    }
    deliveries += book->deliveries();
    check_states(n, plant, *book, found);
    books[plant] = std::move(book);
  }
  check_operations(books, told, found);
  check_real_time(told, found);
  if (outside.effects() != deliveries)
    found.add("I6: " + std::to_string(deliveries) + " deliveries filed, " + std::to_string(outside.effects()) + " had their effect");
  auto report = verify_journal(n.journal_store());
  if (!report || !report->intact()) found.add("the hash chain is broken: " + (report ? report->to_text() : report.error().detail));
}

}  // namespace millrace::simulation
