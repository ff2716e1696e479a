// Bookkeeping of the simulated ERP's stock.
#include "nodes/simulators/erp_stock.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace millrace::simulator {
namespace {

constexpr std::array<std::pair<stock_type, std::string_view>, 3> type_names{
    {{stock_type::unrestricted, "unrestricted"},
     {stock_type::quality, "quality"},
     {stock_type::blocked, "blocked"}}};

}  // namespace

std::optional<stock_type> stock_type_of(std::string_view name) {
  if (name.empty()) return stock_type::unrestricted;
  if (name == "X") return stock_type::quality;
  if (name == "S") return stock_type::blocked;
  for (const auto& [type, text] : type_names)
    if (text == name) return type;
  return std::nullopt;
}

void erp_stock::receive(const std::string& batch, const std::string& material,
                        const std::string& unit, stock_type into, decimal quantity) {
  auto& lot = lots_[batch];
  if (!material.empty()) lot.material = material;
  if (!unit.empty()) lot.unit = unit;
  if (lot.holds.empty() || into == stock_type::blocked) {
    lot.quantity[into] += quantity;
  } else {
    lot.quantity[stock_type::blocked] += quantity;
    lot.moved[into] += quantity;
  }
}

bool erp_stock::issue(const std::string& batch, stock_type from, decimal quantity) {
  const auto found = lots_.find(batch);
  if (found == lots_.end() || found->second.quantity[from] < quantity) return false;
  found->second.quantity[from] -= quantity;
  return true;
}

bool erp_stock::move(const std::string& batch, stock_type from, stock_type into, decimal quantity) {
  const auto found = lots_.find(batch);
  if (found == lots_.end()) return false;
  auto& lot = found->second;
  if (!lot.holds.empty() && from == stock_type::blocked) {
    decimal by_holds;
    for (const auto& [type, moved] : lot.moved) by_holds += moved;
    if (lot.quantity[from] - by_holds < quantity) return false;
    lot.moved[into] += quantity;  // it stays blocked as long as the hold does, and is free then
    return true;
  }
  if (lot.quantity[from] >= quantity) {
    lot.quantity[from] -= quantity;
    lot.quantity[into] += quantity;
    return true;
  }
  if (lot.moved[from] < quantity) return false;
  lot.moved[from] -= quantity;
  if (into != stock_type::blocked)
    lot.moved[into] += quantity;  // into blocked: it stays there when the hold goes
  return true;
}

bool erp_stock::block(const std::string& batch, const std::string& material,
                      const std::string& hold, std::optional<decimal> quantity) {
  auto& lot = lots_[batch];
  if (lot.material.empty()) lot.material = material;
  if (!lot.holds.insert(hold).second || lot.holds.size() > 1) return false;
  lot.allocations.clear();
  decimal left =
      quantity.value_or(lot.quantity[stock_type::unrestricted] + lot.quantity[stock_type::quality]);
  for (const auto from : {stock_type::unrestricted, stock_type::quality}) {
    const decimal taken = std::min(left, lot.quantity[from]);
    lot.quantity[from] -= taken;
    lot.quantity[stock_type::blocked] += taken;
    lot.moved[from] += taken;
    left -= taken;
  }
  return true;
}

bool erp_stock::unblock(const std::string& batch, const std::string& hold) {
  const auto found = lots_.find(batch);
  if (found == lots_.end()) return false;
  auto& lot = found->second;
  if (lot.holds.erase(hold) == 0 || !lot.holds.empty()) return false;
  for (auto& [into, moved] : lot.moved) {
    const decimal back = std::min(moved, lot.quantity[stock_type::blocked]);
    lot.quantity[stock_type::blocked] -= back;
    lot.quantity[into] += back;
  }
  lot.moved.clear();
  return true;
}

std::optional<std::string> erp_stock::allocate(const std::string& batch,
                                               const std::string& customer, decimal quantity) {
  const auto found = lots_.find(batch);
  if (found == lots_.end()) return "there is no batch " + batch;
  auto& lot = found->second;
  if (!lot.holds.empty()) return "batch " + batch + " is blocked by " + *lot.holds.begin();
  decimal promised;
  for (const auto& [who, much] : lot.allocations) promised += much;
  if (lot.quantity[stock_type::unrestricted] - promised < quantity)
    return "batch " + batch + " has only " +
           (lot.quantity[stock_type::unrestricted] - promised).to_string() + " to promise";
  lot.allocations[customer] += quantity;
  return std::nullopt;
}

const erp_lot* erp_stock::find(const std::string& batch) const {
  const auto found = lots_.find(batch);
  return found != lots_.end() ? &found->second : nullptr;
}

json_value erp_stock::to_json() const {
  json_value out = json_value::make_object();
  for (const auto& [batch, lot] : lots_) {
    auto entry = json_value::make_object({{"material", lot.material}, {"unit", lot.unit}});
    for (const auto& [type, name] : type_names) {
      const auto quantity = lot.quantity.find(type);
      entry.set(name, quantity != lot.quantity.end() ? quantity->second.to_string() : "0");
    }
    auto holds = json_value::make_array();
    for (const auto& hold : lot.holds) holds.push(hold);
    auto allocations = json_value::make_object();
    for (const auto& [customer, quantity] : lot.allocations)
      allocations.set(customer, quantity.to_string());
    entry.set("holds", std::move(holds)).set("allocations", std::move(allocations));
    out.set(batch, std::move(entry));
  }
  return out;
}

std::vector<json_value> erp_stock::report(const std::string& material) const {
  std::vector<json_value> out;
  for (const auto& [batch, lot] : lots_) {
    if (!material.empty() && lot.material != material) continue;
    for (const auto& [type, quantity] : lot.quantity) {
      if (quantity.is_zero()) continue;
      const char* said = type == stock_type::unrestricted ? "unrestricted"
                         : type == stock_type::quality    ? "quality_inspection"
                                                          : "blocked";
      auto line = json_value::make_object({{"batch", batch}, {"type", said}});
      out.push_back(line.set("quantity", quantity.to_string()));
    }
  }
  return out;
}

}  // namespace millrace::simulator
