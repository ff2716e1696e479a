// The simulated MES: takes work orders, executes them step by step and reports to the platform;
// keeps restricted lots apart. Its API has names of its own (steps, stations, parts), so that a
// mapping has something to do.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "nodes/simulators/mes_isa95.hpp"
#include "nodes/simulators/simulator_model.hpp"
#include "schemas/native.hpp"

namespace millrace::simulator {
namespace {

struct part {
  std::string material, quantity, unit, step;
  std::vector<std::string> lots;
};
struct work_order {
  std::string number, site, product, quantity, unit, status = "waiting", before_hold;
  std::vector<std::string> steps;  // to do and done, in order
  std::set<std::string> done;
  std::vector<part> parts;
  decimal good;  // of the last step
};

class mes final : public model {
 public:
  mes(std::string plant, bool automatic) : plant_(std::move(plant)), automatic_(automatic) {}
  std::string_view name() const override { return "mes"; }

  api_answer handle(const api_call& call, std::vector<platform_call>& out) override {
    if (const auto same = from_isa95(call)) return handle(*same, out);
    if (call.is_post({"api", "work-orders"})) return take_order(call, out);
    if (call.is_post({"api", "work-orders", "*", "change"})) return change(call);
    if (call.is_post({"api", "work-orders", "*", "cancel"})) return cancel(call);
    if (call.is_post({"api", "work-orders", "*", "hold"})) return hold_order(call, out);
    if (call.is_post({"api", "lots", "*", "restrict"})) return restrict_lot(call);
    if (call.is_post({"api", "lots", "*", "clear"})) return clear_lot(call);
    if (call.is_post({"api", "suppliers", "*", "restrict"})) return restrict_supplier(call, true);
    if (call.is_post({"api", "suppliers", "*", "clear"})) return restrict_supplier(call, false);
    if (call.is_post({"api", "lots", "*", "usage"})) {
      usage_.set(call.path[2], call.body.text("decision"));
      return lot_answer("UD-");
    }
    if (call.is_post({"run"})) return run(call.body, call.now, out);
    return refused(404, "this MES has no such function");
  }

  json_value state() const override {
    auto out =
        json_value::make_object({{"system", "mes"}, {"plant", plant_}, {"automatic", automatic_}});
    auto orders = json_value::make_object();
    for (const auto& [order, work] : orders_) {
      auto entry = json_value::make_object({{"work_order", work.number},
                                            {"site", work.site},
                                            {"product", work.product},
                                            {"planned", work.quantity},
                                            {"unit", work.unit},
                                            {"status", work.status},
                                            {"good", work.good.to_string()}});
      auto steps = json_value::make_array();
      for (const auto& step : work.steps)
        steps.push(json_value::make_object({{"step", step}, {"done", work.done.contains(step)}}));
      auto parts = json_value::make_array();
      for (const auto& p : work.parts) {
        auto lots = json_value::make_array();
        for (const auto& lot : p.lots) lots.push(lot);
        parts.push(json_value::make_object({{"part", p.material},
                                            {"quantity", p.quantity},
                                            {"step", p.step},
                                            {"lots", std::move(lots)}}));
      }
      orders.set(order, entry.set("steps", std::move(steps)).set("parts", std::move(parts)));
    }
    auto restricted = json_value::make_object();
    for (const auto& [lot, holds] : restricted_) {
      auto list = json_value::make_array();
      for (const auto& hold : holds) list.push(hold);
      if (!holds.empty()) restricted.set(lot, std::move(list));
    }
    return out.set("orders", std::move(orders))
        .set("restricted_lots", std::move(restricted))
        .set("restricted_suppliers", restricted_suppliers_)
        .set("produced", produced_)
        .set("usage", usage_);
  }

