// A recipe's decisions: drafts may be made anew, approved revisions stay as they are, obsolete ones
// leave the state for a row.
#include "actors/recipe.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "actors/by_whom.hpp"
#include "actors/rules.hpp"
#include "schemas/text.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::recipe;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::size_t revisions_max = 16;

bool effectivity_sound(timestamp from, timestamp to) { return !to.given() || from < to; }

made bad_effectivity() {
  return made::refuse(Refusal::effectivity_invalid, "The effectivity ends before it begins.");
}

std::optional<made> check_phases(const DefineT& c) {
  const auto known = [&](const std::string& phase) {
    return phase.empty() ||
           std::ranges::any_of(c.phases, [&](const auto& p) { return p.phase == phase; });
  };
  for (std::size_t i = 0; i < c.phases.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (c.phases[i].phase == c.phases[j].phase)
        return made::refuse(Refusal::named_twice, "Phase " + c.phases[i].phase + " appears twice.");
  for (const auto& one : c.parameters)
    if (!known(one.phase))
      return made::refuse(Refusal::phase_unknown, "Parameter " + one.parameter + " names phase " +
                                                      one.phase + ", which there is not.");
  for (const auto& one : c.formula)
    if (!known(one.phase))
      return made::refuse(Refusal::phase_unknown, "Formula line " + one.material + " names phase " +
                                                      one.phase + ", which there is not.");
  return std::nullopt;
}

std::optional<made> check_parameters(const DefineT& c) {
  for (std::size_t i = 0; i < c.parameters.size(); ++i) {
    const auto& one = c.parameters[i];
    for (std::size_t j = 0; j < i; ++j)
      if (one.parameter == c.parameters[j].parameter && one.phase == c.parameters[j].phase)
        return made::refuse(Refusal::named_twice, "Parameter " + one.parameter + " appears twice.");
    if (one.lower && one.upper && *one.lower > *one.upper)
      return made::refuse(Refusal::limits_invalid,
                          "The lower limit of " + one.parameter + " is above its upper limit.");
    if (one.target &&
        ((one.lower && *one.target < *one.lower) || (one.upper && *one.target > *one.upper)))
      return made::refuse(Refusal::limits_invalid,
                          "The target of " + one.parameter + " is outside its limits.");
  }
  return std::nullopt;
}

std::optional<made> check_formula(const DefineT& c) {
  if (c.formula.empty()) return std::nullopt;  // the order's components say what goes in
  bool makes = false;
  for (const auto& one : c.formula) {
    if (one.material == c.material && one.use == Use::input)
      return made::refuse(Refusal::formula_invalid, "The product cannot go into itself.");
    makes = makes || (one.material == c.material && one.use == Use::output);
  }
  if (!makes)
    return made::refuse(Refusal::formula_invalid,
                        "The formula has no output of " + c.material + '.');
  return std::nullopt;
}

made define(const StateT& state, const DefineT& c, context& ctx) {
  if (ctx.sequence() != 0 && state.material != c.material)
    return made::refuse(Refusal::material_differs, "The recipe makes " + state.material + '.');
  const auto known = std::ranges::find_if(state.revisions,
                                          [&](const auto& r) { return r.revision == c.revision; });
  if (known != state.revisions.end() && known->status != Status::draft)
    return made::refuse(Refusal::approved, "Revision " + c.revision + " is approved.");
  if (known == state.revisions.end() && state.revisions.size() >= revisions_max)
    return made::refuse(Refusal::revisions_full, "At most 16 revisions are in force or drafted.");
  if (!effectivity_sound(c.effective_from, c.effective_to)) return bad_effectivity();
  if (auto bad = check_phases(c)) return std::move(*bad);
  if (auto bad = check_parameters(c)) return std::move(*bad);
  if (auto bad = check_formula(c)) return std::move(*bad);
  made d;
  DefinedT event;
  event.material = c.material;
  event.plm_id = c.plm_id;
  event.revision = std::make_unique<RevisionT>();
  auto& r = *event.revision;
  r.revision = c.revision;
  r.batch_size = c.batch_size;
  r.unit = c.unit;
  r.formula = c.formula;
  r.phases = c.phases;
  r.parameters = c.parameters;
  r.effective_from = c.effective_from;
  r.effective_to = c.effective_to;
  r.description = c.description;
  r.defined_by = by_whom(ctx);
  r.defined_at = ctx.now();
  d.emit(std::move(event));
  return d;
}

made unknown(const std::string& revision) {
  return made::refuse(Refusal::revision_unknown, "Revision " + revision + " is not defined.");
}

made approve(const StateT& state, const ApproveT& c, context& ctx) {
  const auto* found = find_revision(state, c.revision);
  if (found == nullptr) return unknown(c.revision);
  if (found->status != Status::draft)
    return made::refuse(Refusal::approved, "Revision " + c.revision + " is approved already.");
  const auto by = by_whom(ctx);
  if (rule_of(ctx, "recipe.approve_second_person") == "yes" &&
      is_same_person(by, found->defined_by))
    return made::refuse(Refusal::second_person,
                        "Someone else than " + by + ", who defined it, approves.");
  ApprovedT event;
  event.revision = c.revision;
  event.by = by;
  event.effective_from = c.effective_from.given()        ? c.effective_from
                         : found->effective_from.given() ? found->effective_from
                                                         : ctx.now();
  event.effective_to = c.effective_to.given() ? c.effective_to : found->effective_to;
  if (!effectivity_sound(event.effective_from, event.effective_to)) return bad_effectivity();
  made d;
  d.emit(std::move(event));
  return d;
}

made set_effectivity(const StateT& state, const SetEffectivityT& c) {
  const auto* found = find_revision(state, c.revision);
  if (found == nullptr) return unknown(c.revision);
  if (found->status != Status::approved)
    return made::refuse(Refusal::not_approved, "Revision " + c.revision + " is a draft.");
  EffectivitySetT event;
  event.revision = c.revision;
  event.effective_from = c.effective_from.given() ? c.effective_from : found->effective_from;
  event.effective_to = c.effective_to;
  if (!effectivity_sound(event.effective_from, event.effective_to)) return bad_effectivity();
  made d;
  if (event.effective_from == found->effective_from && event.effective_to == found->effective_to)
    return d;
  d.emit(std::move(event));
  return d;
}

made make_obsolete(const StateT& state, const ObsoleteT& c, context& ctx) {
  if (find_revision(state, c.revision) == nullptr) return unknown(c.revision);
  made d;
  ObsoletedT event;
  event.revision = c.revision;
  event.reason = c.reason;
  event.by = by_whom(ctx);
  d.emit(std::move(event));
  return d;
}

RevisionT* revision_in(StateT& state, const std::string& revision) {
  const auto at =
      std::ranges::find_if(state.revisions, [&](const auto& r) { return r.revision == revision; });
  return at == state.revisions.end() ? nullptr : &*at;
}

void obsoleted(StateT& state, const ObsoletedT& e, evolution& evo) {
  auto* found = revision_in(state, e.revision);
  if (found == nullptr) return;
  ObsoleteRowT row;
  row.revision = std::make_unique<RevisionT>(*found);
  row.revision->status = Status::obsolete;
  row.reason = e.reason;
  row.at = evo.stamp();
  evo.put_row("obsolete_revisions", e.revision + '~' + std::to_string(++state.obsolete), row);
  std::erase_if(state.revisions, [&](const auto& r) { return r.revision == e.revision; });
  if (state.approved != e.revision) return;
  state.approved.clear();
  timestamp last;
  for (const auto& one : state.revisions) {
    if (one.status != Status::approved || one.approved_at < last) continue;
    last = one.approved_at;
    state.approved = one.revision;
  }
}

}  // namespace

