// Materials take their routing and components along. Holds wait for the stock that they stop (they
// would overtake it), and orders for the holds, so that nothing can be granted between.
#include "nodes/onboarding/lines.hpp"

#include <map>
#include <set>
#include <utility>

#include "cluster/sha256.hpp"
#include "nodes/onboarding/record.hpp"

namespace millrace::onboarding_file {
namespace {

using records = std::vector<record>;

class builder {
 public:
  builder(const plan& p, const std::vector<csv_table>& tables) : plan_(p), tables_(tables) {}

  import_plan build() {
    for (const auto& t : tables_) out_.lines.push_back(t.lines.size());
    materials();
    lots();
    orders();
    for (auto& c : out_.commands) c.key = "onboard-" + digest_of(plan_, c);
    return std::move(out_);
  }

 private:
  records read_all(std::string_view content) {
    records out;
    for (std::size_t f = 0; f < plan_.files.size(); ++f) {
      if (plan_.files[f].content != content) continue;
      for (const auto& line : tables_[f].lines)
        if (auto r = record::read(plan_, tables_[f], f, line, out_.rejected))
          out.push_back(std::move(*r));
    }
    return out;
  }
  void reject(const record& r, std::string_view field, std::string reason) {
    const auto& file = plan_.files[r.where().file];
    out_.rejected.push_back({r.where(), column_of(file, field), std::move(reason)});
  }
  line_command& command(phase when, const record& r, std::string address, std::string_view verb) {
    auto& c = out_.commands.emplace_back();
    c.when = when;
    c.address = std::move(address);
    c.command = verb;
    c.body = json_value::make_object();
    c.lines.push_back(r.where());
    return c;
  }
  /// Their own number, where ours is another.
  static void put_erp_id(line_command& c, const record& r, std::string_view field) {
    if (r.raw(field) != r.at(field)) c.body.set("erp_id", r.raw(field));
  }

  void materials() {
    std::map<std::string, std::size_t> commands;
    for (const auto& r : read_all("materials")) {
      const auto& id = r.at("material");
      if (commands.contains(id)) {
        reject(r, "material", id + " is there twice");
        continue;
      }
      commands[id] = out_.commands.size();
      auto& c = command(phase::materials, r, "materials/" + id, "define");
      r.put(c.body, {"revision", "base_unit", "description", "group", "batch_managed",
                     "inspection_required", "shelf_life_days"});
      put_erp_id(c, r, "material");
    }
    const auto add = [&](const record& r, std::string_view list, json_value item) {
      const auto at = commands.find(r.at("material"));
      if (at == commands.end())
        return reject(r, "material", r.at("material") + " is not among the materials taken");
      auto& c = out_.commands[at->second];
      auto all = c.body.find(list) != nullptr ? *c.body.find(list) : json_value::make_array();
      c.parts.emplace_back('/' + std::string(list) + '/' + std::to_string(all.items().size()),
                           r.where());
      c.lines.push_back(r.where());
      all.push(std::move(item));
      c.body.set(list, std::move(all));
    };
    for (const auto& r : read_all("routings")) {
      auto step = json_value::make_object();
      r.put(step, {"operation", "work_center", "description", "setup_time", "machine_time",
                   "labour_time"});
      add(r, "routing", std::move(step));
    }
    for (const auto& r : read_all("components")) {
      auto component = json_value::make_object({{"material", r.at("component")}});
      r.put(component, {"quantity", "unit", "operation", "scrap_percent"});
      add(r, "components", std::move(component));
    }
  }

