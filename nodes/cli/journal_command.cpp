// `millrace journal verify --data DIR`.
// Reads the whole journal without the node; the node may be running meanwhile.
#include "nodes/cli/journal_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "cluster/journal_verify.hpp"
#include "nodes/cli/exit_codes.hpp"

namespace millrace::cli {
namespace {

int verify(const std::string& data) {
  const auto report = verify_journal(std::filesystem::path(data));
  if (!report) {
    std::fprintf(stderr, "journal: %s: %s\n", report.error().code.c_str(),
                 report.error().detail.c_str());
    return exit_unavailable;
  }
  std::fputs(report->to_text().c_str(), stdout);
  return report->intact() ? exit_fine : exit_failed;
}

}  // namespace

void add_journal_command(CLI::App& app, int& exit_code) {
  auto* journal = app.add_subcommand("journal", "Look at a node's journal");
  journal->require_subcommand(1);
  auto data = std::make_shared<std::string>();
  auto* command = journal->add_subcommand("verify", "Check CRCs and the hash chain of every entry");
  command->add_option("--data", *data, "data directory of the node")->required();
  command->callback([data, &exit_code] { exit_code = verify(*data); });
}

}  // namespace millrace::cli
