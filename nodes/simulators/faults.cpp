// Reading and drawing the fault switches.
#include "nodes/simulators/faults.hpp"

#include "schemas/native.hpp"

namespace millrace::simulator {
namespace {

constexpr std::int64_t slow_ms_max = 60'000;
constexpr std::int64_t lose_answer_max = 1'000'000;

error invalid(const std::string& key, const std::string& detail) {
  return {"request.invalid", key + ' ' + detail, {{'/' + key, detail}}};
}

}  // namespace

result<void> faults::set(const json_value& wanted) {
  const std::lock_guard lock(mutex_);
  fault_settings next = settings_;
  for (const auto& [key, value] : wanted.members()) {
    if (key == "down" || key == "duplicate" || key == "reorder") {
      if (!value.is_bool()) return invalid(key, "must be true or false");
      (key == "down"        ? next.down
       : key == "duplicate" ? next.duplicate
                            : next.reorder) = value.truth();
    } else if (key == "slow_ms" || key == "lose_answer") {
      const auto most = key == "slow_ms" ? slow_ms_max : lose_answer_max;
      const auto number = value.integer(-1);
      if (number < 0 || number > most)
        return invalid(key, "must be between 0 and " + std::to_string(most));
      (key == "slow_ms" ? next.slow_ms : next.lose_answer) = static_cast<std::uint32_t>(number);
    } else if (key == "error_rate") {
      const auto rate = decimal::parse(value.text());
      if (!rate || rate->is_negative() || *rate > decimal::from_units(1))
        return invalid(key, "must be between 0 and 1");
      next.error_permille = static_cast<std::uint32_t>(rate->micros() / 1000);
    } else {
      return invalid(key, "is not a fault");
    }
  }
  settings_ = next;
  return {};
}

void faults::clear() {
  const std::lock_guard lock(mutex_);
  settings_ = {};
}

fault_settings faults::now() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

json_value faults::to_json() const {
  const auto s = now();
  const auto rate = decimal::from_micros(std::int64_t{s.error_permille} * 1000).to_string();
  return json_value::make_object({{"down", s.down},
                                  {"slow_ms", s.slow_ms},
                                  {"error_rate", json_value::number{rate}},
                                  {"duplicate", s.duplicate},
                                  {"reorder", s.reorder},
                                  {"lose_answer", s.lose_answer}});
}

bool faults::draw_error() {
  const std::lock_guard lock(mutex_);
  return settings_.error_permille > 0 && random_() % 1000 < settings_.error_permille;
}

bool faults::draw_lost_answer() {
  const std::lock_guard lock(mutex_);
  if (settings_.lose_answer == 0) return false;
  --settings_.lose_answer;
  return true;
}

}  // namespace millrace::simulator
