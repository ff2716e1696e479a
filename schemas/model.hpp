// The compiled schemas as data: kinds with their commands, events, deliveries, rows and fields,
// read once from the embedded binary schema (reflection). Everything that is derived from a schema
// starts here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/result.hpp"

namespace reflection {
struct Schema;
struct Object;
struct Enum;
}  // namespace reflection

namespace millrace {

struct table_plan;  // internal to schemas/: plan.hpp
class plan_set;

using bytes_view = std::span<const std::uint8_t>;
using bytes = std::vector<std::uint8_t>;

/// Set of systems (bit n = System n).
using system_set = std::uint16_t;

/// A table that is a member of a kind's union, or a State or row table.
struct table_model {
  std::string name;         // "ConfirmOperation"
  std::string wire_name;    // commands: kebab-case "confirm-operation"; events: public name
  std::uint8_t member = 0;  // number in its union, 0 when in none
  const reflection::Object* object = nullptr;
  const table_plan* plan = nullptr;  // how JSON, verification and hashing walk it
  std::string doc;                   // first doc comment lines
  // commands
  system_set owners = 0;
  bool any_owner = false;
  bool fact = false;
  bool is_signed = false;
  bool creates = false;
  bool internal = false;
  std::uint8_t lane = 3;                                        // Lane
  std::vector<std::pair<std::string, std::string>> references;  // field name -> kind
};

struct index_model {
  std::string field;
  const reflection::Enum* enumeration = nullptr;  // null for strings
};

/// One actor kind.
struct kind_model {
  std::string name;        // "order"
  std::string collection;  // "orders"
  std::string domain;
  std::string steward;
  bool referenced = false;
  bool process = false;
  table_model state;
  std::vector<table_model> commands;    // by member number, [0] unused
  std::vector<table_model> events;      // likewise
  std::vector<table_model> deliveries;  // likewise; empty when the kind delivers nothing
  std::vector<table_model> rows;
  std::vector<index_model> indexes;
  std::vector<std::pair<std::string, std::string>> refusals;  // name in enum Refusal, doc

  [[nodiscard]] const table_model* command(std::string_view wire_name) const;
  [[nodiscard]] const table_model* command(std::uint8_t member) const;
  [[nodiscard]] const table_model* event(std::uint8_t member) const;
  [[nodiscard]] const table_model* delivery(std::uint8_t member) const;
  [[nodiscard]] const table_model* row(std::string_view wire_name) const;
};

/// All kinds of a compiled schema. Immutable after load; safe to share between threads.
class schema_model {
 public:
  /// `bfbs`: a binary schema (flatc --schema --bfbs-comments), which must outlive the model.
  /// Errors: config.invalid with findings for a kind whose attributes contradict each other
  /// (unknown owner, doubled collection, reference to no kind, ...).
  [[nodiscard]] static result<std::shared_ptr<const schema_model>> load(bytes_view bfbs);
  /// The model of the schemas this program was built with.
  [[nodiscard]] static const schema_model& built_in();

  [[nodiscard]] const kind_model* kind(std::string_view name) const;
  [[nodiscard]] const kind_model* collection(std::string_view collection) const;
  [[nodiscard]] std::span<const kind_model> kinds() const { return kinds_; }
  [[nodiscard]] const reflection::Schema& schema() const { return *schema_; }
  /// Any other table of the schema by its full name ("millrace.engine.Record"), with no member
  /// number and no attributes.
  [[nodiscard]] std::optional<table_model> table(std::string_view full_name) const;
  /// The binary schema itself, as a release's baseline keeps it.
  [[nodiscard]] bytes_view binary() const { return binary_; }
  ~schema_model();
  schema_model(const schema_model&) = delete;
  schema_model& operator=(const schema_model&) = delete;

 private:
  schema_model();
  const reflection::Schema* schema_ = nullptr;
  bytes_view binary_;
  std::unique_ptr<const plan_set> plans_;
  std::vector<kind_model> kinds_;
};

/// "ConfirmOperation" -> "confirm-operation".
[[nodiscard]] std::string kebab_case(std::string_view name);
/// "erp" -> 1; nullopt when unknown.
[[nodiscard]] std::optional<std::uint8_t> system_number(std::string_view name);
/// Set -> "erp, mes".
[[nodiscard]] std::string system_names(system_set systems);

}  // namespace millrace
