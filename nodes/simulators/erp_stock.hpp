// Stock of the simulated ERP: quantities per batch and stock type, and what holds have moved into
// blocked stock. The first hold posts the change, the last release undoes it, per quantity back to
// the type it came from.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nodes/json/json_value.hpp"
#include "schemas/native.hpp"

namespace millrace::simulator {

/// Stock types of this ERP.
enum class stock_type { unrestricted, quality, blocked };

struct erp_lot {
  std::string material;
  std::string unit;
  std::map<stock_type, decimal> quantity;
  std::set<std::string> holds;
  std::map<stock_type, decimal> moved;  // into blocked by the holds, by the type it came from
  std::map<std::string, decimal> allocations;  // by customer
};

class erp_stock {
 public:
  /// Adds stock; what comes to a held lot goes to blocked and remembers where it belongs.
  void receive(const std::string& batch, const std::string& material, const std::string& unit,
               stock_type into, decimal quantity);
  /// Takes stock away; false (and nothing changed) when the type does not hold that much.
  [[nodiscard]] bool issue(const std::string& batch, stock_type from, decimal quantity);
  /// Moves between types; of a held lot it changes where the blocked quantity will go back to.
  [[nodiscard]] bool move(const std::string& batch, stock_type from, stock_type into,
                          decimal quantity);
  /// Places a hold on all of the lot, or on so much. True when it posted a change.
  bool block(const std::string& batch, const std::string& material, const std::string& hold,
             std::optional<decimal> quantity);
  /// Releases a hold. True when it posted a change.
  bool unblock(const std::string& batch, const std::string& hold);
  /// Promises stock to a customer; the reason when it refuses: blocked or short.
  [[nodiscard]] std::optional<std::string> allocate(const std::string& batch,
                                                    const std::string& customer, decimal quantity);
  [[nodiscard]] const erp_lot* find(const std::string& batch) const;
  [[nodiscard]] json_value to_json() const;
  /// The lines of a stock report, by batch and type; of one material, or of all where it is empty.
  [[nodiscard]] std::vector<json_value> report(const std::string& material) const;

 private:
  std::map<std::string, erp_lot> lots_;
};

/// "unrestricted", "quality", "blocked"; also the codes of INSMK: "", "X", "S".
[[nodiscard]] std::optional<stock_type> stock_type_of(std::string_view name);

}  // namespace millrace::simulator
