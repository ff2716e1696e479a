// Inside of the batch kind: how a hold travels from a lot to those that it went into. Not for
// others.
#pragma once

#include <string>
#include <vector>

#include "actors/batch_step.hpp"
#include "schemas/quality/hold_kind.hpp"

namespace millrace::actors::batches {

namespace process = millrace::hold;

/// Where a hold comes from: the lot that it was placed on; the plant is empty when it is this one.
struct source {
  std::string batch, plant;
};
[[nodiscard]] source source_of(const lot::HoldEntryT& hold, std::size_t i);
/// A hold on a place says nothing about what was made elsewhere of the lot; a future one of
/// nothing.
[[nodiscard]] bool goes_downstream(const lot::HoldEntryT& hold);

/// Lots told in one decision, of this plant and of others; `more` of them by a message to itself.
struct wave {
  std::vector<std::string> told;
  std::vector<process::PlantLotT> elsewhere;
  std::uint32_t last = 0;
  bool more = false;
};
/// From link number `after` on.
wave tell_descendants(step& s, const lot::HoldEntryT& entry, const source& from,
                      std::uint32_t after);
void tell_lifted(step& s, const lot::HoldEntryT& entry, const source& from,
                 const std::string& reason, std::uint32_t after);
void tell_inherit(step& s, const lot::HoldEntryT& entry, const source& from, const std::string& to,
                  const std::string& plant);
/// Tells the plant's process of further descendants, and through it the plants of the hold's
/// origins.
void tell_extend(step& s, const lot::HoldEntryT& entry, process::ExtendT extend);
/// What has left, from number `after` on; the rest is named by a message to itself.
[[nodiscard]] std::vector<process::EscapeT> escapes(step& s, const std::string& hold,
                                                    std::uint32_t after);

}  // namespace millrace::actors::batches
