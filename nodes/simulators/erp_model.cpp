// The simulated ERP: orders, confirmations and goods movements with document numbers, stock,
// blocks, allocations. Its API speaks the dialect of an SAP system (AUFNR, CHARG, BWART, ...), so
// that a mapping has something to do.
#include <algorithm>
#include <array>
#include <optional>

#include "nodes/simulators/erp_stock.hpp"
#include "nodes/simulators/simulator_model.hpp"

namespace millrace::simulator {
namespace {

/// What a movement type does to stock: takes it from one type, puts it into another.
struct movement_rule {
  std::string_view type;
  std::optional<stock_type> from, into;
};
constexpr auto free_stock = stock_type::unrestricted;
constexpr auto quality = stock_type::quality;
constexpr auto blocked = stock_type::blocked;
constexpr std::array<movement_rule, 29> movement_rules{{
    {"101", {}, free_stock},      {"102", free_stock, {}},      {"261", free_stock, {}},
    {"262", {}, free_stock},      {"531", {}, free_stock},      {"532", free_stock, {}},
    {"321", quality, free_stock}, {"322", free_stock, quality}, {"350", quality, blocked},
    {"349", blocked, quality},    {"343", blocked, free_stock}, {"344", free_stock, blocked},
    {"551", free_stock, {}},      {"553", quality, {}},         {"555", blocked, {}},
    {"331", quality, {}},         {"333", free_stock, {}},      {"601", free_stock, {}},
    {"602", {}, free_stock},      {"701", {}, free_stock},      {"702", free_stock, {}},
    {"122", blocked, {}},         {"123", {}, blocked},         {"552", {}, free_stock},
    {"554", {}, quality},         {"556", {}, blocked},         {"332", {}, quality},
    {"334", {}, free_stock},      {"335", blocked, {}},
}};

std::string plain_number(std::string text) {
  const auto first = text.find_first_not_of('0');
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  return digits && first != std::string::npos ? text.substr(first) : text;
}

class erp final : public model {
 public:
  explicit erp(std::string plant) : plant_(std::move(plant)) {}
  std::string_view name() const override { return "erp"; }

  api_answer handle(const api_call& call, std::vector<platform_call>& out) override {
    if (!call.path.empty() && call.path[0] == "act") return act(call, out);
    const auto& body = call.body;
    if (call.is_post({"api", "goods-movements"})) return goods_movement(call);
    if (call.is_post({"api", "confirmations"})) return confirmation(call);
    if (call.is_post({"api", "confirmation-cancellations"})) return cancel_confirmation(call);
    if (call.is_post({"api", "orders", "*", "release"})) return release(call);
    if (call.is_post({"api", "stock-blocks"})) return block(call);
    if (call.is_post({"api", "stock-unblocks"})) return unblock(call);
    if (call.is_post({"api", "procurement-blocks"})) return procurement(call, true);
    if (call.is_post({"api", "procurement-unblocks"})) return procurement(call, false);
    if (call.is_post({"api", "batch-records"})) return document("batch-record", body, call.now);
    if (call.is_post({"api", "stock-queries"})) return stock_query(call, out);
    if (call.is_post({"api", "goods-issues"})) return goods_issue(call);
    if (call.is_post({"api", "allocations"})) return allocate(body);
    return refused(404, "this ERP has no such function");
  }

  json_value state() const override {
    auto out = json_value::make_object({{"system", "erp"}, {"plant", plant_}});
    out.set("orders", orders_)
        .set("stock", stock_.to_json())
        .set("materials", materials_)
        .set("procurement_blocks", procurement_blocks_)
        .set("documents", documents_);
    return out;
  }

 private:
  api_answer document(std::string_view kind, const json_value& what, const std::string& now) {
    const auto number = "49" + std::to_string(100'000'000 + ++last_document_);
    auto entry =
        json_value::make_object({{"document", number}, {"kind", kind}, {"posted_at", now}});
    entry.set("content", what);
    documents_.push(std::move(entry));
    return {201, json_value::make_object({{"document", number}})};
  }

