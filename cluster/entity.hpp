// An actor of the plant floor as a CAF actor: a cell and its mailbox. It knows no host, only where
// proposals go. It ends with an error when its code throws; its plant then makes a new one from
// what is committed.
#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>

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
  virtual void passivated(slot_number slot, std::uint64_t epoch, bool gone) = 0;
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

class entity final : public caf::event_based_actor {
 public:
  entity(caf::actor_config& config, entity_owner& owner, slot_number slot, std::uint64_t epoch,
         std::unique_ptr<cell> c);
  const char* name() const override { return "entity"; }

 protected:
  caf::behavior make_behavior() override;

 private:
  void take(entity_mail& mail);
  void replace(entity_mail& mail);
  void visit(std::shared_ptr<std::function<void(cell&)>> what);
  void show_image();
  void propose(proposal p);
  void settle();

  entity_owner* owner_;
  std::unique_ptr<cell> cell_;
  std::unique_ptr<std::vector<std::shared_ptr<std::function<void(cell&)>>>>
      visits_;  // wait for the batch in flight
  std::uint64_t epoch_;
  slot_number slot_;
  bool image_wanted_ = false;
};

}  // namespace millrace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(millrace::entity_mail)
