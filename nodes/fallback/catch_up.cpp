// Lines to commands. A line that lacks what its fact needs is rejected here, with its column.
#include "nodes/fallback/catch_up.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include "nodes/onboarding/record.hpp"

namespace millrace::fallback {

namespace in = onboarding_file;

namespace {

class builder {
 public:
  builder(const in::plan& p, const in::csv_table& table) : plan_(p), table_(table) {}

  in::import_plan build() {
    out_.lines.push_back(table_.lines.size());
    std::vector<in::record> all;
    for (const auto& line : table_.lines)
      if (auto r = in::record::read(plan_, table_, 0, line, out_.rejected))
        all.push_back(std::move(*r));
    for (const auto& r : all)
      if (r.at("what") == "production") produced_.insert(r.at("batch"));
    for (const auto& r : all) take(r);
    for (auto& c : out_.commands) c.key = "catch-up-" + in::digest_of(plan_, c);
    std::ranges::stable_sort(out_.commands, {}, &in::line_command::when);
    return std::move(out_);
  }

 private:
  void take(const in::record& r) {
    const auto& what = r.at("what");
    if (!seen_.insert(what + '\x1f' + r.at("report")).second)
      return reject(r, "report", r.at("report") + " is there twice");
    if (what == "confirmation") return confirmation(r);
    if (what == "consumption") return movement(r, "report-consumption");
    if (what == "production") return movement(r, "report-production");
    if (what == "hold") return hold(r);
    reject(r, "what", '"' + what + "\" is none of confirmation, consumption, production, hold");
  }

  void confirmation(const in::record& r) {
    if (lacks(r, {"order", "operation", "quantity", "occurred_at"})) return;
    auto& c = command(in::phase::facts, r, "orders/" + r.at("order"), "confirm-operation");
    c.body.set("confirmation", r.at("report"));
    c.body.set("yield", r.at("quantity"));
    r.put(c.body, {"operation", "scrap", "unit", "final", "occurred_at", "person", "location",
                   "output_batch"});
    c.body.set("manual", json_value(true));
  }

  void movement(const in::record& r, std::string_view verb) {
    if (lacks(r, {"order", "batch", "quantity", "unit", "occurred_at"})) return;
    if (verb == "report-consumption" && lacks(r, {"material"})) return;
    auto& c = command(in::phase::facts, r, "orders/" + r.at("order"), verb);
    r.put(c.body, {"report", "operation", "material", "batch", "quantity", "unit", "occurred_at",
                   "person", "location"});
    if (verb == "report-consumption") r.put(c.body, {"output_batch"});
    c.body.set("manual", json_value(true));
  }

  void hold(const in::record& r) {
    if (lacks(r, {"reason"})) return;
    const bool of_lot = !r.at("batch").empty();
    if (!of_lot && lacks(r, {"order"})) return;
    const bool is_new = of_lot && produced_.contains(r.at("batch"));
    auto& c =
        command(is_new ? in::phase::late_holds : in::phase::holds, r,
                of_lot ? "batches/" + r.at("batch") : "orders/" + r.at("order"), "place-hold");
    c.column = of_lot ? "batch" : "order";
    c.body.set("hold", r.at("report"));
    r.put(c.body, {"type", "reason", "person"});
    if (of_lot) r.put(c.body, {"quantity", "unit", "location", "occurred_at"});
  }

  bool lacks(const in::record& r, std::initializer_list<std::string_view> fields) {
    for (const auto field : fields)
      if (r.at(field).empty()) {
        reject(r, field, "a " + r.at("what") + " needs it");
        return true;
      }
    return false;
  }
  void reject(const in::record& r, std::string_view field, std::string reason) {
    out_.rejected.push_back({r.where(), std::string(field), std::move(reason)});
  }
  in::line_command& command(in::phase when, const in::record& r, std::string address,
                            std::string_view verb) {
    auto& c = out_.commands.emplace_back();
    c.when = when;
    c.address = std::move(address);
    c.command = verb;
    c.body = json_value::make_object();
    c.lines.push_back(r.where());
    c.column = "report";
    return c;
  }

  const in::plan& plan_;
  const in::csv_table& table_;
  in::import_plan out_;
  std::set<std::string> seen_, produced_;
};

}  // namespace

in::plan catch_up_plan(const std::string& plant, const std::string& file) {
  in::plan out;
  out.plant = plant;
  auto& f = out.files.emplace_back();
  f.content = "facts";
  f.path = f.full_path = file;
  // Where a refusal of the platform points in its own words.
  f.columns = {{"confirmation", "report"}, {"yield", "quantity"}, {"hold", "report"}};
  return out;
}

in::import_plan facts_of(const in::plan& p, const in::csv_table& table) {
  return builder(p, table).build();
}

}  // namespace millrace::fallback
