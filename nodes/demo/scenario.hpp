// A scenario as a text that a quality engineer reads and writes: what each system does, what the
// others must show then. Parsed here, played by scenario_player.
//
//   Scenario: Failed inspection            title; indented lines below say what it is about
//   Systems: erp, mes, qms, mes-lyon (mes of lyon, speaks mes_isa95)
//   Plant: hamburg                         where the addresses below are
//   Chapter: The hold reaches every system
//     qms does inspect inspection IL-1, batch PMP-0001, decision reject
//     wms sends shipments/S-1 allocate item 10, quantity 5 --> 409 batch.held
//     expect batches/PMP-0001 allocatable 0, some holds with hold IL-1 and type quality
//     expect erp stock.PMP-0001.blocked 10
//     measure hold_ms inspection -> the ERP refuses
//
// A line with four or more spaces in front continues the one before; '#' begins a comment.
//   SYSTEM sends ADDRESS COMMAND FIELDS     a command to the platform, with that system's token
//   SYSTEM posts PATH FIELDS, puts          any call of the platform
//   SYSTEM for PERSON sends ..., posts      the same on behalf of a person
//   NAME does ACTION FIELDS, runs FIELDS    what people do in a simulated system
//   NAME begins FIELDS, NAME finishes       the same as `runs`, beside what follows
//   NAME is asked PATH FIELDS               a call of the simulator's own API
//   NAME goes down | comes back | loses N answers | answers after N ms | repeats its reports |
//   mixes up its reports                    faults
//   node dies, node returns                 kill -9, and a start on the same data
//   platform dies, platform returns         the same of all nodes
//   people write FILE LINE                  a line more in a file
//   millrace ARGUMENTS [shows TEXT]         the program to its end; `--> N`: its exit code, else 0
//   expect WHAT CONDITIONS                  polled until it holds; `check`: it must hold at once
//   measure KEY TEXT                        milliseconds since the last action began
//   measure KEY between ADDRESS FIELD and FIELD: TEXT     of two times of a state
// A step may end in `--> STATUS [CODE]`: then that answer is expected, else one without exception.
//   FIELDS     name value, name value ...   value: text, "text", true, false, #number, now+5s,
//              [value; value], {name value, name value}
//   CONDITIONS PATH VALUE | no PATH | some PATH with F V and F V | count PATH N [with F V and ...]
//              VALUE: a text, or "at least N"
//              of an actor's state, of a simulator's state, or of the answer of a platform's path
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nodes/json/json_value.hpp"
#include "schemas/result.hpp"

namespace millrace::demo {

/// A simulated system of a scenario.
struct scenario_system {
  std::string name;         // in the text, "mes-lyon"
  std::string kind;         // erp, mes, qms
  std::string plant = "*";  // whose endpoint it is
  std::string system;       // and which: its kind, unless it stands in for another
  std::string mapping;      // built-in mapping that the platform speaks to it; "" = canonical
};

/// What must be found somewhere in a JSON document.
struct scenario_condition {
  enum class kind { equals, absent, some, count };
  kind what = kind::equals;
  std::string pointer;                                    // RFC 6901
  std::string value;                                      // of equals; the number of count
  std::vector<std::pair<std::string, std::string>> with;  // pointer, text: of one item
};

struct scenario_step {
  enum class kind {
    chapter,
    plant,
    command,  // to the platform
    act,      // to a simulator
    begin_run,
    finish_run,
    fault,
    heal,
    node_dies,
    node_returns,
    platform_dies,
    platform_returns,
    write,    // a line into a file
    program,  // `millrace` itself
    expect,
    check,
    measure,
    measure_between
  };
  kind what = kind::chapter;
  std::size_t line = 0;
  std::string text;     // as written, for people
  std::string who;      // system or simulator; key of a figure
  std::string person;   // on whose behalf, of a command
  bool puts = false;    // PUT instead of POST
  std::string path;     // platform: below /v1/plants/PLANT unless it begins with '/'
  std::string body;     // JSON
  std::string caption;  // of a figure; of a program, what it shows
  long status = 0;      // 0 = any good one
  std::string code;
  std::vector<scenario_condition> conditions;
};

struct scenario {
  std::string title, about;
  std::vector<scenario_system> systems;
  std::vector<scenario_step> steps;
};

/// Error: scenario.invalid, naming the line.
[[nodiscard]] result<scenario> parse_scenario(std::string_view text);

/// "name value, name [a; b]" as a JSON object. Error: scenario.invalid.
[[nodiscard]] result<json_value> parse_scenario_fields(std::string_view text);

/// Whether it holds in a document.
[[nodiscard]] bool holds(const scenario_condition& c, const json_value& in);

}  // namespace millrace::demo