 private:
  api_answer take_order(const api_call& call, std::vector<platform_call>& out) {
    const auto& body = call.body;
    const auto order = body.text("id");
    if (order.empty() || !decimal::parse(body.text("planned")))
      return refused(422, "id and planned are needed");
    auto& work = orders_[order];
    const bool fresh = work.number.empty();
    if (fresh) work.number = "WO-" + std::to_string(1'000 + orders_.size());
    if (!fresh && !work.done.empty())
      return {200, json_value::make_object({{"workOrder", work.number}})};
    work.site = body.has("site") ? body.text("site") : plant_;
    work.product = body.text("product");
    work.quantity = body.text("planned");
    work.unit = body.text("uom");
    work.status = "ready";
    work.steps.clear();
    work.parts.clear();
    if (const auto* steps = body.find("steps"))
      for (const auto& step : steps->items()) work.steps.push_back(step.text("step"));
    if (const auto* parts = body.find("parts"))
      for (const auto& entry : parts->items()) {
        part p{entry.text("part"), entry.text("qty"), entry.text("uom"), entry.text("step"), {}};
        if (const auto* lots = entry.find("lots"))
          for (const auto& lot : lots->items())
            p.lots.push_back(lot.is_object() ? lot.text("lot") : lot.text());
        work.parts.push_back(std::move(p));
      }
    const api_answer answer{201, json_value::make_object({{"workOrder", work.number}})};
    if (automatic_)
      static_cast<void>(run(json_value::make_object({{"order", order}}), call.now, out));
    return answer;
  }

  api_answer change(const api_call& call) {
    const auto found = orders_.find(call.path[2]);
    if (found == orders_.end()) return refused(404, "there is no work order for " + call.path[2]);
    if (!found->second.done.empty()) return refused(409, "the work order has been started");
    if (call.body.has("planned")) found->second.quantity = call.body.text("planned");
    return {200, json_value::make_object({{"workOrder", found->second.number}})};
  }

  api_answer cancel(const api_call& call) {
    const auto found = orders_.find(call.path[2]);
    if (found == orders_.end()) return {200, json_value::make_object()};
    if (!found->second.done.empty()) return refused(409, "the work order has been started");
    found->second.status = "cancelled";
    return {200, json_value::make_object({{"workOrder", found->second.number}})};
  }

  /// The order stops between two steps, and says so.
  api_answer hold_order(const api_call& call, std::vector<platform_call>& out) {
    const auto found = orders_.find(call.path[2]);
    if (found == orders_.end()) return refused(404, "there is no work order for " + call.path[2]);
    auto& work = found->second;
    const auto* wish = call.body.find("held");
    const bool held = wish != nullptr && wish->truth();
    if (work.status != "held" && held) work.before_hold = work.status;
    const auto goes_on = work.before_hold.empty() ? work.status : work.before_hold;
    const report reporting{call.path[2], work.site, call.now};
    report_dispatch(reporting, held ? "held" : goes_on.c_str(), work, out);
    return {200, json_value::make_object({{"workOrder", work.number}})};
  }

  api_answer restrict_lot(const api_call& call) {
    const auto hold = call.body.text("hold");
    if (hold.empty()) return refused(422, "hold is needed");
    restricted_[call.path[2]].insert(hold);
    return lot_answer("RL-");
  }

  api_answer clear_lot(const api_call& call) {
    restricted_[call.path[2]].erase(call.body.text("hold"));
    return lot_answer("CL-");
  }

  api_answer restrict_supplier(const api_call& call, bool restricted) {
    const auto hold = call.body.text("hold");
    if (hold.empty()) return refused(422, "hold is needed");
    const auto* found = restricted_suppliers_.find(call.path[2]);
    auto holds = found != nullptr ? *found : json_value::make_object();
    restricted_suppliers_.set(call.path[2], holds.set(hold, restricted));
    return lot_answer(restricted ? "RS-" : "CS-");
  }

  api_answer lot_answer(const char* prefix) {
    return {200, json_value::make_object({{"ticket", prefix + std::to_string(++last_ticket_)}})};
  }

  /// {order, step?, good?, scrap?, output_lot?, lots?:{part: lot}}: one step, or all that are left.
  api_answer run(const json_value& body, const std::string& now, std::vector<platform_call>& out) {
    const auto order = body.text("order");
    const auto found = orders_.find(order);
    if (found == orders_.end()) return refused(404, "there is no work order for " + order);
    auto& work = found->second;
    if (work.status == "cancelled") return refused(409, "the work order is cancelled");
    if (work.status == "held") return refused(409, "the work order is held");
    std::vector<std::string> todo;
    for (const auto& step : work.steps)
      if (!work.done.contains(step) && (!body.has("step") || body.text("step") == step))
        todo.push_back(step);
    if (todo.empty()) return refused(409, "there is nothing left to do");
    const auto good = decimal::parse(body.has("good") ? body.text("good") : work.quantity);
    const auto scrap = decimal::parse(body.has("scrap") ? body.text("scrap") : "0");
    const auto planned = decimal::parse(work.quantity);
    if (!good || !scrap || !planned) return refused(422, "good and scrap must be quantities");
    if (const auto reason = restricted_part(work, todo, body)) return refused(409, *reason);

    const report reporting{order, work.site, now};
    report_dispatch(reporting, "running", work, out);
    for (const auto& step : todo) {
      for (const auto& p : work.parts)
        if (belongs(work, p, step))
          consume(reporting, work, p, step, *good + *scrap, *planned, body, out);
      const auto id = "MES-C-" + std::to_string(++last_report_);
      auto said = json_value::make_object({{"confirmation", id},
                                           {"operation", step},
                                           {"yield", good->to_string()},
                                           {"scrap", scrap->to_string()},
                                           {"unit", work.unit},
                                           {"final", true},
                                           {"occurred_at", now}});
      send(reporting, "confirm-operation", std::move(said), id, out);
      work.done.insert(step);
      work.good = *good;
    }
    if (work.done.size() == work.steps.size()) produce(reporting, work, *good, body, out);
    auto answer = json_value::make_object({{"workOrder", work.number}, {"status", work.status}});
    return {200, answer.set("reports", static_cast<std::int64_t>(out.size()))};
  }

  struct report {
    std::string order, site, now;
  };

  // Parts without a step are used in the first one.
  static bool belongs(const work_order& work, const part& p, const std::string& step) {
    const bool named = std::find(work.steps.begin(), work.steps.end(), p.step) != work.steps.end();
    return named ? p.step == step : !work.steps.empty() && step == work.steps.front();
  }

  static std::string lot_for(const part& p, const json_value& body) {
    const auto* lots = body.find("lots");
    if (lots != nullptr && lots->has(p.material)) return lots->text(p.material);
    return p.lots.empty() ? std::string() : p.lots.front();
  }

  std::optional<std::string> restricted_part(const work_order& work,
                                             const std::vector<std::string>& todo,
                                             const json_value& body) const {
    for (const auto& step : todo)
      for (const auto& p : work.parts) {
        const auto held =
            belongs(work, p, step) ? restricted_.find(lot_for(p, body)) : restricted_.end();
        if (held != restricted_.end() && !held->second.empty())
          return "lot " + held->first + " is restricted by " + *held->second.begin();
      }
    return std::nullopt;
  }

  void consume(const report& r, const work_order&, const part& p, const std::string& step,
               decimal made, decimal planned, const json_value& body,
               std::vector<platform_call>& out) {
    const auto need = decimal::parse(p.quantity);
    const auto used = need ? decimal::proportion(*need, made, planned) : std::nullopt;
    if (!used || !used->is_positive()) return;
    const auto id = "MES-G-" + std::to_string(++last_report_);
    auto said = json_value::make_object({{"report", id},
                                         {"operation", step},
                                         {"material", p.material},
                                         {"quantity", used->to_string()},
                                         {"unit", p.unit},
                                         {"occurred_at", r.now}});
    if (const auto lot = lot_for(p, body); !lot.empty()) said.set("batch", lot);
    send(r, "report-consumption", std::move(said), id, out);
  }

  void produce(const report& r, work_order& work, decimal good, const json_value& body,
               std::vector<platform_call>& out) {
    const auto lot = body.has("output_lot") ? body.text("output_lot") : r.order + "-L1";
    const auto id = "MES-P-" + std::to_string(++last_report_);
    auto said = json_value::make_object({{"report", id},
                                         {"batch", lot},
                                         {"quantity", good.to_string()},
                                         {"unit", work.unit},
                                         {"occurred_at", r.now}});
    send(r, "report-production", std::move(said), id, out);
    produced_.set(
        lot, json_value::make_object(
                 {{"order", r.order}, {"product", work.product}, {"quantity", good.to_string()}}));
    report_dispatch(r, "completed", work, out);
  }

  void report_dispatch(const report& r, const char* status, work_order& work,
                       std::vector<platform_call>& out) {
    if (work.status == status) return;
    work.status = status;
    auto said = json_value::make_object(
        {{"dispatch", status}, {"mes_id", work.number}, {"occurred_at", r.now}});
    send(r, "report-dispatch", std::move(said), "MES-D-" + std::to_string(++last_report_), out);
  }

  static void send(const report& r, const char* command, json_value body, const std::string& id,
                   std::vector<platform_call>& out) {
    out.push_back(
        {r.site, "orders/" + r.order + '/' + command, std::move(body), r.order + '-' + id});
  }

  std::string plant_;
  bool automatic_;
  std::map<std::string, work_order> orders_;
  std::map<std::string, std::set<std::string>> restricted_;
  json_value restricted_suppliers_ = json_value::make_object();  // supplier -> {hold: open}
  json_value usage_ = json_value::make_object();
  json_value produced_ = json_value::make_object();
  std::uint64_t last_report_ = 0;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace

std::unique_ptr<model> make_mes(std::string default_plant, bool automatic) {
  return std::make_unique<mes>(std::move(default_plant), automatic);
}

}  // namespace millrace::simulator
