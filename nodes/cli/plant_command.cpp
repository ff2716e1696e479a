// Onboarding from the command line: data and rejected lines on stdout, progress on stderr; exit
// code 1 when lines were rejected, stock differs or something is missing until the next stage.
#include "nodes/cli/plant_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cluster/sha256.hpp"
#include "nodes/cli/exit_codes.hpp"
#include "nodes/cli/fallback_command.hpp"
#include "nodes/cli/plant_parts.hpp"
#include "nodes/onboarding/importer.hpp"
#include "nodes/onboarding/lines.hpp"
#include "nodes/onboarding/plan.hpp"
#include "nodes/onboarding/readiness.hpp"

namespace millrace::cli {
namespace {

namespace in = onboarding_file;

struct options : plant_options {
  std::string file, stage, check, reason;
  std::vector<std::string> orders;
};

struct loaded {
  in::plan plan;
  std::vector<in::csv_table> tables;
  std::vector<std::string> digests;
};

result<loaded> load(const std::string& file) {
  auto plan = in::load_plan(file);
  if (!plan) return plan.error();
  loaded out{std::move(*plan), {}, {}};
  for (const auto& f : out.plan.files) {
    const auto text = in::read_file(f.full_path);
    if (!text) return text.error();
    auto table = in::read_csv(*text, f.separator);
    if (!table) return error{"file.unreadable", f.path + ": " + table.error().detail};
    out.tables.push_back(std::move(*table));
    out.digests.push_back(sha256_hex(*text));
  }
  return out;
}

/// Founds the plant in shadow and binds its systems; what is done already stays as it is.
result<void> found(in::node_client& node, const in::plan& p) {
  const auto base = "/v1/plants/" + p.plant;
  const auto key = [&](const std::string& what) { return "onboard-" + p.plant + '-' + what; };
  using object = json_value;
  const auto process = node.must("ops", "GET", base + "/onboardings/plant");
  if (!process) {
    auto body = object::make_object(
        {{"region", p.region}, {"time_zone", p.time_zone}, {"activate", json_value(false)}});
    if (!p.name.empty()) body.set("name", p.name);
    if (p.autonomous) body.set("autonomy", "autonomous");
    const auto made = node.must("ops", "POST", base + "/commission", body);
    if (!made && made.error().code != "plant.already_commissioned") return made.error();
    auto begin = object::make_object();
    if (!p.based_on.empty()) begin.set("based_on", p.based_on);
    const auto begun = node.must("ops", "POST", base + "/onboardings/plant/begin", begin);
    if (!begun && begun.error().code != "onboarding.exists") return begun.error();
  }
  const auto activated = node.must("ops", "POST", base + "/activate", object::make_object());
  if (!activated && activated.error().code != "plant.not_commissioned") return activated.error();
  for (const auto& s : p.systems) {
    auto body = object::make_object({{"system", s.system}, {"adapter", s.adapter}});
    if (!s.endpoint.empty()) body.set("endpoint", s.endpoint);
    const auto bound = node.must("ops", "POST", base + "/bind-system", body,
                                 key(sha256_hex(body.dump()).substr(0, 32)));
    if (!bound) return bound.error();
  }
  if (p.rules.empty()) return {};
  auto rules = object::make_object();
  for (const auto& [name, value] : p.rules) rules.set(name, value);
  const auto set = node.must("ops", "PUT", "/v1/rules",
                             object::make_object({{"level", "plant"},
                                                  {"plant", p.plant},
                                                  {"rules", std::move(rules)},
                                                  {"reason", "onboarding"}}));
  return set ? result<void>() : result<void>(set.error());
}

result<void> note_imports(in::node_client& node, const loaded& from,
                          const in::import_outcome& what) {
  for (std::size_t f = 0; f < from.plan.files.size(); ++f) {
    const auto& file = from.plan.files[f];
    auto entry = json_value::make_object({{"name", file.path},
                                          {"content", file.content},
                                          {"lines", what.files[f].lines},
                                          {"accepted", what.files[f].accepted},
                                          {"rejected", what.files[f].rejected},
                                          {"digest", from.digests[f]}});
    const auto noted =
        node.must("ops", "POST", "/v1/plants/" + from.plan.plant + "/onboardings/plant/note-import",
                  json_value::make_object({{"file", std::move(entry)}}));
    if (!noted) return noted.error();
  }
  return {};
}

int onboard(const options& o) {
  const auto from = load(o.file);
  if (!from) return say(from.error());
  const auto what = in::commands_of(from->plan, from->tables);
  auto node = node_of(o);
  in::import_outcome done;
  if (o.dry_run) {
    done = in::not_sent(what);
  } else {
    if (const auto made = found(node, from->plan); !made) return say(made.error());
    std::fprintf(stderr, "plant %s: %zu commands\n", from->plan.plant.c_str(),
                 what.commands.size());
    auto sent = in::send_import(node, from->plan, what);
    if (!sent) return say(sent.error());
    done = std::move(*sent);
    if (const auto noted = note_imports(node, *from, done); !noted) return say(noted.error());
  }
  print(from->plan, done, o.output == "json");
  return done.rejected.empty() ? exit_fine : exit_failed;
}

int compare(const options& o) {
  const auto from = load(o.file);
  if (!from) return say(from.error());
  std::vector<in::rejection> rejected;
  const auto theirs = in::stock_of(from->plan, from->tables, rejected);
  for (const auto& r : rejected)
    std::printf("%s:%zu: %s: %s\n", from->plan.files[r.at.file].path.c_str(), r.at.line,
                r.column.c_str(), r.reason.c_str());
  auto node = node_of(o);
  const auto differences = in::compare_stock(node, from->plan, theirs);
  if (!differences) return say(differences.error());
  for (const auto& d : *differences)
    std::printf("%s %s %s: theirs %s, here %s\n", d.batch.c_str(), d.location.c_str(),
                d.type.c_str(), d.theirs.c_str(), d.ours.c_str());
  if (differences->empty()) std::printf("the stock is the same\n");
  return differences->empty() && rejected.empty() ? exit_fine : exit_failed;
}

/// The stage, and what is missing until the next one.
int show(const json_value& process, bool json) {
  const auto* state = process.find("state");
  if (state == nullptr) return say({"request.not_json", "an answer without a state"});
  const auto* missing = state->find("waits_for");
  const bool ready = missing == nullptr || missing->items().empty();
  if (json) {
    std::printf("%s\n", state->dump().c_str());
    return ready ? exit_fine : exit_failed;
  }
  std::printf("stage %s since %s\n", state->text("stage").c_str(), state->text("since").c_str());
  if (missing != nullptr)
    for (const auto& one : missing->items()) std::printf("missing: %s\n", one.text().c_str());
  if (ready && state->text("stage") != "live") std::printf("ready for the next stage\n");
  return ready ? exit_fine : exit_failed;
}

int readiness(const options& o) {
  auto node = node_of(o);
  const auto state = in::look(node, o.plant);
  return state ? show(*state, o.output == "json") : say(state.error());
}

int command(const options& o, const char* verb, const json_value& body) {
  auto node = node_of(o);
  const auto path = "/v1/plants/" + percent_encode(o.plant) + "/onboardings/plant";
  const auto done = node.must("ops", "POST", path + '/' + verb, body);
  if (!done) return say(done.error());
  const auto now = node.must("ops", "GET", path);
  if (!now) return say(now.error());
  show(*now, o.output == "json");
  return exit_fine;
}

CLI::App* add(CLI::App& to, const char* name, const char* text, const std::shared_ptr<options>& o) {
  return add_plant_verb(to, name, text, *o, {"table", "json"});
}

}  // namespace

void add_plant_command(CLI::App& app, int& exit_code) {
  auto* plant =
      app.add_subcommand("plant", "Bring an acquired plant in, or through an outage on paper");
  plant->require_subcommand(1);
  add_fallback_commands(*plant, exit_code);
  auto o = std::make_shared<options>();
  auto* bring =
      add(*plant, "onboard", "Found a plant in shadow and import its data; repeatable", o);
  bring->add_option("file", o->file, "TOML file (config/onboarding)")->required();
  bring->add_flag("--dry-run", o->dry_run, "only say which lines would be rejected here");
  bring->callback([o, &exit_code] { exit_code = onboard(*o); });
  auto* same = add(*plant, "compare", "Compare a newer export of the stock with the plant's", o);
  same->add_option("file", o->file, "TOML file of the onboarding")->required();
  same->callback([o, &exit_code] { exit_code = compare(*o); });
  auto* ready = add(*plant, "readiness", "Look at what is missing until the next stage", o);
  ready->add_option("plant", o->plant)->required();
  ready->callback([o, &exit_code] { exit_code = readiness(*o); });
  auto* orders = add(*plant, "orders", "Choose the orders of the pilot, all of them", o);
  orders->add_option("plant", o->plant)->required();
  orders->add_option("orders", o->orders)->required();
  orders->callback([o, &exit_code] {
    auto all = json_value::make_array();
    for (const auto& one : o->orders) all.push(one);
    exit_code = command(*o, "choose-orders", json_value::make_object({{"orders", std::move(all)}}));
  });
  auto* waive = add(*plant, "waive", "Let a check that has failed not count in this stage", o);
  waive->add_option("plant", o->plant)->required();
  waive->add_option("check", o->check)->required();
  waive->add_option("--reason", o->reason)->required();
  waive->callback([o, &exit_code] {
    exit_code = command(*o, "waive-check",
                        json_value::make_object({{"check", o->check}, {"reason", o->reason}}));
  });
  auto* stage = add(*plant, "stage", "Enter a stage: the next when nothing is missing, or back", o);
  stage->add_option("plant", o->plant)->required();
  stage->add_option("stage", o->stage)
      ->required()
      ->check(CLI::IsMember({"shadow", "pilot", "live"}));
  stage->add_option("--reason", o->reason)->required();
  stage->callback([o, &exit_code] {
    exit_code = command(*o, "enter-stage",
                        json_value::make_object({{"stage", o->stage}, {"reason", o->reason}}));
  });
}

}  // namespace millrace::cli
