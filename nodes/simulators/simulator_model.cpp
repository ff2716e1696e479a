// Small helpers that the simulated systems share.
#include "nodes/simulators/simulator_model.hpp"

#include <algorithm>

namespace millrace::simulator {

bool api_call::is_post(std::initializer_list<std::string_view> segments) const {
  return method == "POST" && std::equal(path.begin(), path.end(), segments.begin(), segments.end(),
                                        [](const std::string& have, std::string_view want) {
                                          return want == "*" || have == want;
                                        });
}

api_answer refused(int status, std::string what) {
  return {status, json_value::make_object({{"error", std::move(what)}})};
}

json_value without(const json_value& from, std::initializer_list<std::string_view> names) {
  json_value out = json_value::make_object();
  for (const auto& [key, value] : from.members())
    if (std::find(names.begin(), names.end(), key) == names.end()) out.set(key, value);
  return out;
}

}  // namespace millrace::simulator
