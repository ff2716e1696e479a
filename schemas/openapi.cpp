// Paths of the OpenAPI document: those of the kinds from the model, the platform's from one table.
#include "schemas/openapi.hpp"

#include <algorithm>
#include <array>

#include <flatbuffers/reflection.h>

#include "schemas/openapi_schemas.hpp"

namespace millrace {
namespace {

/// A route that belongs to no kind. `query`: parameter names, comma separated.
struct fixed_route {
  std::string_view path;
  std::string_view method;
  std::string_view tag;
  std::string_view summary;
  std::string_view query;
  bool is_open = false;  // needs no token
};

constexpr std::array fixed_routes{
    fixed_route{"/v1/plants/{plant}/commands", "post", "platform",
                "Up to 1,000 commands, each answered on its own", ""},
    fixed_route{"/v1/plants/{plant}/stock", "get", "inventory",
                "Quantity, reserved, allocated and allocatable", "material,batch,location,type"},
    fixed_route{"/v1/plants/{plant}/batches/{id}/availability", "get", "inventory",
                "What is allocatable, and what blocks the rest", ""},
    fixed_route{"/v1/views/recall", "get", "traceability",
                "What holds anything of a supplier's lot, and which shipments have left with it",
                "supplier,supplier_lot,plant,at"},
    fixed_route{"/v1/views/shift", "get", "platform",
                "One plant now: what runs, is down, held, not as specified, not posted", "plant"},
    fixed_route{"/v1/views/hold-board", "get", "quality",
                "Open holds with who has acknowledged and what waits", "plant"},
    fixed_route{"/v1/views/release-cockpit", "get", "production",
                "Order and batch releases under way, with what they wait for", "plant"},
    fixed_route{"/v1/views/exceptions", "get", "platform",
                "Facts that could not be posted, counted by code, the oldest first", "plant"},
    fixed_route{"/v1/views/supervisor/{work_center}", "get", "production",
                "A work center with its orders, batch runs and nonconformances", "plant"},
    fixed_route{"/v1/plants/{plant}/batches/{id}/genealogy", "get", "traceability",
                "Inputs and outputs of a batch, any depth, across plants",
                "direction,depth,at,format"},
    fixed_route{"/v1/plants/{plant}/orders/{id}/check-release", "post", "production",
                "Every check of the release with verdict and reason; changes nothing", ""},
    fixed_route{"/v1/plants/{plant}/batch-runs/{id}/record", "get", "production",
                "The batch record: every entry, and the hash that shows it whole", ""},
    fixed_route{"/v1/rules", "get", "platform",
                "Catalogue of the business rules; of a plant with what it works by", "plant"},
    fixed_route{"/v1/rules", "put", "platform",
                "Sets rules of the enterprise, a region or a plant; the plants adopt them", ""},
    fixed_route{"/v1/slas", "get", "platform",
                "Business service levels per plant: percentiles, breaches, burn rates",
                "plant,name"},
    fixed_route{"/v1/rules/history", "get", "platform", "Versions of a rule set",
                "level,region,plant,limit,cursor"},
    fixed_route{"/v1/rules/dry-run", "post", "platform",
                "What other rules would have changed, by a plant's past events", ""},
    fixed_route{"/v1/plants/{plant}/{collection}/{id}/{rows}", "get", "platform",
                "What a kind keeps beside an actor's state, by key", "limit,cursor"},
    fixed_route{"/v1/reconciliation", "get", "inventory",
                "Stock reconciliations with accuracy and open differences", "status,limit,cursor"},
    fixed_route{"/v1/exceptions", "get", "platform", "Facts that could not be posted",
                "plant,code,limit,cursor"},
    fixed_route{"/v1/exceptions/{id}", "get", "platform", "One exception with its command", ""},
    fixed_route{"/v1/exceptions/{id}/correct", "post", "platform",
                "Posts the fact with a corrected body", ""},
    fixed_route{"/v1/exceptions/{id}/retry", "post", "platform", "Tries the fact again", ""},
    fixed_route{"/v1/exceptions/{id}/discard", "post", "platform",
                "Gives the fact up, with a reason", ""},
    fixed_route{"/v1/exceptions/{id}/approve", "post", "platform",
                "A second person approves of a command that waits for one", ""},
    fixed_route{"/v1/exceptions/{id}/reject", "post", "platform",
                "Gives up a command that waits for a second person, with a reason", ""},
    fixed_route{"/v1/xref", "get", "platform", "Which actor an outer system's number means",
                "system,id"},
    fixed_route{"/v1/processes", "get", "platform",
                "Long-running workflows with steps, waits and reasons", "plant,kind,limit,cursor"},
    fixed_route{"/v1/transactions/{correlation}", "get", "platform",
                "Every hop, system, attempt and time of a business transaction", ""},
    fixed_route{"/v1/events", "get", "platform",
                "Events as CloudEvents 1.0, by page or live as text/event-stream",
                "plant,after,type,limit"},
    fixed_route{"/v1/export", "get", "platform",
                "Events as NDJSON, a CloudEvent a line; Link names what follows",
                "plant,from,types"},
    fixed_route{"/v1/audit", "get", "platform",
                "Who did what, when, why and on whose behalf, of a plant, oldest first",
                "plant,from,to,actor,principal,limit,cursor"},
    fixed_route{"/v1/audit/entries", "get", "platform",
                "The journal's entries with their hash chain, for an audit that shows itself whole",
                "plant,from,to,actor,principal,limit,cursor"},
    fixed_route{"/v1/cluster", "get", "system", "Nodes, plants, leaders and replicas", ""},
    fixed_route{"/v1/cluster/nodes/{node}/drain", "post", "system",
                "Moves leaders away from a node, places nothing on it", ""},
    fixed_route{"/v1/cluster/nodes/{node}/resume", "post", "system",
                "A drained node takes plants again", ""},
    fixed_route{"/v1/endpoints", "get", "platform",
                "Outer systems: backlog, circuit breaker, last contact", "plant"},
    fixed_route{"/v1/endpoints/{plant}/{system}", "get", "platform", "One outer system of a plant",
                ""},
    fixed_route{"/v1/endpoints/{plant}/{system}/pause", "post", "platform",
                "Sends nothing until a time, with a reason; without a time it resumes", ""},
    fixed_route{"/v1/endpoints/{plant}/{system}/preview", "post", "platform",
                "What the mapping makes of a dead letter or of a given message; sends nothing", ""},
    fixed_route{"/v1/deadletters", "get", "platform", "Deliveries that were given up",
                "plant,endpoint,code,limit,cursor"},
    fixed_route{"/v1/deadletters/{id}/retry", "post", "platform",
                "Delivers again, with an edit when one is given", ""},
    fixed_route{"/v1/deadletters/{id}/discard", "post", "platform",
                "Gives a delivery up, with a reason", ""},
    fixed_route{"/v1/deadletters/retry", "post", "platform", "Delivers many again",
                "endpoint,code"},
    fixed_route{"/openapi.json", "get", "platform", "This document", "", true},
    fixed_route{"/asyncapi.json", "get", "platform", "Events and deliveries as AsyncAPI 3.0", "",
                true},
    fixed_route{"/metrics", "get", "platform", "Prometheus text", "", true},
    fixed_route{"/healthz", "get", "platform", "Alive", "", true},
    fixed_route{"/readyz", "get", "platform", "Ready to serve", "", true}};

constexpr std::string_view header_parameters =
    R"("IdempotencyKey":{"name":"Idempotency-Key","in":"header","description":"The same key and body give the first answer again.","schema":{"type":"string"}},
"CorrelationId":{"name":"Correlation-Id","in":"header","schema":{"type":"string"}},
"OnBehalfOf":{"name":"On-Behalf-Of","in":"header","description":"The person, from clients that may assert one.","schema":{"type":"string"}},
"IfMatch":{"name":"If-Match","in":"header","description":"\"generation.sequence\"","schema":{"type":"string"}})";

constexpr std::string_view common_responses =
    R"("Problem":{"description":"Refused; `code` says why","content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}},
