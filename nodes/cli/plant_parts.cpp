// Shared by the subcommands of `millrace plant`.
#include "nodes/cli/plant_parts.hpp"

#include <cstdio>
#include <map>
#include <utility>

#include "nodes/cli/exit_codes.hpp"
#include "nodes/cli/program_errors.hpp"

namespace millrace::cli {

namespace in = onboarding_file;

int say(const error& e) {
  std::fprintf(stderr, "plant: %s: %s\n", e.code.c_str(), e.detail.c_str());
  for (const auto& x : e.findings)
    std::fprintf(stderr, "  %s: %s\n", x.pointer.c_str(), x.detail.c_str());
  return e.code == "request.not_json" ? exit_unavailable : exit_code_of(e.code);
}

in::node_client node_of(const plant_options& o) {
  std::map<std::string, std::string> tokens;
  for (const auto& one : o.tokens)
    if (const auto sign = one.find('='); sign != std::string::npos)
      tokens[one.substr(0, sign)] = one.substr(sign + 1);
  return {o.url, std::move(tokens)};
}

void print(const in::plan& p, const in::import_outcome& what, bool json) {
  if (json) {
    auto files = json_value::make_array(), rejected = json_value::make_array();
    for (std::size_t f = 0; f < p.files.size(); ++f)
      files.push(json_value::make_object({{"file", p.files[f].path},
                                          {"content", p.files[f].content},
                                          {"lines", what.files[f].lines},
                                          {"accepted", what.files[f].accepted},
                                          {"rejected", what.files[f].rejected}}));
    for (const auto& r : what.rejected)
      rejected.push(json_value::make_object({{"file", p.files[r.at.file].path},
                                             {"line", r.at.line},
                                             {"column", r.column},
                                             {"reason", r.reason}}));
    auto exceptions = json_value::make_array();
    for (const auto& e : what.exceptions) exceptions.push(e);
    const auto all = json_value::make_object({{"files", std::move(files)},
                                              {"rejected", std::move(rejected)},
                                              {"exceptions", std::move(exceptions)},
                                              {"commands", what.commands},
                                              {"replayed", what.replayed}});
    std::printf("%s\n", all.dump().c_str());
    return;
  }
  std::printf("%-24s %-11s %8s %9s %9s\n", "file", "content", "lines", "accepted", "rejected");
  for (std::size_t f = 0; f < p.files.size(); ++f)
    std::printf("%-24s %-11s %8zu %9zu %9zu\n", p.files[f].path.c_str(), p.files[f].content.c_str(),
                what.files[f].lines, what.files[f].accepted, what.files[f].rejected);
  for (const auto& r : what.rejected)
    std::printf("%s:%zu%s%s: %s\n", p.files[r.at.file].path.c_str(), r.at.line,
                r.column.empty() ? "" : ": ", r.column.c_str(), r.reason.c_str());
  for (const auto& e : what.exceptions) std::printf("taken, not posted yet: %s\n", e.c_str());
}

CLI::App* add_plant_verb(CLI::App& to, const char* name, const char* text, plant_options& o,
                         std::vector<std::string> outputs) {
  auto* command = to.add_subcommand(name, text);
  command->add_option("--url", o.url, "HTTP API of any node")->capture_default_str();
  command->add_option("--token", o.tokens, "SYSTEM=TOKEN for erp, mes and ops; else dev-SYSTEM")
      ->take_all();
  command->add_option("-o", o.output, "form of the output")
      ->check(CLI::IsMember(std::move(outputs)));
  return command;
}

}  // namespace millrace::cli
