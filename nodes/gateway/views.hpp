// /v1/views: what people look at, put together from lists and exceptions; no commands of its own.
// A view is data: sections, each the open actors of a kind with the fields that matter there.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

inline constexpr std::uint32_t view_items_max = 100;  // of one section, plant and value
inline constexpr std::size_t view_plants_max = 50;    // without ?plant=

/// Actors of a kind whose indexed field has one of the values. `where`: only those that name the
/// view's work center there ("/equipment", "/operations/*/work_center"); empty = all.
struct view_section {
  std::string_view name, kind, field;
  std::vector<std::string_view> values;
  std::vector<std::string_view> shows;  // members of the state
  std::string_view where = {};
};
struct view_model {
  std::string_view name;
  bool exceptions = false;   // with how many facts wait, by code, and the first of them
  bool needs_plant = false;  // makes sense for one plant only
  std::vector<view_section> sections;
};
[[nodiscard]] const std::vector<view_model>& views();

/// GET /v1/views/{name}?plant=, and of `supervisor` the work center.
void get_view(core& g, const call_ptr& c, std::string_view name, const std::string& work_center);

}  // namespace millrace::gateway
