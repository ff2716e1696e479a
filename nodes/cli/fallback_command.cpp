// The list on stdout, for a printer or a spreadsheet; what was not taken of a file by line, column
// and reason, with exit code 1.
#include "nodes/cli/fallback_command.hpp"

#include <cstdio>
#include <memory>
#include <string>

#include "nodes/cli/exit_codes.hpp"
#include "nodes/cli/plant_parts.hpp"
#include "nodes/fallback/catch_up.hpp"
#include "nodes/fallback/fallback_list.hpp"

namespace millrace::cli {
namespace {

namespace in = onboarding_file;

struct options : plant_options {
  std::string file, separator = ",";
};

int print_list(const options& o) {
  auto node = node_of(o);
  const auto all = fallback::read_list(node, o.plant);
  if (!all) return say(all.error());
  const auto text = o.output == "csv" ? fallback::as_csv(*all) : fallback::as_text(*all);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return exit_fine;
}

int catch_up(const options& o) {
  const auto text = in::read_file(o.file);
  if (!text) return say(text.error());
  const auto table = in::read_csv(*text, o.separator.front());
  if (!table) return say({"file.unreadable", o.file + ": " + table.error().detail});
  const auto plan = fallback::catch_up_plan(o.plant, o.file);
  const auto what = fallback::facts_of(plan, *table);
  in::import_outcome done = in::not_sent(what);
  if (!o.dry_run) {
    auto node = node_of(o);
    auto sent = in::send_import(node, plan, what, "mes");
    if (!sent) return say(sent.error());
    done = std::move(*sent);
  }
  print(plan, done, o.output == "json");
  return done.rejected.empty() ? exit_fine : exit_failed;
}

}  // namespace

void add_fallback_commands(CLI::App& plant, int& exit_code) {
  auto o = std::make_shared<options>();
  auto* list =
      add_plant_verb(plant, "fallback-list",
                     "Print what the floor needs while the platform is away", *o, {"table", "csv"});
  list->add_option("plant", o->plant)->required();
  list->callback([o, &exit_code] { exit_code = print_list(*o); });
  auto* catching = add_plant_verb(plant, "catch-up",
                                  "Take what was written down meanwhile, line by line; repeatable",
                                  *o, {"table", "json"});
  catching->add_option("plant", o->plant)->required();
  catching->add_option("file", o->file, "CSV file (config/onboarding, Catching up)")->required();
  catching->add_option("--separator", o->separator)
      ->check(CLI::IsMember({",", ";", "\t"}))
      ->capture_default_str();
  catching->add_flag("--dry-run", o->dry_run, "only say which lines would be rejected here");
  catching->callback([o, &exit_code] { exit_code = catch_up(*o); });
}

}  // namespace millrace::cli
