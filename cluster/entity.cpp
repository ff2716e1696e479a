// One order at a time; what reads the state waits until nothing is in flight, so that only
// committed state is seen.
#include "cluster/entity.hpp"

#include <stdexcept>

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>

#include "cluster/entry.hpp"

namespace millrace {

entity::entity(caf::actor_config& config, entity_owner& owner, slot_number slot,
               std::uint64_t epoch, std::unique_ptr<cell> c)
    : caf::monitorable_actor(config),
      owner_(&owner),
      cell_(std::move(c)),
      epoch_(epoch),
      slot_(slot) {}

// ---- as a CAF actor ----

void entity::launch(caf::execution_unit*, bool, bool hidden) {
  if (!hidden) register_at_system();
}

void entity::enqueue(caf::mailbox_element_ptr, caf::execution_unit*) {}

void entity::obey(entity_mail mail, caf::execution_unit* on) {
  if (getf(is_terminated_flag)) return;
  try {
    return take(mail, on);
  } catch (const std::exception& e) {
    owner_->ended(slot_, epoch_, e.what());
  } catch (...) {
    owner_->ended(slot_, epoch_, "it threw what is no exception");
  }
  end(caf::exit_reason::unhandled_exception, on);
}

void entity::end(caf::error reason, caf::execution_unit* on) {
  cleanup(std::move(reason), on);
  visits_.reset();
  cell_.reset();
  unregister_from_system();
}

void entity::on_destroy() {
  if (!getf(is_cleaned_up_flag)) end(caf::exit_reason::unreachable, nullptr);
  caf::monitorable_actor::on_destroy();
}

// ---- orders ----

void entity::take(entity_mail& mail, caf::execution_unit* on) {
  switch (mail.what) {
    case entity_order::offer:
      return propose(cell_->offer(std::move(std::get<std::vector<stimulus>>(mail.load)), mail.now));
    case entity_order::committed:
      if (!cell_->in_flight()) return;  // of a cell that was replaced
      cell_->committed(mail.index, mail.ordinal);
      settle();
      return propose(cell_->resume(mail.now));
    case entity_order::evolve:
      return evolve(mail);
    case entity_order::image:
      image_wanted_ = true;
      if (!cell_->in_flight() && !cell_->spoilt()) show_image();
      return;
    case entity_order::stored:
      return cell_->stored();
    case entity_order::rest:
      cell_->rest();
      return owner_->rested(slot_, epoch_, memory());
    case entity_order::passivate: {
      const bool gone = cell_->idle() && !image_wanted_ && !visits_;
      owner_->passivated(slot_, epoch_, gone);
      if (gone) end(caf::exit_reason::normal, on);
      return;
    }
    case entity_order::replace:
      return replace(mail);
    case entity_order::visit:
      return visit(std::move(std::get<std::function<void(cell&)>>(mail.load)));
    case entity_order::leave:
      return end(caf::exit_reason::user_shutdown, on);
  }
}

void entity::evolve(entity_mail& mail) {
  if (cell_->in_flight() || cell_->spoilt()) {
    if (!evolves_) evolves_ = std::make_unique<std::vector<entity_mail>>();
    evolves_->push_back(std::move(mail));
    return;
  }
  const auto& load = std::get<evolve_load>(mail.load);
  const auto entry = entry_view::trusted(*load.entry);
  changes all;
  auto at = entry.begin();
  for (const auto ordinal : load.ordinals) {
    while (at.ordinal() < ordinal) ++at;
    auto one = cell_->evolve(**at, mail.index, ordinal, entry.stamp());
    std::move(one.indexes.begin(), one.indexes.end(), std::back_inserter(all.indexes));
    std::move(one.parked.begin(), one.parked.end(), std::back_inserter(all.parked));
    std::move(one.unparked.begin(), one.unparked.end(), std::back_inserter(all.unparked));
    if (one.reference) all.reference = std::move(one.reference);
  }
  if (cell_->spoilt()) throw std::runtime_error("a child row cannot be read");
  owner_->evolved(slot_, epoch_, std::move(all));
}

void entity::replace(entity_mail& mail) {
  auto legacy = cell_->take_legacy();
  cell_ = std::move(std::get<std::unique_ptr<cell>>(mail.load));
  owner_->activated(slot_, epoch_);
  if (const auto waiting = std::move(evolves_))
    for (auto& held : *waiting) evolve(held);
  settle();
  propose(cell_->inherit(std::move(legacy), mail.now));
}

void entity::visit(std::function<void(cell&)> what) {
  if (!cell_->in_flight() && !cell_->spoilt()) return what(*cell_);
  if (!visits_) visits_ = std::make_unique<std::vector<std::function<void(cell&)>>>();
  visits_->push_back(std::move(what));
}

/// Bytes that this actor takes, with its place in the plant.
std::size_t entity::memory() const {
  constexpr std::size_t control_block = 64;
  constexpr std::size_t place = 256;
  return control_block + sizeof(entity) + place + cell_->memory();
}

void entity::show_image() {
  image_wanted_ = false;
  auto image = cell_->image();
  owner_->imaged(slot_, epoch_, std::move(image), memory());
}

/// Nothing is in flight now: those who wait for committed state get it before the next batch
/// changes it.
void entity::settle() {
  if (image_wanted_) show_image();
  if (!visits_) return;
  const auto waiting = std::move(visits_);
  for (const auto& v : *waiting) v(*cell_);
}

void entity::propose(proposal p) {
  if (!p.empty()) owner_->proposed(slot_, epoch_, std::move(p));
}

}  // namespace millrace
