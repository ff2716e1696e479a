// Messages of the AsyncAPI document: CloudEvents around the events' tables.
#include "schemas/asyncapi.hpp"

#include <array>

#include <flatbuffers/reflection.h>

#include "schemas/openapi_schemas.hpp"

namespace millrace {
namespace {

constexpr std::string_view envelope =
    R"("CloudEvent":{"description":"CloudEvents 1.0, structured.","type":"object","required":["specversion","id","source","type","time","sequence"],"properties":{"specversion":{"const":"1.0"},"id":{"type":"string"},"source":{"type":"string","description":"/v1/plants/{plant}"},"type":{"type":"string"},"subject":{"type":"string","description":"kind/id"},"time":{"type":"string","format":"date-time"},"datacontenttype":{"const":"application/json"},"sequence":{"type":"string","description":"the actor's version after it"},"correlationid":{"type":"string"},"causationid":{"type":"string"},"principal":{"type":"string"},"onbehalfof":{"type":"string"}}},
"PlatformEvent":{"type":"object","additionalProperties":{"type":"string"}})";

/// Events that no kind has: of exceptions and deliveries.
constexpr std::array platform_events{
    std::pair{"platform.exception.raised.v1", "A fact could not be posted"},
    std::pair{"platform.exception.posted.v1", "A parked fact was posted"},
    std::pair{"platform.exception.corrected.v1", "A parked fact was corrected and posted"},
    std::pair{"platform.exception.discarded.v1", "A parked fact was given up"},
    std::pair{"platform.delivery.acknowledged.v1", "An outer system took a delivery"},
    std::pair{"platform.delivery.dead.v1", "A delivery was given up"},
    std::pair{"platform.delivery.retried.v1", "A dead letter is delivered again"},
    std::pair{"platform.delivery.discarded.v1", "A dead letter was discarded"},
    std::pair{"platform.delivery.edited.v1", "A dead letter was edited"}};

class document {
 public:
  explicit document(const schema_model& model) : model_(model) {}

  std::string write() {
    out_.open('{').pair("asyncapi", "3.0.0");
    out_.key("info").raw(
        R"({"title":"Millrace","version":"1","description":"What happens at the plants, and what is sent to outer systems."})");
    out_.pair("defaultContentType", "application/json");
    out_.key("channels").open('{');
    write_channel("events", "/v1/events",
                  "The event feed: text/event-stream, resumed with Last-Event-ID",
                  &kind_model::events, true);
    write_channel("deliveries", "{endpoint}",
                  "What the outbox sends to an outer system, in its mapping's form",
                  &kind_model::deliveries, false);
    out_.close('}').key("operations").open('{');
    write_operation("readEvents", "events", "Events as they are committed, in order per plant");
    write_operation("sendDeliveries", "deliveries", "At least once, in order per key");
    out_.close('}').key("components").open('{');
    out_.key("messages").open('{');
    for (const auto& kind : model_.kinds()) {
      for (const auto& e : kind.events)
        if (e.object != nullptr) write_event(kind, e);
      for (const auto& d : kind.deliveries)
        if (d.object != nullptr) write_delivery(kind, d);
    }
    for (const auto& [name, what] : platform_events) write_platform(name, what);
    out_.close('}').key("schemas").open('{').raw(envelope);
    write_components(model_, out_);
    out_.close('}').close('}').close('}');
    return out_.take();
  }

 private:
  void reference(const std::string& to) {
    out_.open('{').pair("$ref", "#/components/" + to).close('}');
  }
  /// Deliveries are named within their kind.
  static std::string name_of(const kind_model& kind, const table_model& delivery) {
    return kind.name + '.' + delivery.wire_name;
  }

  void write_channel(std::string_view id, std::string_view address, std::string_view what,
                     std::vector<table_model> kind_model::*tables, bool events) {
    out_.key(id).open('{').pair("address", address).pair("description", what);
    if (!events)
      out_.key("parameters").raw(R"({"endpoint":{"description":"URL of the outer system"}})");
    out_.key("messages").open('{');
    for (const auto& kind : model_.kinds())
      for (const auto& t : kind.*tables) {
        if (t.object == nullptr) continue;
        const auto name = events ? t.wire_name : name_of(kind, t);
        out_.key(name);
        reference("messages/" + name);
      }
    if (events)
      for (const auto& [name, of] : platform_events) {
        out_.key(name);
        reference(std::string("messages/") + name);
      }
    out_.close('}').close('}');
  }

  void write_operation(std::string_view id, std::string_view channel, std::string_view summary) {
    out_.key(id).open('{').pair("action", "send");
    out_.key("channel").open('{').pair("$ref", "#/channels/" + std::string(channel)).close('}');
    out_.pair("summary", summary).close('}');
  }

  void begin(std::string_view name, std::string_view summary) {
    out_.key(name).open('{').pair("name", name);
    if (!summary.empty()) out_.pair("summary", summary);
  }
  void governed(const kind_model& kind) {
    out_.key("tags").open('[').open('{').pair("name", kind.domain).close('}').close(']');
    out_.pair("x-kind", kind.name).pair("x-steward", kind.steward);
  }

  void write_wrapped(const std::string& type, const std::string& data) {
    out_.pair("contentType", "application/cloudevents+json");
    out_.key("payload").open('{').key("allOf").open('[');
    reference("schemas/CloudEvent");
    out_.open('{').pair("type", "object").key("properties").open('{');
    out_.key("type").open('{').pair("const", type).close('}');
    out_.key("data");
    reference("schemas/" + data);
    out_.close('}').close('}').close(']').close('}');
  }

  void write_event(const kind_model& kind, const table_model& e) {
    begin(e.wire_name, e.doc);
    governed(kind);
    write_wrapped(e.wire_name, component_name(*e.object));
    out_.close('}');
  }
  void write_delivery(const kind_model& kind, const table_model& d) {
    begin(name_of(kind, d), d.doc);
    governed(kind);
    out_.pair("x-delivery", d.wire_name).key("payload");
    reference("schemas/" + component_name(*d.object));
    out_.close('}');
  }
  void write_platform(const std::string& name, std::string_view what) {
    begin(name, what);
    write_wrapped(name, "PlatformEvent");
    out_.close('}');
  }

  const schema_model& model_;
  json_text out_;
};

}  // namespace

std::string asyncapi_json(const schema_model& model) { return document(model).write(); }

}  // namespace millrace
