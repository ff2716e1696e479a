// Owners by rule, delegations by state, checked against the schema: each names a command or a field
// that somebody owns.
#include "actors/ownership.hpp"

#include <algorithm>

#include "actors/by_whom.hpp"
#include "actors/owned_fields.hpp"
#include "schemas/model.hpp"

namespace millrace::actors {

namespace {

namespace own = millrace::ownership;
using made = decision<own::schema>;

constexpr std::size_t delegations_max = 50;

bool has_owner(std::string_view choices, System owner) {
  const std::string name = EnumNameSystem(owner);
  return ('|' + std::string(choices) + '|').find('|' + name + '|') != std::string::npos;
}

/// Empty, or why that system does not own it.
std::string wrong_command(const std::string& name, System owner) {
  const auto slash = name.find('/');
  const auto* kind = schema_model::built_in().kind(name.substr(0, slash));
  const auto* command = kind == nullptr || slash == std::string::npos
                            ? nullptr
                            : kind->command(std::string_view(name).substr(slash + 1));
  if (command == nullptr || command->internal)
    return "There is no command " + name + ", as in \"order/confirm-operation\".";
  if (command->any_owner || ((command->owners >> static_cast<unsigned>(owner)) & 1u) == 0)
    return name + " does not belong to " + EnumNameSystem(owner) + '.';
  return {};
}

std::string wrong_field(const std::string& name, System owner) {
  const auto known =
      std::ranges::find_if(owned_fields, [&](const auto& f) { return f.name == name; });
  if (known == owned_fields.end())
    return "No rule says whose the field " + name + " is, as in \"material.routing\".";
  if (!has_owner(known->rule.choices, owner))
    return name + " cannot belong to " + EnumNameSystem(owner) + '.';
  return {};
}

std::string wrong(const own::DelegateT& c, timestamp from, timestamp now) {
  if (c.command.empty() == c.field.empty()) return "Name either a command or a field.";
  if (c.owner == System::none || c.to == System::none || c.owner == c.to)
    return "Two systems are needed: the owner, and who it is delegated to.";
  if (c.owner == System::ops) return "What belongs to platform operations stays with them.";
  if (!c.until.given() || c.until <= from || c.until <= now)
    return "It has to end, after it has begun and not before now.";
  return c.field.empty() ? wrong_command(c.command, c.owner) : wrong_field(c.field, c.owner);
}

bool is_over(const own::DelegationT& one, timestamp now) { return one.until <= now; }

bool is_in_force(const own::DelegationT& one, timestamp now) {
  return one.from <= now && now < one.until;
}

made delegate(const own::StateT& state, const own::DelegateT& c, context& ctx) {
  if (ctx.id() != ownership::its_id)
    return made::refuse(own::Refusal::id_invalid, "A plant has one ownership, called plant.");
  const auto from = c.from.given() ? c.from : ctx.now();
  if (auto why = wrong(c, from, ctx.now()); !why.empty())
    return made::refuse(own::Refusal::delegation_invalid, std::move(why));
  const auto open = std::ranges::count_if(
      state.delegations, [&](const auto& one) { return !is_over(one, ctx.now()); });
  if (static_cast<std::size_t>(open) >= delegations_max)
    return made::refuse(own::Refusal::delegations_full, "End one of them first.");
  const bool known = std::ranges::any_of(state.delegations, [&](const auto& one) {
    return one.delegation == c.delegation && !is_over(one, ctx.now());
  });
  if (known)
    return made::refuse(own::Refusal::delegation_exists,
                        "Delegation " + c.delegation + " is in force.");
  made d;
  own::DelegatedT event;
  event.delegation = std::make_unique<own::DelegationT>();
  auto& one = *event.delegation;
  one.delegation = c.delegation;
  one.owner = c.owner;
  one.to = c.to;
  one.command = c.command;
  one.field = c.field;
  one.from = from;
  one.until = c.until;
  one.reason = c.reason;
  one.by = by_whom(ctx);
  d.emit(std::move(event));
  return d;
}

made end_delegation(const own::StateT& state, const own::EndDelegationT& c, context& ctx) {
  const bool known = std::ranges::any_of(
      state.delegations, [&](const auto& one) { return one.delegation == c.delegation; });
  if (!known)
    return made::refuse(own::Refusal::delegation_unknown,
                        "There is no delegation " + c.delegation + '.');
  made d;
  own::DelegationEndedT event;
  event.delegation = c.delegation;
  event.reason = c.reason;
  event.by = by_whom(ctx);
  d.emit(std::move(event));
  return d;
}

made note_violation(const own::NoteViolationT& c) {
  made d;
  own::ViolatedT event;
  event.actor = c.actor;
  event.command = c.command;
  event.detail = c.detail;
  event.systems = c.systems;
  event.principal = c.principal;
  event.person = c.person;
  d.emit(std::move(event));
  return d;
}

}  // namespace

decision<own::schema> ownership::decide(const schema::state& state, const schema::command& command,
                                        context& ctx) {
  switch (command.type) {
    case own::Command::Delegate:
      return delegate(state, *command.AsDelegate(), ctx);
    case own::Command::EndDelegation:
      return end_delegation(state, *command.AsEndDelegation(), ctx);
    case own::Command::NoteViolation:
      return note_violation(*command.AsNoteViolation());
    case own::Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> ownership::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case own::Event::Delegated: {
      const auto* given = event.AsDelegated()->delegation.get();
      if (given == nullptr) return error{"kind.fault", "Delegated without a delegation"};
      std::erase_if(state.delegations, [&](const auto& one) {
        return is_over(one, evo.stamp()) || one.delegation == given->delegation;
      });
      state.delegations.push_back(*given);
      return {};
    }
    case own::Event::DelegationEnded:
      std::erase_if(state.delegations, [&](const auto& one) {
        return one.delegation == event.AsDelegationEnded()->delegation;
      });
      return {};
    case own::Event::Violated:
      ++state.violations;
      return {};
    case own::Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

System owner_of(context& ctx, std::string_view field) {
  const auto named = system_number(rule_of(ctx, "owner." + std::string(field)));
  return named ? static_cast<System>(*named) : System::none;
}

bool may_write(context& ctx, std::string_view field) {
  if (ctx.from().is_actor) return true;
  const auto owner = owner_of(ctx, field);
  if (owner == System::none || ctx.from().speaks_for(owner)) return true;
  const auto* lent = ctx.look_up<ownership>(ownership::its_id);
  return lent != nullptr && std::ranges::any_of(lent->delegations, [&](const auto& one) {
           return one.field == field && ctx.from().speaks_for(one.to) &&
                  is_in_force(one, ctx.now());
         });
}

const own::DelegationT* find_delegation(const own::StateT& state, std::string_view command,
                                        system_set systems, timestamp now) {
  for (const auto& one : state.delegations)
    if (one.command == command && ((systems >> static_cast<unsigned>(one.to)) & 1u) != 0 &&
        is_in_force(one, now))
      return &one;
  return nullptr;
}

void tell_violation(decided& refusal, const kind_model& of, const command_input& in,
                    const context& ctx) {
  const auto& from = ctx.from();
  const auto* command = of.command(in.command);
  own::NoteViolationT note;
  note.actor = of.name + '/' + std::string(ctx.id());
  note.command = command == nullptr ? std::string() : command->wire_name;
  note.detail = refusal.detail;
  note.systems = system_names(from.systems);
  note.principal = from.principal;
  note.person = from.on_behalf_of;
  made d;
  d.tell<own::schema>(ownership::its_id, note);
  refusal.effects = std::move(d.effects);
}

}  // namespace millrace::actors
