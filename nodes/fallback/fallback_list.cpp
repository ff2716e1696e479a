// The list is made of what the API shows: no second truth beside it.
#include "nodes/fallback/fallback_list.hpp"

#include <chrono>
#include <functional>

#include "nodes/client/http_client.hpp"
#include "schemas/native.hpp"

namespace millrace::fallback {
namespace {

using onboarding_file::node_client;
using taker = std::function<void(const std::string& id, const json_value& state)>;

/// Every actor of a list, over all pages.
result<void> each(node_client& node, const std::string& path, const taker& take) {
  std::string cursor;
  do {
    const auto page =
        node.must("ops", "GET",
                  path + "limit=500" + (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor)));
    if (!page) return page.error();
    const auto* items = page->find("items");
    if (items == nullptr) return error{"request.not_json", "a list without items"};
    for (const auto& item : items->items()) {
      const auto address = item.text("address");
      if (const auto* state = item.find("state"))
        take(address.substr(address.rfind('/') + 1), *state);
    }
    cursor = page->text("next");
  } while (!cursor.empty());
  return {};
}

void take_holds(list& out, const std::string& subject, const json_value& state) {
  const auto* holds = state.find("holds");
  if (holds == nullptr) return;
  for (const auto& h : holds->items())
    out.held.push_back({subject, h.text("hold"), h.text("type"), h.text("quantity"),
                        state.text("unit"), h.text("location"), h.text("reason"),
                        h.text("placed_by"), h.text("placed_at")});
}

void take_order(list& out, const std::string& id, const json_value& state) {
  take_holds(out, "order " + id, state);
  const auto* operations = state.find("operations");
  if (operations == nullptr) return;
  for (const auto& o : operations->items())
    out.orders.push_back({id, state.text("material"), o.text("operation"), o.text("work_center"),
                          o.text("planned"), o.text("yield"), state.text("unit"), o.text("status"),
                          state.text("due")});
}

bool is_positive(const std::string& quantity) {
  const auto value = decimal::parse(quantity);
  return value && value->is_positive();
}

void take_lot(list& out, const std::string& id, const json_value& state) {
  take_holds(out, "lot " + id, state);
  const auto line = [&](const std::string& quantity, const std::string& order) {
    out.usable.push_back(
        {id, state.text("material"), quantity, state.text("unit"), order, state.text("expires")});
  };
  if (is_positive(state.text("allocatable"))) line(state.text("allocatable"), {});
  if (const auto* reserved = state.find("reservations"))
    for (const auto& r : reserved->items())
      if (is_positive(r.text("quantity"))) line(r.text("quantity"), r.text("order"));
}

/// A table of text: columns as wide as their widest cell.
class table {
 public:
  explicit table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i)
        line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + '\n';
    }
    return out;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

void add_row(std::string& out, const std::vector<std::string>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) out += (i == 0 ? "" : ",") + csv_field(fields[i]);
  out += '\n';
}

}  // namespace

result<list> read_list(node_client& node, const std::string& plant) {
  list out;
  out.plant = plant;
  out.as_of = timestamp::from_micros(std::chrono::duration_cast<std::chrono::microseconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count())
                  .to_string();
  const auto base = "/v1/plants/" + percent_encode(plant);
  for (const auto* life : {"partially_released", "released"})
    if (auto read = each(node, base + "/orders?life=" + life + '&',
                         [&](const auto& id, const auto& state) { take_order(out, id, state); });
        !read)
      return read.error();
  if (auto read = each(node, base + "/batches?",
                       [&](const auto& id, const auto& state) { take_lot(out, id, state); });
      !read)
    return read.error();
  return out;
}

std::string as_text(const list& of) {
  std::string out =
      "Plant " + of.plant + ", as of " + of.as_of + "\n\nHELD: neither use nor ship\n";
  table held({"what", "hold", "type", "quantity", "place", "since", "by", "reason"});
  for (const auto& h : of.held)
    held.add({h.subject, h.hold, h.type,
              h.quantity.empty() ? std::string("all") : h.quantity + ' ' + h.unit, h.location,
              h.since, h.by, h.reason});
  out += held.text() + "\nOPEN ORDERS\n";
  table orders({"order", "material", "operation", "at", "planned", "done", "unit", "due", "made"});
  for (const auto& o : of.orders)
    orders.add({o.order, o.material, o.operation, o.work_center, o.planned, o.done, o.unit, o.due,
                "__________"});
  out += orders.text() + "\nMAY BE USED\n";
  table usable({"lot", "material", "quantity", "unit", "only for", "expires", "used"});
  for (const auto& u : of.usable)
    usable.add({u.batch, u.material, u.quantity, u.unit,
                u.order.empty() ? std::string() : "order " + u.order, u.expires, "__________"});
  return out + usable.text();
}

std::string as_csv(const list& of) {
  std::string out;
  add_row(out, {"section", "id", "material", "operation", "place", "quantity", "done", "unit",
                "status", "reason", "by", "since"});
  for (const auto& h : of.held)
    add_row(out, {"held",
                  h.subject,
                  {},
                  {},
                  h.location,
                  h.quantity,
                  {},
                  h.unit,
                  h.type,
                  h.hold + ": " + h.reason,
                  h.by,
                  h.since});
  for (const auto& o : of.orders)
    add_row(out, {"order",
                  o.order,
                  o.material,
                  o.operation,
                  o.work_center,
                  o.planned,
                  o.done,
                  o.unit,
                  o.status,
                  {},
                  {},
                  o.due});
  for (const auto& u : of.usable)
    add_row(out, {"usable",
                  u.batch,
                  u.material,
                  {},
                  {},
                  u.quantity,
                  {},
                  u.unit,
                  u.order.empty() ? std::string() : "order " + u.order,
                  {},
                  {},
                  u.expires});
  return out;
}

}  // namespace millrace::fallback
