// An actor of the plant floor as a CAF actor: a cell and its place in the actor system. It knows no
// host, only where proposals go. It ends with an error when its code throws; its plant then makes a
// new one from what is committed.
//
// There are as many as the memory holds, so it is the smallest CAF actor that can be named and
// supervised: caf::event_based_actor has a kilobyte of queues, behaviors and handlers that an
// entity, which takes one type of order and sends no message, would never use. Its mail is in the
// queue of its plant (crew.hpp), and its inputs wait in the stash of its cell.
#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/error.hpp>
#include <caf/monitorable_actor.hpp>

#include "cluster/cell.hpp"
#include "cluster/host.hpp"

namespace millrace {

/// Where an entity's answers go, on the thread that gave the order. Outlives all entities. What
/// throws in here is no fault of the entity: the process ends.
class entity_owner {
 public:
  virtual ~entity_owner() = default;
  virtual void activated(slot_number slot, std::uint64_t epoch) noexcept = 0;
  virtual void proposed(slot_number slot, std::uint64_t epoch, proposal p) noexcept = 0;
  virtual void evolved(slot_number slot, std::uint64_t epoch, changes what) noexcept = 0;
  virtual void imaged(slot_number slot, std::uint64_t epoch,
                      std::shared_ptr<const actor_image> image,
                      std::size_t cell_bytes) noexcept = 0;
  virtual void rested(slot_number slot, std::uint64_t epoch, std::size_t cell_bytes) noexcept = 0;
  virtual void passivated(slot_number slot, std::uint64_t epoch, bool gone) noexcept = 0;
  /// It ended since its code threw: nothing comes from it any more.
  virtual void ended(slot_number slot, std::uint64_t epoch, std::string why) noexcept = 0;
  [[nodiscard]] virtual timestamp now() const = 0;
};

/// What an entity is told.
enum class entity_order : std::uint8_t {
  offer,
  committed,
  evolve,
  image,
  stored,
  rest,
  passivate,
  replace,
  visit,
  leave
};

/// Records of one entry that this actor did not propose.
struct evolve_load {
  shared_bytes entry;
  std::vector<std::uint32_t> ordinals;  // ascending
};

struct entity_mail {
  entity_order what = entity_order::offer;
  std::uint32_t ordinal = 0;  // committed
  journal_index index = 0;    // committed, evolve
  timestamp now;
  std::variant<std::monostate, std::vector<stimulus>, evolve_load, std::unique_ptr<cell>,
               std::function<void(cell&)>>
      load;
};

/// Used by one thread at a time: the one that runs its plant.
class entity final : public caf::monitorable_actor {
 public:
  entity(caf::actor_config& config, entity_owner& owner, slot_number slot, std::uint64_t epoch,
         std::unique_ptr<cell> c);
  const char* name() const override { return "entity"; }

  /// Carries out an order. What it throws is the entity's end, of which the owner is told; orders
  /// to one that has ended are dropped.
  void obey(entity_mail mail, caf::execution_unit* on);

  // As CAF has it for actors that are spawned. Its plant gives the orders: mail is dropped.
  using behavior_type = caf::behavior;
  void launch(caf::execution_unit* on, bool lazy, bool hidden);
  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr mail, caf::execution_unit* on) override;
  void on_destroy() override;

 private:
  void end(caf::error reason, caf::execution_unit* on);
  void take(entity_mail& mail, caf::execution_unit* on);
  void evolve(entity_mail& mail);
  void replace(entity_mail& mail);
  void visit(std::function<void(cell&)> what);
  void show_image();
  [[nodiscard]] std::size_t memory() const;
  void propose(proposal p);
  void settle();

  entity_owner* owner_;
  std::unique_ptr<cell> cell_;
  std::unique_ptr<std::vector<std::function<void(cell&)>>> visits_;  // wait for the batch in flight
  std::unique_ptr<std::vector<entity_mail>> evolves_;  // wait for another cell: what this one has
                                                       // in flight will not commit
  std::uint64_t epoch_;
  slot_number slot_;
  bool image_wanted_ = false;
};

}  // namespace millrace
