// Walks every plant's journal from its first entry and holds everything else against it.

#include "tests/simulation/checks.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cluster/journal_verify.hpp"
#include "cluster/state_tables.hpp"
#include "tests/simulation/account.hpp"
#include "tests/simulation/rows.hpp"

namespace millrace::simulation {
namespace {

void check_operations(const std::map<std::string, std::unique_ptr<account>>& books,
                      const clients& told, findings& found) {
  std::map<std::string, int> allocated;
  for (const auto& op : told.operations()) {
    if (op->answered_us < 0) {
      found.add("I9: " + op->name() + " never got a final answer");
      continue;
    }
    const auto& book = *books.at(op->to.plant);
    if (op->accepted() && !op->answer.events.empty() &&
        !book.has(op->to.local(), op->answer.sequence))
      found.add("I1: " + op->name() + " was acknowledged at sequence " +
                std::to_string(op->answer.sequence) + ", the journal does not have it");
    switch (op->what) {
      case deed::confirm: {
        const int times = book.confirmed(op->report);
        if (times > 1 || (op->answer.outcome == engine::Outcome::accepted && times != 1))
          found.add("I2: " + op->name() + " answered '" + op->answer.code + "', confirmed " +
                    std::to_string(times) + " times");
        break;
      }
      case deed::consume: {
        const int times = book.consumed(op->report);
        if (times > 1 || (op->accepted() && !op->answer.events.empty() && times != 1) ||
            (op->answer.outcome == engine::Outcome::refused && times != 0))
          found.add("I2: " + op->name() + " answered '" + op->answer.code + "', consumed " +
                    std::to_string(times) + " times");
        break;
      }
      case deed::allocate:
        allocated[op->to.plant + " " + op->to.id + " batch/" + op->batch] += op->accepted() ? 1 : 0;
        break;
      case deed::setup:
      case deed::hold:
      case deed::exception:
      case deed::reuse:
      case deed::other:
        break;
    }
  }
  for (const auto& [name, times] : allocated) {
    const auto space = name.find(' ');
    const auto& book = *books.at(name.substr(0, space));
    const int granted = book.granted(name.substr(space + 1));
    const int returned =
        book.returned(name.substr(space + 1));  // a hold may take a grant before its answer is out
    if (granted < times || granted - times > returned)
      found.add("I2: " + name + ": " + std::to_string(times) + " allocations acknowledged, " +
                std::to_string(granted) + " granted, " + std::to_string(returned) + " given back");
  }
}

// I7: the sequence of an actor is the witness: what ended before another began has the lower one,
// and a read sees all that was answered before it began.
void check_real_time(const clients& told, findings& found) {
  std::map<std::string, std::vector<const operation*>> by_actor;
  for (const auto& op : told.operations()) {
    const bool direct = op->what == deed::confirm || op->what == deed::hold;
    if (direct && op->answered_us >= 0 && op->answer.outcome == engine::Outcome::accepted &&
        !op->answer.events.empty())
      by_actor[op->to.to_string()].push_back(op.get());
  }
  for (const auto& [actor, all] : by_actor)
    for (const auto* a : all)
      for (const auto* b : all)
        if (a->answered_us < b->invoked_us && a->answer.sequence >= b->answer.sequence)
          found.add("I7: " + actor + ": " + a->key + " ended before " + b->key +
                    " began, but has the higher sequence");
  for (const auto& read : told.observations())
    for (const auto* op : by_actor[read.where.to_string()])
      if (op->answered_us < read.invoked_us && op->answer.sequence > read.sequence)
        found.add("I7: a read of " + read.where.to_string() + " saw sequence " +
                  std::to_string(read.sequence) + " after " + op->key + " was answered with " +
                  std::to_string(op->answer.sequence));
}

// The checkpoint's rows equal the journal evolved from its beginning.
void check_states(node& n, const std::string& plant, const account& book, bool damaged,
                  findings& found) {
  auto snapshot = n.state_store().snapshot();
  if (!snapshot) return found.add("the state environment cannot be read");
  for (const auto& [actor, evolved] : book.cells()) {
    if (evolved->sequence() == 0) continue;
    auto stored = read_actor(**snapshot, plant, 1, actor);
    if (!stored && stored.error().code == "state.damaged")
      continue;  // a bit flipped: found, and not served
    if (!stored) {
      found.add("I5: " + plant + "/" + actor +
                " is in the journal, not in the checkpoint: " + stored.error().code);
      continue;
    }
    if (damaged && !stored->quarantined.empty())
      continue;  // a follower met a flipped bit while it evolved: likewise
    const auto expected = evolved->view();
    if (stored->sequence != expected.sequence || stored->state != expected.state)
      found.add("I5: " + plant + "/" + actor + " on node " + std::to_string(n.number()) +
                ": checkpoint of " + std::to_string(n.host_of(plant)->status().checkpoint) +
                " has sequence " + std::to_string(stored->sequence) + ", the journal " +
                std::to_string(expected.sequence) +
                (stored->state == expected.state ? "" : "; their states differ"));
  }
}

// I3: at rest every lot that came out of a held one is held as well, from the same origins.
void check_descendants(const std::string& plant, account& book, findings& found) {
  for (const auto& [input, ends] : book.links())
    for (const auto& [output, order, report] : ends) {
      const auto lot = book.cells().find("batch/" + output);
      if (lot == book.cells().end() || lot->second->sequence() == 0) continue;
      const auto& below = book.holds("batch/" + output);
      // What left by a movement is free of holds on other parts of the lot.
      for (const auto& [hold, origins] : order.empty() ? book.whole(input) : book.holds(input))
        for (const auto& origin : origins)
          if (const auto at = below.find(hold); at == below.end() || !at->second.contains(origin))
            found.add("I3: " + plant + "/" + input + " is held by " + hold + " from " + origin +
                      ", its output " + output + " is free");
    }
}

// What came in and went out of a lot is what it holds.
void check_balances(const std::string& plant, const account& book, findings& found) {
  for (const auto& [actor, owed] : book.balances()) {
    const auto state = book.cells().at(actor)->view().state;
    decimal there;
    if (const auto* lines = flatbuffers::GetRoot<batch::State>(state.data())->stock())
      for (const auto* line : *lines) there += quantity_of(line->quantity());
    if (there != owed)
      found.add("quantities: " + plant + "/" + actor + " holds " + there.to_string() +
                ", by its movements " + owed.to_string());
  }
}

}  // namespace

namespace {

void check_node(node& n, const swarm& faults, const clients& told, const outer_systems& outside,
                const kind_registry& kinds, findings& found) {
  std::map<std::string, std::unique_ptr<account>> books;
  std::uint64_t deliveries = 0;
  for (const auto& plant : n.plant_names()) {
    auto book = std::make_unique<account>(plant, kinds, told.observations(), found);
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
    check_states(n, plant, *book, faults.nodes > 1 && faults.flip_every_us > 0, found);
    check_rows(n, plant, *book, faults.flip_every_us > 0, found);
    check_descendants(plant, *book, found);
    check_balances(plant, *book, found);
    books[plant] = std::move(book);
  }
  check_operations(books, told, found);
  if (outside.effects() != deliveries)
    found.add("I6: " + std::to_string(deliveries) + " deliveries filed, " +
              std::to_string(outside.effects()) + " had their effect");
  auto report = verify_journal(n.journal_store());
  if (!report || !report->intact())
    found.add("the hash chain is broken: " + (report ? report->to_text() : report.error().detail));
}

}  // namespace

void check_everything(fleet& all, const clients& told, const outer_systems& outside,
                      const kind_registry& kinds, findings& found) {
  for (auto* n : all.nodes()) check_node(*n, all.faults(), told, outside, kinds, found);
  check_real_time(told, found);
}

}  // namespace millrace::simulation