  void lots() {
    std::map<std::string, record> lots;  // by id
    for (auto& r : read_all("lots")) {
      const auto id = r.at("batch");
      if (lots.contains(id))
        reject(r, "batch", id + " is there twice");
      else
        lots.emplace(id, std::move(r));
    }
    std::map<std::string, std::vector<record>> stock;
    std::vector<std::string> order;  // of the lots, by their first line of stock
    std::set<std::string> places;
    for (auto& r : read_all("stock")) {
      const auto id = r.at("batch");
      if (!lots.contains(id)) {
        reject(r, "batch", id + " is not among the lots taken");
        continue;
      }
      if (!places.insert(id + '\x1f' + place_of(r)).second) {
        reject(r, "location", "the lot's stock of that place and type is there twice");
        continue;
      }
      if (stock[id].empty()) order.push_back(id);
      stock[id].push_back(std::move(r));
    }
    for (const auto& [id, r] : lots)
      if (!stock.contains(id)) reject(r, "batch", id + " has no stock that was taken");
    records holds;
    for (auto& r : read_all("holds"))
      if (stock.contains(r.at("batch")))
        holds.push_back(std::move(r));
      else
        reject(r, "batch", r.at("batch") + " has no stock that was taken");
    for (const auto& id : order)
      for (const auto& r : stock[id]) receive(r, lots.at(id));
    for (const auto& r : holds) hold(r);
  }

  static std::string place_of(const record& r) { return r.at("location") + '~' + r.at("type"); }

  void hold(const record& r) {
    auto& c = command(phase::holds, r, "batches/" + r.at("batch"), "place-hold");
    r.put(c.body,
          {"hold", "type", "reason", "quantity", "unit", "location", "occurred_at", "person"});
    c.body.set("source", "onboarding");
  }

  /// The receipt's number is that of the place, not of the quantity: a line that was corrected
  /// after its import is refused, and never doubles the stock.
  void receive(const record& r, const record& lot) {
    auto& c = command(phase::lots, r, "batches/" + r.at("batch"), "receive");
    c.body.set("material", lot.at("material"));
    r.put(c.body, {"quantity", "unit", "location"});
    c.body.set("stock", r.at("type"));
    lot.put(c.body, {"supplier", "supplier_lot", "expires"});
    c.body.set("receipt", "onboard~" + sha256_hex(place_of(r)).substr(0, 24));
    put_erp_id(c, lot, "batch");
    c.parts.emplace_back("/material", lot.where());
    c.parts.emplace_back("/expires", lot.where());
  }

  void orders() {
    std::set<std::string> seen;
    records released;
    for (auto& r : read_all("orders")) {
      const auto id = r.at("order");
      const auto status = r.at("status");
      if (!seen.insert(id).second) {
        reject(r, "order", id + " is there twice");
        continue;
      }
      if (status != "created" && status != "released") {
        reject(r, "status", '"' + status + "\" is neither created nor released");
        continue;
      }
      auto& c = command(phase::orders, r, "orders/" + id, "create");
      r.put(c.body, {"material", "revision", "quantity", "unit", "due", "start", "type"});
      put_erp_id(c, r, "order");
      if (status == "released") released.push_back(std::move(r));
    }
    for (const auto& r : released)
      command(phase::releases, r, "orders/" + r.at("order"), "release");
  }

  const plan& plan_;
  const std::vector<csv_table>& tables_;
  import_plan out_;
};

}  // namespace

import_plan commands_of(const plan& p, const std::vector<csv_table>& tables) {
  return builder(p, tables).build();
}

std::vector<stock_line> stock_of(const plan& p, const std::vector<csv_table>& tables,
                                 std::vector<rejection>& rejected) {
  std::vector<stock_line> out;
  for (std::size_t f = 0; f < p.files.size(); ++f) {
    if (p.files[f].content != "stock") continue;
    for (const auto& line : tables[f].lines)
      if (const auto r = record::read(p, tables[f], f, line, rejected))
        out.push_back({r->where(), r->at("batch"), r->at("location"), r->at("type"),
                       r->at("quantity"), r->at("unit")});
  }
  return out;
}

std::string digest_of(const plan& p, const line_command& c) {
  const auto text = p.plant + '\x1f' + c.address + '\x1f' + c.command + '\x1f' + c.body.dump();
  return sha256_hex(text).substr(0, 40);
}

}  // namespace millrace::onboarding_file
