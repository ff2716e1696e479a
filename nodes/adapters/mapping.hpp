// Plant-specific mappings: how a canonical message becomes one outer system's request, as data.
// A plant's dialect (field names, unit codes, number ranges, paths) changes without a change of the
// program.
//
// A mapping file is a JSON object:
//   {"mapping":"erp-hamburg", "version":3, "description":"...",
//    "constants":{"plant":"1000"}, "tables":{"units":{"EA":"ST"}},
//    "deliveries":{"<delivery type>"|"*":{"method":"POST", "path":"/api/{/data/order}",
//    "body":<template>, "document":"/number"}}}
// Pointers (RFC 6901) read the envelope
// {id,type,plant,actor,key,correlation,causation,timestamp,data}; inside "$each" a pointer that
// begins with '@' reads the item. Path segments and "$text" substitute {pointer}; in paths
// percent-encoded. A template is any JSON; an object with one of these keys stands for a value:
//   {"$from":pointer, "or":pointer, "table":name, "keep":true, "default":json, "optional":true,
//   "pad":12, "number":true}
//   {"$const":name}   {"$text":"{/data/order}-{@/item}"}   {"$each":pointer, "do":template}
// "or" is read where the message has nothing at the first pointer; "optional" leaves the member out
// where it has neither (or its code in the table is null); "table" without a match is an error, but
// with "keep" the value stays and with "default" that is taken; "pad" adds leading zeros to a
// number of digits; "number" writes a decimal string as a JSON number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/json/json_value.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// One request in an outer system's own form.
struct mapped_request {
  std::string method;
  std::string path;  // begins with '/', appended to the endpoint's URL
  std::string body;  // JSON
  std::string
      document_pointer;  // where the answer holds the outer system's number; empty = nowhere
};

/// Immutable once loaded; safe to share between threads.
class mapping {
 public:
  /// Error: config.invalid with a finding (pointer into the mapping) for everything that is wrong.
  [[nodiscard]] static result<std::shared_ptr<const mapping>> load(std::string_view json);
  [[nodiscard]] static result<std::shared_ptr<const mapping>> load_file(const std::string& path);
  /// The mapping for systems that speak the canonical form: every envelope to POST /inbox, number
  /// at /document.
  [[nodiscard]] static std::shared_ptr<const mapping> canonical();

  /// The request for an envelope. Errors: mapping.no_delivery, mapping.missing, mapping.no_code,
  /// mapping.not_a_list, mapping.not_a_number: this message cannot be said in the outer system's
  /// form; a retry does not help.
  [[nodiscard]] result<mapped_request> apply(const json_value& envelope) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int64_t version() const { return version_; }

 private:
  struct delivery_rule {
    std::string type, method, path, document;
    json_value body;
  };
  class checker;
  class renderer;
  std::string name_;
  std::int64_t version_ = 0;
  json_value constants_, tables_;
  std::vector<delivery_rule> rules_;
};

}  // namespace millrace
