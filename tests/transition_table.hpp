// A kind's table of transitions: every state by every command of its schema. A cell says where an
// accepted command leads ("paused"), or the code that it is refused with ("-not_active") or parked
// with ("!closed"), both without the kind's name, or that it waits for another actor ("?open").
// A command of the schema without a row, or a row without a cell for a state, fails the test.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/kind_harness.hpp"

namespace millrace::testing {

template <class K>
struct transition_table {
  using schema = typename K::schema;
  using command_type = decltype(schema::command::type);

  struct state_column {
    std::string name;
    std::function<void(given<K>&)> reach;  // commands that bring a new actor there
  };
  struct command_row {
    command_type command;
    std::function<void(given<K>&)> send;
    std::vector<std::string> cells;  // in the order of the columns
  };

  std::function<std::string(const typename schema::state&)> name_of;
  std::vector<state_column> columns;
  std::vector<command_row> rows;

  /// `all` are the members of the schema's union of commands (EnumValuesCommand()).
  template <class Members>
  void check(const Members& all) const {
    std::set<command_type> listed;
    for (const auto& row : rows) {
      BOOST_CHECK_MESSAGE(listed.insert(row.command).second, label(row.command) << " twice");
      BOOST_REQUIRE_MESSAGE(row.cells.size() == columns.size(),
                            label(row.command) << " has a cell for each state");
      for (std::size_t i = 0; i < columns.size(); ++i) check_cell(columns[i], row, row.cells[i]);
    }
    for (const auto command : all)
      if (command != command_type::NONE)
        BOOST_CHECK_MESSAGE(listed.contains(command), label(command) << " has no row");
  }

 private:
  static std::string label(command_type command) { return EnumNameCommand(command); }

  void check_cell(const state_column& column, const command_row& row,
                  const std::string& expected) const {
    given<K> actor;
    column.reach(actor);
    BOOST_REQUIRE_MESSAGE(name_of(actor.state()) == column.name,
                          column.name << " is reached as " << name_of(actor.state()));
    row.send(actor);
    BOOST_CHECK_MESSAGE(outcome_of(actor) == expected, column.name << " x " << label(row.command)
                                                                   << ": expected " << expected
                                                                   << ", is " << outcome_of(actor));
  }
  std::string outcome_of(const given<K>& actor) const {
    const auto& last = actor.last();
    const auto code = last.code.substr(last.code.find('.') + 1);
    switch (last.outcome) {
      case engine::Outcome::refused:
        return '-' + code;
      case engine::Outcome::parked:
        return '!' + code;
      case engine::Outcome::pending:
        return '?' + name_of(actor.state());
      case engine::Outcome::accepted:
        return name_of(actor.state());
    }
    return "no outcome";
  }
};

}  // namespace millrace::testing