  api_answer goods_issue(const api_call& call) {
    const auto batch = call.body.text("CHARG");
    const auto quantity = decimal::parse(call.body.text("MENGE"));
    if (!quantity || !quantity->is_positive())
      return refused(422, "MENGE must be a positive quantity");
    if (stock_.find(batch) == nullptr)
      return refused(425, "batch " + batch + " has not been received here yet");
    if (!stock_.issue(batch, free_stock, *quantity))
      return refused(422, "batch " + batch + " does not hold enough free stock");
    return document("goods-issue", call.body, call.now);
  }

  api_answer goods_movement(const api_call& call) {
    const auto& body = call.body;
    const auto type = body.text("BWART");
    const auto quantity = decimal::parse(body.text("MENGE"));
    if (!quantity || !quantity->is_positive())
      return refused(422, "MENGE must be a positive quantity");
    if (body.has("UMCHA")) return transfer_posting(call, *quantity);
    const movement_rule* rule = nullptr;
    for (const auto& candidate : movement_rules)
      if (candidate.type == type) rule = &candidate;
    if (rule == nullptr) return refused(422, "movement type " + type + " is not allowed here");
    const auto order = plain_number(body.text("AUFNR"));
    if (!order.empty() && orders_.has(order) && orders_.find(order)->text("status") == "CLSD")
      return refused(422, "order " + order + " is closed");
    const auto batch = body.text("CHARG");
    auto into = rule->into;
    if (into == free_stock && !rule->from && type == "101") {
      const auto* material = materials_.find(body.text("MATNR"));
      if (body.has("INSMK"))
        into = stock_type_of(body.text("INSMK"));
      else if (material != nullptr && material->find("inspection") != nullptr)
        into = quality;
      if (!into) return refused(422, "INSMK is not a stock type");
    }
    // Another order's or system's message about the lot may still be under way: the sender shall
    // come again.
    if (rule->from && stock_.find(batch) == nullptr)
      return refused(425, "batch " + batch + " has not been received here yet");
    if (rule->from && into) {
      if (!stock_.move(batch, *rule->from, *into, *quantity)) return short_of(batch, type);
    } else if (rule->from) {
      if (!take(batch, type, *rule->from, *quantity)) return short_of(batch, type);
    } else {
      stock_.receive(batch, body.text("MATNR"), body.text("MEINS"), *into, *quantity);
    }
    return document("goods-movement", body, call.now);
  }

  /// From a lot to another one (309, 301, 351) and back (310, 302, 352). The second step of 351 is
  /// a receipt of its own where it arrives.
  api_answer transfer_posting(const api_call& call, decimal quantity) {
    const auto& body = call.body;
    const auto type = body.text("BWART");
    const bool back = type == "310" || type == "302" || type == "352";
    if (!back && type != "309" && type != "301" && type != "351")
      return refused(422, "movement type " + type + " moves no batch into another");
    const auto stock = stock_type_of(body.text("INSMK")).value_or(free_stock);
    const auto from = body.text(back ? "UMCHA" : "CHARG");
    const auto into = body.text(back ? "CHARG" : "UMCHA");
    const bool one_step = type != "351" && type != "352";
    if ((one_step || !back) && !stock_.issue(from, stock, quantity)) return short_of(from, type);
    if (one_step || back) {
      const auto material = body.has("UMMAT") && !back ? body.text("UMMAT") : body.text("MATNR");
      stock_.receive(into, material, body.text("MEINS"), stock, quantity);
    }
    return document("goods-movement", body, call.now);
  }

  // A reversed receipt comes out of wherever the receipt stands now.
  bool take(const std::string& batch, const std::string& type, stock_type from, decimal quantity) {
    if (stock_.issue(batch, from, quantity)) return true;
    if (type != "102" && type != "532") return false;
    return stock_.issue(batch, quality, quantity) || stock_.issue(batch, blocked, quantity);
  }

