// The other dialect of the simulated MES: job orders and material lots in ISA-95 words, so that two
// plants can have the same MES behind different mappings.
#pragma once

#include <optional>

#include "nodes/simulators/simulator_model.hpp"

namespace millrace::simulator {

/// A call of POST /isa95/job-orders[/{id}/change|cancel] or /isa95/material-lots/{lot}/status in
/// the words of the MES's first API; nullopt for any other path. What it lacks stays absent.
[[nodiscard]] std::optional<api_call> from_isa95(const api_call& call);

}  // namespace millrace::simulator
