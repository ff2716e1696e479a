// The simulated QMS: inspections with results and decisions, which it sends to the platform, and
// the holds it has been told.
#include "nodes/simulators/simulator_model.hpp"

namespace millrace::simulator {
namespace {

class qms final : public model {
 public:
  explicit qms(std::string plant) : plant_(std::move(plant)) {}
  std::string_view name() const override { return "qms"; }

  api_answer handle(const api_call& call, std::vector<platform_call>& out) override {
    if (call.is_post({"act", "set-plan"})) return set_plan(call.body, out);
    if (call.is_post({"act", "inspect"})) return inspect(call, out);
    if (call.is_post({"act", "place-hold"})) return hold_on_platform(call.body, "place-hold", out);
    if (call.is_post({"act", "release-hold"}))
      return hold_on_platform(call.body, "release-hold", out);
    if (call.is_post({"api", "holds"})) return hold_told(call);
    if (call.is_post({"api", "holds", "*", "lift"})) return lift_told(call);
    if (call.is_post({"api", "notifications"})) {
      if (call.body.text("notification").empty()) return refused(422, "notification is needed");
      notifications_.set(call.body.text("notification"), call.body);
      return ticket();
    }
    return refused(404, "this QMS has no such function");
  }

  json_value state() const override {
    auto out = json_value::make_object({{"system", "qms"}, {"plant", plant_}});
    return out.set("plans", plans_)
        .set("inspections", inspections_)
        .set("holds", holds_)
        .set("notifications", notifications_);
  }

 private:
  std::string plant_of(const json_value& body) const {
    return body.has("plant") ? body.text("plant") : plant_;
  }

  api_answer set_plan(const json_value& body, std::vector<platform_call>& out) {
    const auto material = body.text("material");
    if (material.empty() || body.text("plan").empty())
      return refused(422, "material and plan are needed");
    plans_.set(material, without(body, {"plant", "material"}));
    out.push_back({plant_of(body), "materials/" + material + "/set-inspection-plan",
                   without(body, {"plant", "material"}),
                   "qms-plan-" + body.text("plan") + '-' + body.text("revision")});
    return {};
  }

  /// {inspection, batch, plan, retest_of?, characteristic, value, unit, decision}: measures and
  /// decides in one go.
  api_answer inspect(const api_call& call, std::vector<platform_call>& out) {
    const auto& body = call.body;
    const auto id = body.text("inspection");
    if (id.empty() || body.text("batch").empty())
      return refused(422, "inspection and batch are needed");
    auto known = without(body, {"plant"});
    inspections_.set(id, known.set("at", call.now));
    const auto plant = plant_of(body);
    const auto send = [&](const char* command, json_value said) {
      out.push_back({plant, "inspections/" + id + '/' + command, std::move(said),
                     "qms-" + id + '-' + command});
    };
    auto created =
        json_value::make_object({{"batch", body.text("batch")}, {"plan", body.text("plan")}});
    if (body.has("retest_of")) created.set("retest_of", body.text("retest_of"));
    send("create", std::move(created));
    send("record-result", json_value::make_object({{"characteristic", body.text("characteristic")},
                                                   {"value", body.text("value")},
                                                   {"unit", body.text("unit")}}));
    if (body.has("decision"))
      send("decide-usage", json_value::make_object({{"decision", body.text("decision")}}));
    return {};
  }

  api_answer hold_on_platform(const json_value& body, const char* command,
                              std::vector<platform_call>& out) {
    const auto batch = body.text("batch");
    if (batch.empty() || body.text("hold").empty())
      return refused(422, "batch and hold are needed");
    out.push_back({plant_of(body), "batches/" + batch + '/' + command,
                   without(body, {"plant", "batch"}),
                   "qms-" + batch + '-' + body.text("hold") + '-' + command});
    return {};
  }

  api_answer hold_told(const api_call& call) {
    const auto hold = call.body.text("hold");
    if (hold.empty()) return refused(422, "hold is needed");
    auto known = holds_.find(hold) != nullptr ? *holds_.find(hold) : json_value::make_object();
    auto lots = known.find("lots") != nullptr ? *known.find("lots") : json_value::make_object();
    lots.set(call.body.text("lot"), "held");
    known.set("kind", call.body.text("kind"))
        .set("reason", call.body.text("reason"))
        .set("lots", std::move(lots))
        .set("at", call.now);
    holds_.set(hold, std::move(known));
    return ticket();
  }

  api_answer lift_told(const api_call& call) {
    const auto* found = holds_.find(call.path[2]);
    json_value known = found != nullptr ? *found : json_value::make_object();
    auto lots = known.find("lots") != nullptr ? *known.find("lots") : json_value::make_object();
    lots.set(call.body.text("lot"), "lifted");
    holds_.set(call.path[2], known.set("lots", std::move(lots)));
    return ticket();
  }

  api_answer ticket() {
    return {200, json_value::make_object({{"ticket", "Q-" + std::to_string(++last_ticket_)}})};
  }

  std::string plant_;
  json_value notifications_ = json_value::make_object();
  json_value plans_ = json_value::make_object();
  json_value inspections_ = json_value::make_object();
  json_value holds_ = json_value::make_object();
  std::uint64_t last_ticket_ = 0;
};

}  // namespace

std::unique_ptr<model> make_qms(std::string default_plant) {
  return std::make_unique<qms>(std::move(default_plant));
}

}  // namespace millrace::simulator