  static api_answer short_of(const std::string& batch, const std::string& type) {
    return refused(422,
                   "deficit of stock: batch " + batch + " cannot give that for movement " + type);
  }

  api_answer confirmation(const api_call& call) {
    const auto order = plain_number(call.body.text("AUFNR"));
    const auto* known = orders_.find(order);
    if (known != nullptr && known->text("status") == "CLSD")
      return refused(422, "order " + order + " is closed");
    if (known != nullptr) {
      json_value changed = *known;
      changed.set("status", call.body.text("AUERU") == "X" ? "CNF" : "PCNF");
      orders_.set(order, std::move(changed));
    }
    return document("confirmation", call.body, call.now);
  }

  api_answer cancel_confirmation(const api_call& call) {
    for (const auto& entry : documents_.items())
      if (entry.text("kind") == "confirmation" &&
          entry.find("content")->text("RUECK") == call.body.text("RUECK"))
        return document("confirmation-cancellation", call.body, call.now);
    return refused(422, "there is no confirmation " + call.body.text("RUECK"));
  }

  api_answer release(const api_call& call) {
    const auto order = plain_number(call.path[2]);
    const auto* known = orders_.find(order);
    json_value changed = known != nullptr ? *known : json_value::make_object({{"order", order}});
    if (changed.text("status") == "CLSD") return refused(409, "order " + order + " is closed");
    changed.set("status", "REL").set("released_at", call.now);
    orders_.set(order, std::move(changed));
    return document("order-release", call.body, call.now);
  }

  api_answer block(const api_call& call) {
    const auto& body = call.body;
    if (body.text("CHARG").empty() || body.text("HOLD").empty())
      return refused(422, "CHARG and HOLD are needed");
    std::optional<decimal> quantity;
    if (body.has("MENGE")) {
      const auto parsed = decimal::parse(body.text("MENGE"));
      if (!parsed) return refused(422, "MENGE must be a quantity");
      quantity = *parsed;
    }
    stock_.block(body.text("CHARG"), body.text("MATNR"), body.text("HOLD"), quantity);
    return document("stock-block", body, call.now);
  }

  api_answer unblock(const api_call& call) {
    stock_.unblock(call.body.text("CHARG"), call.body.text("HOLD"));
    return document("stock-unblock", call.body, call.now);
  }

  /// Buys nothing of a supplier as long as one of its blocks is there.
  api_answer procurement(const api_call& call, bool block) {
    const auto supplier = call.body.text("LIFNR");
    const auto hold = call.body.text("HOLD");
    if (supplier.empty() || hold.empty()) return refused(422, "LIFNR and HOLD are needed");
    const auto* found = procurement_blocks_.find(supplier);
    auto holds = found != nullptr ? *found : json_value::make_object();
    procurement_blocks_.set(supplier, holds.set(hold, block));
    return document(block ? "procurement-block" : "procurement-unblock", call.body, call.now);
  }

  /// {query, run, plant, MATNR?}: tells the platform all its stock, in parts.
  api_answer stock_query(const api_call& call, std::vector<platform_call>& out) {
    constexpr std::size_t lines_max = 500;
    const auto query = call.body.text("query");
    const auto run = call.body.text("run");
    if (query.empty() || run.empty()) return refused(422, "query and run are needed");
    const auto lines = stock_.report(call.body.text("MATNR"));
    const auto plant = call.body.has("plant") ? call.body.text("plant") : plant_;
    std::size_t at = 0;
    for (std::size_t part = 1; part == 1 || at < lines.size(); ++part) {
      auto list = json_value::make_array();
      for (const auto end = std::min(lines.size(), at + lines_max); at < end; ++at)
        list.push(lines[at]);
      auto body = json_value::make_object({{"system", "erp"}});
      body.set("run", json_value(json_value::number{run}))
          .set("part", json_value(json_value::number{std::to_string(part)}))
          .set("last", at == lines.size())
          .set("as_of", call.now)
          .set("lines", std::move(list));
      out.push_back({plant, "stock-reconciliations/" + query + "/report-stock", std::move(body),
                     "erp-stock-" + query + '-' + run + '-' + std::to_string(part)});
    }
    return document("stock-query", call.body, call.now);
  }

