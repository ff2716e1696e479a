// The plant's life is read before its onboarding: an onboarding begins only before the plant is
// active, so a plant that was active and then had none never has one.
#include "nodes/adapters/staged_sink.hpp"

#include <flatbuffers/flatbuffers.h>

#include <utility>

#include "actors/onboarding.hpp"
#include "schemas/platform/plant_kind.hpp"

namespace millrace {
namespace {

constexpr std::uint32_t put_off_ms = 100;

attempt_result put_off(std::string why) {
  attempt_result out;
  out.what = attempt_result::verdict::retry;
  out.detail = std::move(why);
  out.retry_after_ms = put_off_ms;
  return out;
}

template <class Table>
typename Table::NativeTableType unpacked(const actor_view& view) {
  typename Table::NativeTableType out;
  flatbuffers::GetRoot<Table>(view.state.data())->UnPackTo(&out);
  return out;
}

}  // namespace

void staged_sink::attempt_delivery(attempt a, done_attempt cb) {
  {
    const std::lock_guard lock(mutex_);
    if (ordinary_.contains(a.plant)) return real_.attempt_delivery(std::move(a), std::move(cb));
  }
  auto* engine = engine_.load();
  if (engine == nullptr) return cb(put_off("the node is starting"));
  address site{a.plant, "plant", a.plant};
  engine->read(std::move(site), consistency::local,
               [this, a = std::move(a), cb = std::move(cb)](result<actor_view> view) mutable {
                 if (!view && view.error().code != "actor.unknown")
                   return cb(put_off(view.error().detail));
                 const bool active =
                     view && unpacked<plant::State>(*view).life != plant::Life::commissioned;
                 ask_stage(std::move(a), std::move(cb), active);
               });
}

void staged_sink::ask_stage(attempt a, done_attempt cb, bool was_active) {
  address process{a.plant, "onboarding", std::string(actors::onboarding::its_id)};
  engine_.load()->read(
      std::move(process), consistency::local,
      [this, was_active, a = std::move(a), cb = std::move(cb)](result<actor_view> view) mutable {
        if (!view && view.error().code != "actor.unknown") return cb(put_off(view.error().detail));
        if (view && !actors::leaves(unpacked<onboarding::State>(*view), a.actor, a.filed_at))
          return keep_back(a, cb);
        if (!view && was_active) {
          const std::lock_guard lock(mutex_);
          ordinary_.insert(a.plant);
        }
        real_.attempt_delivery(std::move(a), std::move(cb));
      });
}

void staged_sink::keep_back(const attempt& a, const done_attempt& cb) {
  ++kept_back_;
  attempt_result out;
  const auto made = dry_(a);
  out.what = made ? attempt_result::verdict::acknowledged : attempt_result::verdict::dead;
  out.detail = made ? "kept back: the plant is not live" : made.error().detail;
  out.answered = true;
  cb(std::move(out));
}

}  // namespace millrace
