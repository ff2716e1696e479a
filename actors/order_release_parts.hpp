// The release process's steps; internal to actors/order_release*.cpp.
// A draft carries the decision and the state as its events so far leave it, so that one input can
// take several steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "actors/order_release.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::actors::release_parts {

namespace pr = millrace::order_release;
namespace po = millrace::order;
using made = decision<pr::schema>;

/// Evolves the state by one event of this kind; the same for a draft and for a committed event.
[[nodiscard]] result<void> apply(pr::StateT& state, const pr::schema::event& event,
                                 timestamp stamp);

class draft {
 public:
  draft(const pr::StateT& before, context& in) : state(before), ctx(in) {}
  /// Emits the event and takes it into the draft's state.
  template <class EventT>
  void emit(EventT event) {
    pr::schema::event u;
    u.Set(std::move(event));
    if (auto applied = apply(state, u, ctx.now()); !applied && fault.empty())
      fault = applied.error().detail;
    d.events.push_back(std::move(u));
  }
  [[nodiscard]] made done() && {
    return fault.empty() ? std::move(d) : made::fault(std::move(fault));
  }

  pr::StateT state;
  context& ctx;
  made d;
  std::string fault;
};

inline constexpr std::string_view timeout_timer = "timeout";
inline constexpr std::string_view recheck_timer = "recheck";

// order_release_round.cpp: one round of checks
void begin_round(draft& work);
void on_found(draft& work, std::uint32_t need, const answer& a);
void on_reserved(draft& work, std::uint32_t need, const answer& a);

// order_release_dispatch.cpp: after the pass, and the way back
void pass(draft& work, std::vector<pr::CheckT> checks);
void give_back(draft& work);
void ask_change(draft& work, const pr::ChangeT& c);
void cancel(draft& work, const pr::CancelT& c);
void note_holds(draft& work, const pr::NoteHoldsT& c);
made on_call(const pr::StateT& state, const delivered& in, context& ctx);

/// Numbers after the last slashes of "find/<round>/<need>"; false when the tag is none of ours.
[[nodiscard]] bool read_tag(std::string_view tag, std::string_view& what, std::uint32_t& round,
                            std::uint32_t& need);

/// What others tell the order.
void tell_blocked(draft& work, std::vector<po::BlockerT> blockers);

}  // namespace millrace::actors::release_parts
