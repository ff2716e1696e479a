// Who may write what: fields of shared master data belong to the system that a plant's rules name,
// a delegation lets another system write a field, or send a command, for a while, and who does
// without is on record.
#pragma once

#include <string>
#include <string_view>

#include "cluster/decision.hpp"
#include "cluster/kind.hpp"
#include "schemas/platform/ownership_kind.hpp"

namespace millrace::actors {

struct ownership {
  using schema = millrace::ownership::schema;
  static constexpr std::string_view its_id = "plant";
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

/// The system that the rule of "material.routing" names; none = shared.
[[nodiscard]] System owner_of(context& ctx, std::string_view field);
/// Whether the caller may write the field: it speaks for the owner, for a system that the plant has
/// delegated it to, or is an actor.
[[nodiscard]] bool may_write(context& ctx, std::string_view field);

/// The delegation by which one of these systems may send "order/confirm-operation" at `now`; null =
/// it may not.
[[nodiscard]] const millrace::ownership::DelegationT* find_delegation(
    const millrace::ownership::StateT& state, std::string_view command, system_set systems,
    timestamp now);

/// Adds to a refusal of a client's command that belongs to another system the message that puts it
/// on record.
void tell_violation(decided& refusal, const kind_model& of, const command_input& in,
                    const context& ctx);

}  // namespace millrace::actors