"Accepted":{"description":"The outcome is not known yet (Location), or a fact became an exception","content":{"application/json":{"schema":{"type":"object","properties":{"exception":{"$ref":"#/components/schemas/Exception"},"correlation":{"type":"string"}}}}}},
"Document":{"description":"Done","content":{"application/json":{"schema":{"type":"object"}}}})";

void write_parameter(std::string_view name, std::string_view in, const index_model* index,
                     json_text& out) {
  out.open('{').pair("name", name).pair("in", in);
  if (in == "path") out.pair("required", true);
  out.key("schema").open('{').pair("type", "string");
  if (index && index->enumeration) {
    out.key("enum").open('[');
    for (const auto* value : *index->enumeration->values()) out.value(value->name()->string_view());
    out.close(']');
  }
  out.close('}').close('}');
}

/// A parameter for each {name} in the path.
void write_path_parameters(std::string_view path, json_text& out) {
  for (auto at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1))
    write_parameter(path.substr(at + 1, path.find('}', at) - at - 1), "path", nullptr, out);
}

void write_query_parameters(std::string_view names, json_text& out) {
  while (!names.empty()) {
    const auto comma = names.find(',');
    write_parameter(names.substr(0, comma), "query", nullptr, out);
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
}

void write_shared(std::string_view section, std::string_view name, json_text& out) {
  out.open('{')
      .pair("$ref", "#/components/" + std::string(section) + "/" + std::string(name))
      .close('}');
}

/// `"200": {...}` whose body is {address, sequence, state, ...}.
void write_state_response(const kind_model& kind, bool is_list, json_text& out) {
  const auto actor = [&] {
    out.open('{').pair("type", "object").key("properties").open('{');
    out.key("address").open('{').pair("type", "string").close('}');
    out.key("sequence").open('{').pair("type", "integer").close('}');
    out.key("state");
    write_shared("schemas", component_name(*kind.state.object), out);
    out.key("events").raw(R"({"type":"array","items":{"$ref":"#/components/schemas/Event"}})");
    out.key("correlation").raw(R"({"type":"string"})");
    out.close('}').close('}');
  };
  out.key("200")
      .open('{')
      .pair("description", is_list ? "One page" : "Done")
      .key("content")
      .open('{');
  out.key("application/json").open('{').key("schema");
  if (is_list) {
    out.open('{').pair("type", "object").key("properties").open('{');
    out.key("items").open('{').pair("type", "array").key("items");
    actor();
    out.close('}').key("next").raw(R"({"type":"string"})").close('}').close('}');
  } else {
    actor();
  }
  out.close('}').close('}').close('}');
}

/// "Confirm operation" for ConfirmOperation.
std::string words_of(const table_model& command) {
  auto words = command.wire_name;
  std::replace(words.begin(), words.end(), '-', ' ');
  words.front() = command.name.front();
  return words;
}

class document {
 public:
  explicit document(const schema_model& model) : model_(model) {}

  std::string write() {
    out_.open('{').pair("openapi", "3.1.0");
    out_.key("info").raw(
        R"({"title":"Millrace","version":"1","description":"Keeps ERP, MES and quality systems of many plants in step."})");
    out_.key("security").raw(R"([{"bearer":[]}])");
    out_.key("paths").open('{');
    for (const auto& kind : model_.kinds()) write_kind(kind);
    write_fixed();
    out_.close('}').key("components").open('{');
    out_.key("securitySchemes").raw(R"({"bearer":{"type":"http","scheme":"bearer"}})");
    out_.key("parameters").open('{').raw(header_parameters).close('}');
    out_.key("responses").open('{').raw(common_responses).close('}');
    out_.key("schemas").open('{');
    write_components(model_, out_);
    out_.close('}').close('}').close('}');
    return out_.take();
  }

 private:
  void write_kind(const kind_model& kind) {
    const bool is_plant = kind.name == "plant";
    const auto list =
        is_plant ? std::string("/v1/plants") : "/v1/plants/{plant}/" + kind.collection;
    const auto actor = is_plant ? std::string("/v1/plants/{plant}") : list + "/{id}";
    write_list(kind, list, kind.name + ".list");
    if (!is_plant) write_list(kind, "/v1/" + kind.collection, kind.name + ".list-everywhere");
    write_get(kind, actor);
    for (const auto& command : kind.commands)
      if (command.object && !command.internal)
        write_command(kind, command, actor + "/" + command.wire_name);
  }

  void begin(std::string_view method, std::string_view id, std::string_view tag,
             std::string_view summary) {
    out_.key(method)
        .open('{')
        .pair("operationId", id)
        .key("tags")
        .open('[')
        .value(tag)
        .close(']')
        .pair("summary", summary);
  }

  void write_list(const kind_model& kind, const std::string& path, const std::string& id) {
    out_.key(path).open('{');
    begin("get", id, kind.domain, "List of " + kind.collection);
    out_.key("parameters").open('[');
    write_path_parameters(path, out_);
    for (const auto& index : kind.indexes) write_parameter(index.field, "query", &index, out_);
    write_query_parameters("limit,cursor", out_);
    out_.close(']').key("responses").open('{');
    write_state_response(kind, true, out_);
    out_.key("default");
    write_shared("responses", "Problem", out_);
    out_.close('}').close('}').close('}');
  }

  void write_get(const kind_model& kind, const std::string& path) {
    out_.key(path).open('{');
    begin("get", kind.name + ".get", kind.domain,
          kind.state.doc.empty() ? "State of one " + kind.name : kind.state.doc);
    out_.pair("x-kind", kind.name).pair("x-steward", kind.steward).key("parameters").open('[');
    write_path_parameters(path, out_);
    out_.raw(
        R"({"name":"consistency","in":"query","schema":{"type":"string","enum":["leader","linearizable","local"]}})");
    out_.raw(R"({"name":"history","in":"query","schema":{"type":"boolean"}})");
    out_.close(']').key("responses").open('{');
    write_state_response(kind, false, out_);
    out_.key("default");
    write_shared("responses", "Problem", out_);
    out_.close('}').close('}').close('}');
  }

  void write_command(const kind_model& kind, const table_model& command, const std::string& path) {
    out_.key(path).open('{');
    begin("post", kind.name + "." + command.wire_name, kind.domain,
          command.doc.empty() ? words_of(command) : command.doc);
    out_.pair("x-kind", kind.name)
        .pair("x-owner", command.any_owner ? std::string("any") : system_names(command.owners));
    out_.pair("x-fact", command.fact)
        .pair("x-signed", command.is_signed)
        .pair("x-creates", command.creates);
    out_.key("x-refusals").open('[');
    for (const auto& [name, doc] : kind.refusals) out_.value(kind.name + "." + name);
    out_.close(']').key("parameters").open('[');
    write_path_parameters(path, out_);
    for (const char* header : {"IdempotencyKey", "CorrelationId", "OnBehalfOf", "IfMatch"})
      write_shared("parameters", header, out_);
    out_.close(']').key("requestBody").open('{').pair("required", true).key("content").open('{');
    out_.key("application/json").open('{').key("schema");
    write_shared("schemas", component_name(*command.object), out_);
    out_.close('}').close('}').close('}').key("responses").open('{');
    write_state_response(kind, false, out_);
    out_.key("202");
    write_shared("responses", "Accepted", out_);
    out_.key("default");
    write_shared("responses", "Problem", out_);
    out_.close('}').close('}').close('}');
  }

  void write_fixed() {
    std::string_view path;  // several methods of one path follow each other
    for (const auto& route : fixed_routes) {
      if (route.path != path) {
        if (!path.empty()) out_.close('}');
        out_.key(route.path).open('{');
        path = route.path;
      }
      write_fixed_route(route);
    }
    out_.close('}');
  }

  void write_fixed_route(const fixed_route& route) {
    begin(route.method, std::string(route.method) + " " + std::string(route.path), route.tag,
          route.summary);
    if (route.is_open) out_.key("security").open('[').close(']');
    out_.key("parameters").open('[');
    write_path_parameters(route.path, out_);
    write_query_parameters(route.query, out_);
    out_.close(']');
    if (route.method != "get")
      out_.key("requestBody")
          .raw(R"({"content":{"application/json":{"schema":{"type":"object"}}}})");
    out_.key("responses").open('{').key("200");
    write_shared("responses", "Document", out_);
    out_.key("default");
    write_shared("responses", "Problem", out_);
    out_.close('}').close('}');
  }

  const schema_model& model_;
  json_text out_;
};

}  // namespace

std::string openapi_json(const schema_model& model) { return document(model).write(); }

}  // namespace millrace
