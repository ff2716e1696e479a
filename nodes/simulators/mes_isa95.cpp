// One function a message. Names after ISA-95 Part 4 (JobOrder, SegmentRequirement,
// MaterialRequirement).
#include "nodes/simulators/mes_isa95.hpp"

#include <utility>
#include <vector>

namespace millrace::simulator {
namespace {

/// Members of `from` under other names; absent ones stay absent.
json_value renamed(const json_value& from,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> names) {
  auto out = json_value::make_object();
  for (const auto& [theirs, ours] : names)
    if (const auto* found = from.find(theirs)) out.set(ours, *found);
  return out;
}

json_value each(const json_value& from, std::string_view name,
                json_value (*change)(const json_value&)) {
  auto out = json_value::make_array();
  if (const auto* list = from.find(name))
    for (const auto& item : list->items()) out.push(change(item));
  return out;
}

json_value step_of(const json_value& segment) {
  return renamed(segment, {{"ID", "step"}, {"EquipmentID", "station"}, {"Description", "text"}});
}

json_value part_of(const json_value& material) {
  auto out = renamed(material, {{"MaterialDefinitionID", "part"},
                                {"Quantity", "qty"},
                                {"UnitOfMeasure", "uom"},
                                {"SegmentID", "step"},
                                {"MaterialLotID", "lots"}});
  return out;
}

json_value order_of(const json_value& job) {
  auto out = renamed(job, {{"ID", "id"},
                           {"HierarchyScope", "site"},
                           {"WorkMasterID", "product"},
                           {"Version", "revision"},
                           {"Quantity", "planned"},
                           {"UnitOfMeasure", "uom"},
                           {"EndTime", "due"}});
  out.set("steps", each(job, "SegmentRequirement", step_of));
  return out.set("parts", each(job, "MaterialRequirement", part_of));
}

api_call with(const api_call& call, std::vector<std::string> path, json_value body) {
  return {call.method, std::move(path), std::move(body), call.now};
}

}  // namespace

std::optional<api_call> from_isa95(const api_call& call) {
  const auto& body = call.body;
  if (call.is_post({"isa95", "job-orders"}))
    return with(call, {"api", "work-orders"}, order_of(body));
  if (call.is_post({"isa95", "job-orders", "*", "change"}) ||
      call.is_post({"isa95", "job-orders", "*", "cancel"}) ||
      call.is_post({"isa95", "job-orders", "*", "hold"}))
    return with(call, {"api", "work-orders", call.path[2], call.path[3]},
                renamed(body, {{"Quantity", "planned"}, {"Held", "held"}, {"Reason", "why"}}));
  if (!call.is_post({"isa95", "material-lots", "*", "status"})) return std::nullopt;
  const auto status = body.text("Disposition");
  const auto* what = status == "held" ? "restrict" : status == "released" ? "clear" : "usage";
  auto said = renamed(body, {{"HoldID", "hold"}, {"Reason", "why"}, {"Decision", "decision"}});
  return with(call, {"api", "lots", call.path[2], what}, std::move(said));
}

}  // namespace millrace::simulator
