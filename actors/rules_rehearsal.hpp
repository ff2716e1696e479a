// What other rules would have changed: past events taken once more under values that are not in
// force. Pure, and only as sure as events are: what a rule looks at besides them is not rehearsed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/address.hpp"
#include "schemas/native.hpp"
#include "schemas/result.hpp"

namespace millrace::actors {

/// One past event, as it stands in the journal.
struct past_event {
  std::string_view kind, id, correlation;
  std::uint8_t member = 0;
  bytes_view body;
  timestamp stamp;
};

/// Something that would have gone another way.
struct rule_difference {
  std::string rule, actor, was, would, correlation;
  timestamp at;
};

class rule_rehearsal {
 public:
  static constexpr std::size_t differences_max = 1000;
  static constexpr std::size_t open_max = 100'000;  // actors that are followed at once

  /// The rules to rehearse. Error: request.invalid (check_rule).
  [[nodiscard]] static result<rule_rehearsal> with(std::map<std::string, std::string> rules);
  void take(const past_event& event);
  [[nodiscard]] const std::vector<rule_difference>& differences() const { return differences_; }
  /// How many there were, beyond what is kept.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Of the rules, those that events cannot tell about.
  [[nodiscard]] std::vector<std::string> not_rehearsed() const;

 private:
  [[nodiscard]] const std::string* value(std::string_view rule) const;
  void differ(std::string_view rule, const past_event& e, std::string was, std::string would);
  void take_release(const past_event& e);
  void take_order(const past_event& e);
  void take_batch(const past_event& e);
  void take_inspection(const past_event& e);
  void take_recipe(const past_event& e);
  void take_batch_release(const past_event& e);
  void end_release(const past_event& e, bool timed_out);

  std::map<std::string, std::string, std::less<>> rules_;
  std::vector<rule_difference> differences_;
  std::uint64_t count_ = 0;
  std::map<std::string, timestamp, std::less<>> releases_;  // started, by order
  struct delivery {
    decimal quantity, delivered;
    bool own_tolerance = false, over = false;
  };
  std::map<std::string, delivery, std::less<>> orders_;
  std::map<std::string, std::string, std::less<>> placed_by_;   // by "<batch>/<hold>"
  std::map<std::string, std::string, std::less<>> defined_by_;  // by "<recipe>/<revision>"
  std::map<std::string, bool, std::less<>> failed_;             // inspections seen failing
};

}  // namespace millrace::actors
