// The orders to the entities of one plant, carried out by the thread that runs the plant, right
// after its turn. Through the scheduler each order would be a hand-over between threads, in both
// directions; that costs more than most orders, and nothing is won by it while a machine has fewer
// cores than plants.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/execution_unit.hpp>

#include "cluster/entity.hpp"

namespace millrace {

/// Used by one thread at a time.
class crew {
 public:
  /// `to` is an entity. It obeys in work(), after all that were given before.
  void give(const caf::actor& to, entity_mail mail) { orders_.push_back({to, std::move(mail)}); }

  /// Carries out all orders, those too that are given meanwhile. `on` is the unit that the calling
  /// actor runs on. False: there were none.
  bool work(caf::execution_unit* on) {
    if (orders_.empty()) return false;
    for (std::size_t i = 0; i < orders_.size(); ++i) {
      auto [to, mail] = std::move(orders_[i]);  // the queue may move
      static_cast<entity*>(caf::actor_cast<caf::abstract_actor*>(to))->obey(std::move(mail), on);
    }
    orders_.clear();
    return true;
  }

 private:
  struct order {
    caf::actor to;
    entity_mail mail;
  };
  std::vector<order> orders_;
};

}  // namespace millrace
