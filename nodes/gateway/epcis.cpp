// A genealogy in GS1's words: EPCIS 2.0 in JSON-LD, one TransformationEvent for each output lot and
// the order (or movement) that made it. Lots are named by URIs of our own where no GTIN is known.
#include <algorithm>
#include <map>
#include <utility>

#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/path.hpp"
#include "nodes/gateway/tracing.hpp"
#include "schemas/text.hpp"

namespace millrace::gateway {

namespace {

std::string uri(std::string_view what, std::string_view plant, std::string_view id) {
  return "urn:millrace:" + std::string(what) + ':' + encode_segment(plant) + ':' +
         encode_segment(id);
}

/// One quantity of a class of objects; EPCIS leaves the unit out where things are counted.
void write_quantity(json_array& list, const std::string& plant, const std::string& batch,
                    decimal quantity, const std::string& unit) {
  json_object o(list.next());
  o.text("epcClass", uri("lot", plant, batch)).raw("quantity", quantity.to_string());
  if (!unit.empty() && unit != "EA" && unit != "C62") o.text("uom", unit);
}

using output_key = std::pair<actors::lot_id, std::string>;  // lot, order or movement
struct transformation {
  std::vector<const actors::genealogy_edge*> inputs;
  timestamp at;
};

void write_event(json_array& events, const actors::genealogy_result& result, const output_key& key,
                 const transformation& t) {
  const auto& [lot, cause] = key;
  const bool by_order = !t.inputs.front()->order.empty();
  json_object e(events.next());
  e.text("type", "TransformationEvent").text("eventTime", t.at.to_string());
  e.text("eventTimeZoneOffset", "+00:00");
  e.text("transformationID", uri(by_order ? "order" : "movement", lot.plant, cause));
  {
    json_array list(e.key("inputQuantityList"));
    for (const auto* one : t.inputs)
      write_quantity(list, one->from_plant, one->from, one->quantity, one->unit);
  }
  {
    json_array list(e.key("outputQuantityList"));
    const auto node = std::ranges::find_if(
        result.nodes, [&](const auto& n) { return n.plant == lot.plant && n.batch == lot.batch; });
    const bool known = node != result.nodes.end() && node->arrived.is_positive();
    if (known) {
      write_quantity(list, lot.plant, lot.batch, node->arrived, node->unit);
    } else {  // what is not known has no quantity, which EPCIS allows
      json_object o(list.next());
      o.text("epcClass", uri("lot", lot.plant, lot.batch));
    }
  }
  e.text("bizStep", "commissioning").text("disposition", "in_progress");
  json_object(e.key("readPoint")).text("id", "urn:millrace:plant:" + encode_segment(lot.plant));
  if (!by_order) return;
  json_array list(e.key("bizTransactionList"));
  json_object(list.next())
      .text("type", "prodorder")
      .text("bizTransaction", uri("order", lot.plant, cause));
}

}  // namespace

std::string genealogy_as_epcis(const actors::genealogy_result& result, timestamp now) {
  std::map<output_key, transformation> all;
  for (const auto& edge : result.edges) {
    auto& one = all[{{edge.to_plant, edge.to}, edge.order.empty() ? edge.report : edge.order}];
    one.inputs.push_back(&edge);
    one.at = std::max(one.at, edge.at);
  }
  std::vector<std::pair<const output_key*, const transformation*>> in_order;
  for (const auto& [key, one] : all) in_order.emplace_back(&key, &one);
  std::ranges::stable_sort(in_order, {}, [](const auto& one) { return one.second->at; });
  std::string out;
  {
    json_object o(out);
    {
      json_array context(o.key("@context"));
      append_json_string("https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
                         context.next());
      json_object(context.next()).text("millrace", "urn:millrace:vocabulary:");
    }
    o.text("type", "EPCISDocument").text("schemaVersion", "2.0");
    o.text("creationDate", now.to_string());
    o.flag("millrace:complete", result.complete);
    json_object body(o.key("epcisBody"));
    json_array events(body.key("eventList"));
    for (const auto& [key, one] : in_order) write_event(events, result, *key, *one);
  }
  return out;
}

}  // namespace millrace::gateway
