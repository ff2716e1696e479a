// Inside of the nonconformance: its draft, and the parts that decide. Not for others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/draft.hpp"
#include "actors/nonconformance.hpp"

namespace millrace::actors::nonconformances {

namespace nc = millrace::nonconformance;
using made = decision<nc::schema>;

/// The state part of evolve.
void apply(nc::StateT& state, const nc::EventUnion& event, timestamp at);
using step = draft<nc::schema, apply>;

[[nodiscard]] const nc::AffectedT* find_affected(const nc::StateT& state, std::string_view batch);
[[nodiscard]] const nc::TaskT* find_task(const nc::StateT& state, std::uint32_t task);
/// Refuses when the status is none of these, in words.
[[nodiscard]] std::optional<made> unless(const step& s, std::initializer_list<nc::Status> allowed);

// nonconformance_holds.cpp: its lots are held and released
void hold_lot(step& s, nc::AffectedT lot);
void contain_when_held(step& s);
/// Gives back every hold that is placed or asked for.
void release_holds(step& s);
void release_hold(step& s, const std::string& batch);
/// Another hold is on its way to the lot: the one of that id goes after it.
void replace_hold(step& s, const std::string& batch, const std::string& before);
[[nodiscard]] made hold_answered(step& s, std::string_view batch, const answer& a);
[[nodiscard]] made release_answered(step& s, std::string_view batch, const answer& a);

// nonconformance_board.cpp: the disposition and its approvals
[[nodiscard]] made dispose(step& s, const nc::DisposeT& c);
[[nodiscard]] made approve(step& s, const nc::ApproveDispositionT& c);
[[nodiscard]] made reject(step& s, const nc::RejectDispositionT& c);

// nonconformance_tasks.cpp: what has to be done, and by whom
[[nodiscard]] made execute(step& s);
[[nodiscard]] made complete_task(step& s, const nc::CompleteTaskT& c);
[[nodiscard]] made retry_task(step& s, const nc::RetryTaskT& c);
[[nodiscard]] made task_answered(step& s, std::string_view number, const answer& a);
/// Asks for every task that can be done by now.
void start_ready(step& s);
/// The task that gives the hold of that lot back has ended.
void hold_given_back(step& s, const std::string& batch, const std::string& failure);

}  // namespace millrace::actors::nonconformances
