// Each look is a read; what it found is kept as a check of the present stage.
#include "nodes/onboarding/readiness.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "schemas/native.hpp"

namespace millrace::onboarding_file {
namespace {

std::string base_of(const std::string& plant) { return "/v1/plants/" + percent_encode(plant); }

std::string counted(std::size_t n, const char* what) { return std::to_string(n) + ' ' + what; }

const json_value::array& list(const json_value& in, std::string_view key) {
  static const json_value::array none;
  const auto* found = in.find(key);
  return found == nullptr ? none : found->items();
}

check_result imports(const json_value& state) {
  check_result out{"imports", false, "nothing is imported"};
  std::size_t files = 0, rejected = 0;
  for (const auto& one : list(state, "imports")) {
    ++files;
    if (const auto* n = one.find("rejected")) rejected += static_cast<std::size_t>(n->integer());
  }
  if (files == 0) return out;
  out.passed = rejected == 0;
  out.detail = counted(files, "files") + ", " + counted(rejected, "lines rejected");
  return out;
}

/// Every system that the plant names has an endpoint at this cluster.
check_result systems(const json_value& site, const json_value& endpoints,
                     const std::string& plant) {
  check_result out{"systems", true, {}};
  const auto& bound = list(site, "systems");
  for (const auto& one : bound) {
    const auto found = std::ranges::any_of(list(endpoints, "items"), [&](const auto& e) {
      return e.text("system") == one.text("system") &&
             (e.text("plant") == plant || e.text("plant") == "*");
    });
    if (found) continue;
    out.passed = false;
    out.detail += (out.detail.empty() ? "no endpoint for " : ", ") + one.text("system");
  }
  if (bound.empty()) return {"systems", false, "no system is bound"};
  if (out.passed) out.detail = counted(bound.size(), "systems");
  return out;
}

check_result none_of(const char* check, const json_value& page, const char* what) {
  const auto n = list(page, "items").size();
  return {check, n == 0, counted(n, what)};
}

/// Every order of the pilot has its final confirmation.
result<check_result> orders(node_client& node, const json_value& state, const std::string& plant) {
  check_result out{"orders", true, {}};
  const auto& chosen = list(state, "orders");
  for (const auto& id : chosen) {
    const auto order =
        node.must("ops", "GET", base_of(plant) + "/orders/" + percent_encode(id.text()));
    if (!order && order.error().code != "actor.unknown") return order.error();
    const auto* there = order ? order->find("state") : nullptr;
    if (there != nullptr && there->text("confirmation") == "final") continue;
    out.passed = false;
    out.detail += (out.detail.empty() ? "not finished: " : ", ") + id.text();
  }
  if (chosen.empty()) return check_result{"orders", false, "none is chosen"};
  if (out.passed) out.detail = counted(chosen.size(), "orders finished");
  return out;
}

result<json_value> record(node_client& node, const std::string& plant,
                          const std::vector<check_result>& all) {
  auto checks = json_value::make_array();
  for (const auto& one : all) checks.push(one.to_json());
  return node.must("ops", "POST", base_of(plant) + "/onboardings/plant/record-checks",
                   json_value::make_object({{"checks", std::move(checks)}}));
}

}  // namespace

json_value check_result::to_json() const {
  return json_value::make_object(
      {{"check", check}, {"passed", json_value(passed)}, {"detail", detail.substr(0, 500)}});
}

result<json_value> look(node_client& node, const std::string& plant) {
  const auto process = node.must("ops", "GET", base_of(plant) + "/onboardings/plant");
  if (!process) return process.error();
  const auto site = node.must("ops", "GET", base_of(plant));
  if (!site) return site.error();
  const auto endpoints = node.must("ops", "GET", "/v1/endpoints");
  if (!endpoints) return endpoints.error();
  const auto dead = node.must("ops", "GET", "/v1/deadletters?plant=" + percent_encode(plant));
  if (!dead) return dead.error();
  const auto open = node.must("ops", "GET", "/v1/exceptions?plant=" + percent_encode(plant));
  if (!open) return open.error();
  const auto* state = process->find("state");
  const auto* plant_state = site->find("state");
  if (state == nullptr || plant_state == nullptr)
    return error{"request.not_json", "an answer without a state"};
  std::vector<check_result> all{imports(*state), systems(*plant_state, *endpoints, plant),
                                none_of("deadletters", *dead, "dead letters"),
                                none_of("exceptions", *open, "open exceptions")};
  if (state->text("stage") == "pilot") {
    auto done = orders(node, *state, plant);
    if (!done) return done.error();
    all.push_back(std::move(*done));
  }
  const auto recorded = record(node, plant, all);
  if (!recorded) return recorded.error();
  return node.must("ops", "GET", base_of(plant) + "/onboardings/plant");
}

result<std::vector<stock_difference>> compare_stock(node_client& node, const plan& p,
                                                    const std::vector<stock_line>& theirs) {
  const auto ours = node.must("ops", "GET", base_of(p.plant) + "/stock");
  if (!ours) return ours.error();
  if (ours->find("truncated") != nullptr)
    return error{"onboarding.too_much", "the plant has more lots than one answer of its stock"};
  struct side {
    decimal quantity;
    std::string unit;
    [[nodiscard]] std::string text() const {
      return quantity.to_string() + (unit.empty() ? "" : ' ' + unit);
    }
  };
  using place = std::tuple<std::string, std::string, std::string>;
  std::map<place, std::pair<side, side>> both;  // theirs, ours
  const auto add = [](side& to, const std::string& quantity, const std::string& unit) {
    if (const auto parsed = decimal::parse(quantity)) to.quantity += *parsed;
    to.unit = unit;
  };
  for (const auto& line : theirs)
    add(both[{line.batch, line.location, line.type}].first, line.quantity, line.unit);
  for (const auto& line : list(*ours, "items"))
    add(both[{line.text("batch"), line.text("location"), line.text("type")}].second,
        line.text("quantity"), line.text("unit"));
  std::vector<stock_difference> out;
  for (const auto& [at, sides] : both) {
    const auto& [first, second] = sides;
    const bool units = first.unit.empty() || second.unit.empty() || first.unit == second.unit;
    if (units && first.quantity == second.quantity) continue;
    out.push_back({std::get<0>(at), std::get<1>(at), std::get<2>(at), first.text(), second.text()});
  }
  check_result check{"stock", out.empty() && !both.empty(),
                     std::to_string(both.size() - out.size()) + " of " +
                         std::to_string(both.size()) + " lines match"};
  if (const auto kept = record(node, p.plant, {check}); !kept) return kept.error();
  return out;
}

}  // namespace millrace::onboarding_file