const RevisionT* find_revision(const StateT& state, std::string_view revision) {
  const std::string_view wanted = revision.empty() ? std::string_view(state.approved) : revision;
  for (const auto& one : state.revisions)
    if (one.revision == wanted) return &one;
  return nullptr;
}

bool is_effective(const RevisionT& revision, timestamp at) {
  return revision.status == Status::approved && revision.effective_from <= at &&
         (!revision.effective_to.given() || at < revision.effective_to);
}

decision<recipe::schema> recipe::decide(const schema::state& state, const schema::command& command,
                                        context& ctx) {
  switch (command.type) {
    case Command::Define:
      return define(state, *command.AsDefine(), ctx);
    case Command::Approve:
      return approve(state, *command.AsApprove(), ctx);
    case Command::SetEffectivity:
      return set_effectivity(state, *command.AsSetEffectivity());
    case Command::Obsolete:
      return make_obsolete(state, *command.AsObsolete(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> recipe::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::Defined: {
      const auto& e = *event.AsDefined();
      if (!e.revision) return error{"kind.fault", "Defined without a revision"};
      state.material = e.material;
      state.description = e.revision->description;
      if (!e.plm_id.empty()) state.plm_id = e.plm_id;
      if (auto* known = revision_in(state, e.revision->revision))
        *known = *e.revision;
      else
        state.revisions.push_back(*e.revision);
      return {};
    }
    case Event::Approved: {
      const auto& e = *event.AsApproved();
      auto* found = revision_in(state, e.revision);
      if (found == nullptr) return error{"kind.fault", "Approved without a revision"};
      found->status = Status::approved;
      found->approved_by = e.by;
      found->approved_at = evo.stamp();
      found->effective_from = e.effective_from;
      found->effective_to = e.effective_to;
      state.approved = e.revision;
      return {};
    }
    case Event::EffectivitySet: {
      const auto& e = *event.AsEffectivitySet();
      if (auto* found = revision_in(state, e.revision)) {
        found->effective_from = e.effective_from;
        found->effective_to = e.effective_to;
      }
      return {};
    }
    case Event::Obsoleted:
      obsoleted(state, *event.AsObsoleted(), evo);
      return {};
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
