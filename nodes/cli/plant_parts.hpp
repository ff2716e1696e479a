// What the subcommands of `millrace plant` share: how a node is reached, how an import is reported.
// Inside of the command line; not for others.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "nodes/onboarding/importer.hpp"

namespace millrace::cli {

struct plant_options {
  std::string url = "http://127.0.0.1:8480";
  std::vector<std::string> tokens;  // "erp=..."
  std::string output = "table";
  std::string plant;
  bool dry_run = false;
};

/// Prints the error on stderr; the exit code for it.
int say(const error& e);
[[nodiscard]] onboarding_file::node_client node_of(const plant_options& o);
/// Files and rejected lines on stdout.
void print(const onboarding_file::plan& p, const onboarding_file::import_outcome& what, bool json);
/// A subcommand with the options that all have; `o` must outlive it.
CLI::App* add_plant_verb(CLI::App& to, const char* name, const char* text, plant_options& o,
                         std::vector<std::string> outputs);

}  // namespace millrace::cli
