// The rule of the second person, looked at before a kind decides.
#include "actors/second_person.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "actors/ownership.hpp"
#include "actors/rules.hpp"
#include "cluster/approval.hpp"
#include "schemas/quality/inspection_generated.h"

namespace millrace::actors {

namespace {

class guarded_kind final : public kind {
 public:
  explicit guarded_kind(std::unique_ptr<kind> inner) : inner_(std::move(inner)) {
    for (const auto& a : approvable_commands)
      if (a.kind == inner_->model().name) own_.push_back(&a);
  }

  [[nodiscard]] const kind_model& model() const override { return inner_->model(); }
  [[nodiscard]] std::unique_ptr<state_object> create() const override { return inner_->create(); }
  [[nodiscard]] std::unique_ptr<state_object> load(bytes_view table) const override {
    return inner_->load(table);
  }
  [[nodiscard]] bytes save(const state_object& state) const override { return inner_->save(state); }
  [[nodiscard]] const void* native(const state_object& state) const override {
    return inner_->native(state);
  }
  [[nodiscard]] result<void> evolve(state_object& state, std::uint8_t type, bytes_view body,
                                    evolution& evo) const override {
    return inner_->evolve(state, type, body, evo);
  }
  void index_values(const state_object& state, std::vector<std::string>& out) const override {
    inner_->index_values(state, out);
  }

  [[nodiscard]] decided decide(state_object& state, const input& in, context& ctx,
                               evolution& evo) const override {
    const auto* command = std::get_if<command_input>(&in);
    const auto* asked = command == nullptr || ctx.from().is_actor || ctx.reposting()
                            ? nullptr
                            : asked_for(*command, ctx);
    if (asked == nullptr) {
      auto d = inner_->decide(state, in, ctx, evo);
      if (command != nullptr && !ctx.from().is_actor && !ctx.reposting() &&
          d.outcome == engine::Outcome::refused && d.code == "command.not_owner")
        tell_violation(d, model(), *command, ctx);
      return d;
    }
    decided out;
    out.outcome = engine::Outcome::parked;
    out.code = approval_needed;
    out.detail = std::string(asked->command) + " waits for a second person: rule " +
                 std::string(asked->rule.name);
    return out;
  }

 private:
  /// Null when nobody need be asked.
  const approvable* asked_for(const command_input& in, context& ctx) const {
    const auto* what = model().command(in.command);
    for (const auto* a : own_)
      if (what != nullptr && a->command == what->wire_name &&
          (a->applies == nullptr || a->applies(in.body)))
        return rule_of(ctx, a->rule.name) == "yes" ? a : nullptr;
    return nullptr;
  }

  std::unique_ptr<kind> inner_;
  std::vector<const approvable*> own_;
};

}  // namespace

bool makes_usable(bytes_view decide_usage) {
  const auto* c = flatbuffers::GetRoot<millrace::inspection::DecideUsage>(decide_usage.data());
  if (c->decision() != millrace::batch::Decision::reject) return true;
  const auto usable = [](const millrace::batch::Quantity* q) {
    return q->stock() == millrace::batch::StockType::unrestricted ||
           q->stock() == millrace::batch::StockType::restricted;
  };
  return c->quantities() != nullptr &&
         std::any_of(c->quantities()->begin(), c->quantities()->end(), usable);
}

std::unique_ptr<kind> with_second_person(std::unique_ptr<kind> inner) {
  return std::make_unique<guarded_kind>(std::move(inner));
}

}  // namespace millrace::actors
