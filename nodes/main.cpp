// The millrace program: parses the command line and hands over to one subcommand.
// Each subcommand lives in nodes/cli/<name>_command.cpp.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "nodes/cli/audit_command.hpp"
#include "nodes/cli/bench_command.hpp"
#include "nodes/cli/cluster_command.hpp"
#include "nodes/cli/demo_command.hpp"
#include "nodes/cli/exit_codes.hpp"
#include "nodes/cli/journal_command.hpp"
#include "nodes/cli/node_command.hpp"
#include "nodes/cli/plant_command.hpp"
#include "nodes/cli/simulator_command.hpp"
#include "nodes/cli/version_command.hpp"

// Where jemalloc is linked (release), it reads its settings from this name: few arenas, and memory
// that a burst or a checkpoint took goes back within seconds.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,narenas:4,dirty_decay_ms:2000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  CLI::App app("Millrace keeps the ERP, MES and quality systems of many plants in step",
               "millrace");
  app.require_subcommand(1);
  int exit_code = millrace::cli::exit_fine;
  millrace::cli::add_node_command(app, exit_code);
  millrace::cli::add_demo_command(app, exit_code);
  millrace::cli::add_cluster_command(app, exit_code);
  millrace::cli::add_plant_command(app, exit_code);
  millrace::cli::add_journal_command(app, exit_code);
  millrace::cli::add_audit_command(app, exit_code);
  millrace::cli::add_simulator_command(app, exit_code);
  millrace::cli::add_bench_command(app, exit_code);
  millrace::cli::add_version_command(app, exit_code);
  app.add_subcommand("help", "Show this help")->callback([&app] {  // app.help() would show the help
                                                                   // of "help"
    std::fputs(
        app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal).c_str(),
        stdout);
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? millrace::cli::exit_fine : millrace::cli::exit_usage;
  }
  return exit_code;
}
