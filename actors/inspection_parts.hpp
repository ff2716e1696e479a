// Inside of the inspection: what its decisions share, and the drawing of samples. Not for others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/inspection.hpp"

namespace millrace::actors::inspections {

using made = decision<millrace::inspection::schema>;

inline constexpr std::string_view ask_sample = "sample";

/// Why a lot that is not being tested takes nothing; nullopt when it does.
[[nodiscard]] std::optional<std::pair<millrace::inspection::Refusal, std::string>> not_testing(
    const millrace::inspection::StateT& state);

/// A sample leaves inspection stock (331) when the batch says so.
[[nodiscard]] made draw_sample(const millrace::inspection::StateT& state,
                               const millrace::inspection::DrawSampleT& c, context& ctx);
[[nodiscard]] made drawn(const millrace::inspection::StateT& state, const answer& a);

}  // namespace millrace::actors::inspections
