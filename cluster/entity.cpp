// One order at a time; what reads the state waits until nothing is in flight, so that only
// committed state is seen.
#include "cluster/entity.hpp"

#include <stdexcept>

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/system_messages.hpp>

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

void entity::launch(caf::execution_unit* on, bool lazy, bool hidden) {
  if (!hidden) register_at_system();
  if (lazy && inbox_.try_block()) return;
  intrusive_ptr_add_ref_impl();
  on->exec_later(this);
}

void entity::enqueue(caf::mailbox_element_ptr mail, caf::execution_unit* on) {
  switch (inbox_.push_front(std::move(mail))) {
    case caf::intrusive::inbox_result::unblocked_reader:
      intrusive_ptr_add_ref_impl();
      if (on != nullptr)
        on->exec_later(this);
      else
        home_system().scheduler().enqueue(this);
      return;
    case caf::intrusive::inbox_result::success:
    case caf::intrusive::inbox_result::queue_closed:
      return;  // nobody waits for an answer from an entity
  }
}

/// Reads all mail, in the order it came. What it throws is its end.
caf::resumable::resume_result entity::resume(caf::execution_unit* on, std::size_t) {
  while (true) {
    caf::mailbox_element* oldest = nullptr;
    for (auto* newest = inbox_.take_head(); newest != nullptr;) {
      auto* before = static_cast<caf::mailbox_element*>(newest->next);
      newest->next = oldest;
      oldest = newest;
      newest = before;
    }
    if (oldest == nullptr && inbox_.try_block()) return awaiting_message;
    while (oldest != nullptr) {
      const caf::mailbox_element_ptr mail(oldest);
      oldest = static_cast<caf::mailbox_element*>(oldest->next);
      if (getf(is_terminated_flag)) continue;  // dropped
      try {
        read(*mail, on);
      } catch (const std::exception& e) {
        owner_->ended(slot_, epoch_, e.what());
        end(caf::exit_reason::unhandled_exception, on);
      } catch (...) {
        owner_->ended(slot_, epoch_, "it threw what is no exception");
        end(caf::exit_reason::unhandled_exception, on);
      }
    }
    if (getf(is_terminated_flag)) return done;
  }
}

void entity::read(caf::mailbox_element& mail, caf::execution_unit* on) {
  auto& content = mail.content();
  if (content.match_elements<entity_mail>())
    return take(content.get_mutable_as<entity_mail>(0), on);
  if (content.match_elements<caf::exit_msg>()) end(content.get_as<caf::exit_msg>(0).reason, on);
}

void entity::end(caf::error reason, caf::execution_unit* on) {
  cleanup(std::move(reason), on);
  inbox_.close();
  visits_.reset();
  cell_.reset();
  unregister_from_system();
}

void entity::on_destroy() {
  if (!getf(is_cleaned_up_flag)) end(caf::exit_reason::unreachable, nullptr);
  caf::monitorable_actor::on_destroy();
}

void entity::intrusive_ptr_add_ref_impl() { intrusive_ptr_add_ref(ctrl()); }
void entity::intrusive_ptr_release_impl() { intrusive_ptr_release(ctrl()); }

// ---- orders ----

void entity::take(entity_mail& mail, caf::execution_unit* on) {
  switch (mail.what) {
    case entity_order::offer:
      return propose(cell_->offer(
          std::move(*std::get<std::shared_ptr<std::vector<stimulus>>>(mail.load)), mail.now));
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
      return visit(std::get<std::shared_ptr<std::function<void(cell&)>>>(mail.load));
  }
}

void entity::evolve(entity_mail& mail) {
  if (cell_->in_flight() || cell_->spoilt()) {
    if (!evolves_) evolves_ = std::make_unique<std::vector<entity_mail>>();
    evolves_->push_back(std::move(mail));
    return;
  }
  const auto& load = *std::get<std::shared_ptr<evolve_load>>(mail.load);
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
  auto fresh = std::move(*std::get<std::shared_ptr<std::unique_ptr<cell>>>(mail.load));
  auto legacy = cell_->take_legacy();
  cell_ = std::move(fresh);
  owner_->activated(slot_, epoch_);
  if (const auto waiting = std::move(evolves_))
    for (auto& held : *waiting) evolve(held);
  settle();
  propose(cell_->inherit(std::move(legacy), mail.now));
}

void entity::visit(std::shared_ptr<std::function<void(cell&)>> what) {
  if (!cell_->in_flight() && !cell_->spoilt()) return (*what)(*cell_);
  if (!visits_)
    visits_ = std::make_unique<std::vector<std::shared_ptr<std::function<void(cell&)>>>>();
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
  for (const auto& v : *waiting) (*v)(*cell_);
}

void entity::propose(proposal p) {
  if (!p.empty()) owner_->proposed(slot_, epoch_, std::move(p));
}

}  // namespace millrace