  api_answer allocate(const json_value& body) {
    const auto quantity = decimal::parse(body.text("MENGE"));
    if (!quantity || !quantity->is_positive())
      return refused(422, "MENGE must be a positive quantity");
    if (const auto reason = stock_.allocate(body.text("CHARG"), body.text("KUNNR"), *quantity))
      return refused(409, *reason);
    return {201, json_value::make_object({{"allocated", quantity->to_string()}})};
  }

  // What people do in the ERP: it acts itself and tells the platform.
  api_answer act(const api_call& call, std::vector<platform_call>& out) {
    const auto& body = call.body;
    if (call.is_post({"act", "allocate"})) return allocate(body);
    const auto plant = body.has("plant") ? body.text("plant") : plant_;
    if (call.is_post({"act", "define-material"})) {
      const auto material = body.text("material");
      if (material.empty()) return refused(422, "material is needed");
      auto known = json_value::make_object({{"revision", body.text("revision")}});
      if (const auto* inspection = body.find("inspection");
          inspection != nullptr && inspection->truth())
        known.set("inspection", true);
      materials_.set(material, std::move(known));
      out.push_back({plant, "materials/" + material + "/define",
                     without(body, {"plant", "material", "inspection"}),
                     "erp-define-" + material + '-' + body.text("revision")});
      return {};
    }
    if (call.is_post({"act", "receive"})) {
      const auto batch = body.text("batch");
      const auto quantity = decimal::parse(body.text("quantity"));
      if (batch.empty() || !quantity) return refused(422, "batch and quantity are needed");
      const auto* material = materials_.find(body.text("material"));
      const bool inspected = material != nullptr && material->has("inspection");
      stock_.receive(batch, body.text("material"), body.text("unit"),
                     inspected ? quality : free_stock, *quantity);
      const auto receipt = document("goods-receipt", body, call.now);
      out.push_back({plant, "batches/" + batch + "/receive", without(body, {"plant", "batch"}),
                     "erp-receipt-" + receipt.body.text("document")});
      return receipt;
    }
    if (call.is_post({"act", "create-order"})) {
      const auto order = body.text("order");
      if (order.empty()) return refused(422, "order is needed");
      auto known = without(body, {"plant"});
      known.set("status", "CRTD");
      orders_.set(order, std::move(known));
      out.push_back({plant, "orders/" + order + "/create", without(body, {"plant", "order"}),
                     "erp-create-" + order});
      return {};
    }
    if (call.is_post({"act", "request-release"})) {
      const auto order = body.text("order");
      if (!orders_.has(order)) return refused(404, "there is no order " + order);
      out.push_back({plant, "orders/" + order + "/request-release",
                     without(body, {"plant", "order"}),
                     "erp-release-" + order + '-' + std::to_string(++last_act_)});
      return {};
    }
    if (call.is_post({"act", "close-order"})) {
      const auto order = body.text("order");
      if (!orders_.has(order)) return refused(404, "there is no order " + order);
      json_value known = *orders_.find(order);
      orders_.set(order, known.set("status", "CLSD"));
      out.push_back({plant, "orders/" + order + "/close", json_value::make_object(),
                     "erp-close-" + order + '-' + std::to_string(++last_act_)});
      return {};
    }
    return refused(404, "this ERP cannot be told to do that");
  }

  std::string plant_;
  json_value orders_ = json_value::make_object();
  json_value materials_ = json_value::make_object();
  json_value documents_ = json_value::make_array();
  json_value procurement_blocks_ = json_value::make_object();  // supplier -> {block: open}
  erp_stock stock_;
  std::uint64_t last_document_ = 0;
  std::uint64_t last_act_ = 0;
};

}  // namespace

std::unique_ptr<model> make_erp(std::string default_plant) {
  return std::make_unique<erp>(std::move(default_plant));
}

}  // namespace millrace::simulator
