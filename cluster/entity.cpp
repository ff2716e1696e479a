// One order at a time; what reads the state waits until nothing is in flight, so that only
// committed state is seen.
#include "cluster/entity.hpp"

#include "cluster/entry.hpp"

namespace millrace {

entity::entity(caf::actor_config& config, entity_owner& owner, slot_number slot,
               std::uint64_t epoch, std::unique_ptr<cell> c)
    : caf::event_based_actor(config),
      owner_(&owner),
      cell_(std::move(c)),
      epoch_(epoch),
      slot_(slot) {}

caf::behavior entity::make_behavior() {
  return {[this](entity_mail& mail) { take(mail); }};
}

void entity::take(entity_mail& mail) {
  switch (mail.what) {
    case entity_order::offer:
      return propose(cell_->offer(
          std::move(*std::get<std::shared_ptr<std::vector<stimulus>>>(mail.load)), mail.now));
    case entity_order::committed:
      if (!cell_->in_flight()) return;  // of a cell that was replaced
      cell_->committed(mail.index, mail.ordinal);
      settle();
      return propose(cell_->resume(mail.now));
    case entity_order::evolve: {
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
      return owner_->evolved(slot_, epoch_, std::move(all));
    }
    case entity_order::image:
      image_wanted_ = true;
      if (!cell_->in_flight()) show_image();
      return;
    case entity_order::stored:
      return cell_->stored();
    case entity_order::passivate: {
      const bool gone = cell_->idle() && !image_wanted_ && !visits_;
      owner_->passivated(slot_, epoch_, gone);
      if (gone) quit();
      return;
    }
    case entity_order::replace:
      return replace(mail);
    case entity_order::visit:
      return visit(std::get<std::shared_ptr<std::function<void(cell&)>>>(mail.load));
  }
}

void entity::replace(entity_mail& mail) {
  auto fresh = std::move(*std::get<std::shared_ptr<std::unique_ptr<cell>>>(mail.load));
  auto legacy = cell_->take_legacy();
  cell_ = std::move(fresh);
  owner_->activated(slot_, epoch_);
  settle();
  propose(cell_->inherit(std::move(legacy), mail.now));
}

void entity::visit(std::shared_ptr<std::function<void(cell&)>> what) {
  if (!cell_->in_flight() && !cell_->spoilt()) return (*what)(*cell_);
  if (!visits_)
    visits_ = std::make_unique<std::vector<std::shared_ptr<std::function<void(cell&)>>>>();
  visits_->push_back(std::move(what));
}

void entity::show_image() {
  image_wanted_ = false;
  auto image = cell_->image();
  owner_->imaged(slot_, epoch_, std::move(image), sizeof(entity) + 256 + cell_->memory());
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
