// An actor of the plant floor as a CAF actor: a cell and its mailbox. It knows no host, only where
// proposals go. It ends with an error when its code throws; its plant then makes a new one from
// what is committed.
//
// There are as many as the memory holds, so it is the smallest CAF actor that can be scheduled and
// supervised: caf::event_based_actor has a kilobyte of queues, behaviors and handlers that an
// entity, which takes one type of message in order and sends none, would never use.
#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/error.hpp>
#include <caf/intrusive/lifo_inbox.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>

#include "cluster/cell.hpp"
#include "cluster/host.hpp"

namespace millrace {

/// Where an entity's answers go. Thread-safe; outlives all entities.
class entity_owner {
 public:
  virtual ~entity_owner() = default;
  virtual void activated(slot_number slot, std::uint64_t epoch) = 0;
  virtual void proposed(slot_number slot, std::uint64_t epoch, proposal p) = 0;
  virtual void evolved(slot_number slot, std::uint64_t epoch, changes what) = 0;
  virtual void imaged(slot_number slot, std::uint64_t epoch,
                      std::shared_ptr<const actor_image> image, std::size_t cell_bytes) = 0;
  virtual void rested(slot_number slot, std::uint64_t epoch, std::size_t cell_bytes) = 0;
  virtual void passivated(slot_number slot, std::uint64_t epoch, bool gone) = 0;
  /// It ended since its code threw: nothing comes from it any more.
  virtual void ended(slot_number slot, std::uint64_t epoch, std::string why) = 0;
  [[nodiscard]] virtual timestamp now() const = 0;
};

/// What an entity is told; one message type, so that thousands of idle entities carry one small
/// behavior each.
enum class entity_order : std::uint8_t {
  offer,
  committed,
  evolve,
  image,
  stored,
  rest,
  passivate,
  replace,
  visit
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
  std::variant<std::monostate, std::shared_ptr<std::vector<stimulus>>, std::shared_ptr<evolve_load>,
               std::shared_ptr<std::unique_ptr<cell>>, std::shared_ptr<std::function<void(cell&)>>>
      load;
};

class entity final : public caf::monitorable_actor, public caf::resumable {
 public:
  entity(caf::actor_config& config, entity_owner& owner, slot_number slot, std::uint64_t epoch,
         std::unique_ptr<cell> c);
  const char* name() const override { return "entity"; }

  // As CAF has it for actors that are spawned, sent to and scheduled. Any thread may enqueue.
  using behavior_type = caf::behavior;
  void launch(caf::execution_unit* on, bool lazy, bool hidden);
  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr mail, caf::execution_unit* on) override;
  subtype_t subtype() const override { return unspecified; }
  resume_result resume(caf::execution_unit* on, std::size_t throughput) override;
  void intrusive_ptr_add_ref_impl() override;
  void intrusive_ptr_release_impl() override;
  void on_destroy() override;

 private:
  struct inbox_policy {
    using mapped_type = caf::mailbox_element;
    using unique_pointer = caf::mailbox_element_ptr;
  };

  void read(caf::mailbox_element& mail, caf::execution_unit* on);
  void end(caf::error reason, caf::execution_unit* on);
  void take(entity_mail& mail, caf::execution_unit* on);
  void evolve(entity_mail& mail);
  void replace(entity_mail& mail);
  void visit(std::shared_ptr<std::function<void(cell&)>> what);
  void show_image();
  [[nodiscard]] std::size_t memory() const;
  void propose(proposal p);
  void settle();

  entity_owner* owner_;
  std::unique_ptr<cell> cell_;
  std::unique_ptr<std::vector<std::shared_ptr<std::function<void(cell&)>>>>
      visits_;                                         // wait for the batch in flight
  std::unique_ptr<std::vector<entity_mail>> evolves_;  // wait for another cell: what this one has
                                                       // in flight will not commit
  caf::intrusive::lifo_inbox<inbox_policy> inbox_;
  std::uint64_t epoch_;
  slot_number slot_;
  bool image_wanted_ = false;
};

}  // namespace millrace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(millrace::entity_mail)
