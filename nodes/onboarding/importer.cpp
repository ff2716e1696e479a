// Commands go in bulk and in order. An entry that was not decided (a leader lost, a deadline) is
// sent again under its key; one that is refused names the column where its refusal points.
#include "nodes/onboarding/importer.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

namespace millrace::onboarding_file {
namespace {

constexpr std::size_t bulk_commands = 500;
constexpr unsigned attempts_max = 100;  // of one command, each after a refusal that is remembered
constexpr auto patience = std::chrono::seconds(30);
constexpr auto pause_between = std::chrono::milliseconds(200);

bool may_come_right(long status) { return status == 429 || status == 503 || status == 504; }

/// Of an entry of a bulk answer.
bool is_undecided(const json_value& entry) {
  const auto* problem = entry.find("problem");
  return problem != nullptr && (may_come_right(entry.find("status")->integer()) ||
                                problem->text("code") == "request.in_flight");
}

/// The line and column that a refusal is about.
rejection rejection_of(const plan& p, const line_command& c, const json_value& problem) {
  rejection out{c.lines.front(), {}, problem.text("code") + ": " + problem.text("detail")};
  std::string pointer;
  if (const auto* errors = problem.find("errors"); errors != nullptr && !errors->items().empty()) {
    pointer = errors->items().front().text("pointer");
    out.reason = errors->items().front().text("detail");
  }
  for (const auto& [prefix, at] : c.parts)
    if (pointer == prefix || pointer.starts_with(prefix + '/')) {
      out.at = at;
      pointer = pointer == prefix ? pointer : pointer.substr(prefix.size());
    }
  const auto code = problem.text("code");
  if (pointer.empty() && code.ends_with("material_unknown")) pointer = "/material";
  if (pointer.empty() && code.ends_with("unit_mismatch")) pointer = "/unit";
  if (pointer.empty() && code.ends_with("receipt_differs")) pointer = "/quantity";
  if (pointer == "/stock") pointer = "/type";
  const auto begin = pointer.find_first_not_of('/');
  if (begin != std::string::npos)
    out.column =
        column_of(p.files[out.at.file], pointer.substr(begin, pointer.find('/', begin) - begin));
  if (out.column.empty()) out.column = c.column;
  return out;
}

/// An actor that is there already, from an import that the node's window of keys has forgotten:
/// the line changes nothing when the actor says the same.
bool says_the_same(node_client& node, const plan& p, const line_command& c,
                   const json_value& problem) {
  if (problem.text("code") != "order.exists" || c.command != "create") return false;
  const auto there = node.must(
      "erp", "GET", "/v1/plants/" + p.plant + "/orders/" + percent_encode(c.address.substr(7)));
  const auto* state = there ? there->find("state") : nullptr;
  if (state == nullptr) return false;
  for (const auto* field : {"material", "quantity", "unit"})
    if (state->text(field) != c.body.text(field)) return false;
  return true;
}

}  // namespace

result<json_value> node_client::call(const std::string& system, const std::string& method,
                                     const std::string& path, const json_value& body, long& status,
                                     const std::string& key) {
  http_request request{method, url_ + path, {}, body.is_null() ? "" : body.dump(), 30'000};
  const auto token = tokens_.find(system);
  request.headers.emplace_back(
      "Authorization", "Bearer " + (token == tokens_.end() ? "dev-" + system : token->second));
  if (method != "GET") request.headers.emplace_back("Content-Type", "application/json");
  if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto answer = client_.send(request);
    const bool again = answer ? may_come_right(answer->status) : true;
    if (again && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(pause_between);
      continue;
    }
    if (!answer) return answer.error();
    status = answer->status;
    return json_value::parse(answer->body);
  }
}

result<json_value> node_client::must(const std::string& system, const std::string& method,
                                     const std::string& path, const json_value& body,
                                     const std::string& key) {
  long status = 0;
  auto answer = call(system, method, path, body, status, key);
  if (!answer || status == 200 || status == 202) return answer;
  return error{answer->text("code"), answer->text("detail")};
}

namespace {

/// A command on its way. A refusal is remembered under its key; when only that memory answers, the
/// cause may have gone, so the command goes again under the next key of the same row.
struct sending {
  const line_command* command;
  unsigned attempt = 1;
  [[nodiscard]] std::string key() const {
    return attempt == 1 ? command->key : command->key + '-' + std::to_string(attempt);
  }
};

json_value bulk_of(const std::vector<sending>& all) {
  auto out = json_value::make_array();
  for (const auto& s : all)
    out.push(json_value::make_object({{"address", s.command->address},
                                      {"command", s.command->command},
                                      {"body", s.command->body},
                                      {"idempotency_key", s.key()}}));
  return json_value::make_object({{"commands", std::move(out)}});
}

class sender {
 public:
  sender(node_client& node, const plan& p, const std::string& system, import_outcome& out)
      : node_(node), plan_(p), system_(system), out_(out) {}

  /// Something that this needs was refused in a phase before.
  [[nodiscard]] bool is_vain(const line_command& c) const {
    return c.when == phase::releases && refused_.contains(c.address);
  }
  /// Sends them once; those that have to go again are what remains. False = none was decided.
  result<bool> turn(std::vector<sending>& all) {
    const auto answer =
        node_.must(system_, "POST", "/v1/plants/" + plan_.plant + "/commands", bulk_of(all));
    if (!answer) return answer.error();
    const auto* results = answer->find("results");
    if (results == nullptr || results->items().size() != all.size())
      return error{"request.not_json", "the node did not answer every command"};
    std::set<std::string> stopped;  // actors with a command that goes again: the later ones as well
    std::vector<sending> again;
    bool decided = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& entry = results->items()[i];
      const auto* problem = entry.find("problem");
      const auto& address = all[i].command->address;
      if (problem == nullptr) {
        accepted(all[i], entry);
      } else if (is_undecided(entry) || stopped.contains(address)) {
        stopped.insert(address);
        again.push_back(all[i]);
        continue;
      } else if (entry.find("replayed") != nullptr && all[i].attempt < attempts_max) {
        stopped.insert(address);
        again.push_back({all[i].command, all[i].attempt + 1});
      } else {
        refused(*all[i].command, *problem);
      }
      decided = true;
    }
    all = std::move(again);
    return decided;
  }

 private:
  void accepted(const sending& s, const json_value& entry) {
    out_.replayed += entry.find("replayed") != nullptr;
    if (const auto* e = entry.find("exception"))
      out_.exceptions.push_back(s.command->address + ": " + e->text("code"));
  }
  void refused(const line_command& c, const json_value& problem) {
    if (says_the_same(node_, plan_, c, problem)) return;
    refused_.insert(c.address);
    const auto own = rejection_of(plan_, c, problem);
    const auto& file = plan_.files[own.at.file];
    for (const auto& at : c.lines)
      if (at != own.at)
        out_.rejected.push_back(
            {at, {}, "not taken with " + file.path + ':' + std::to_string(own.at.line)});
    out_.rejected.push_back(own);
  }

  node_client& node_;
  const plan& plan_;
  const std::string& system_;
  import_outcome& out_;
  std::set<std::string> refused_;  // addresses
};

/// One rejection a line, in the order of the files; and what remains of each file.
void conclude(import_outcome& out, const import_plan& what) {
  const auto place = [](const rejection& r) { return std::pair(r.at.file, r.at.line); };
  std::ranges::stable_sort(out.rejected, {}, place);
  const auto twice = std::ranges::unique(out.rejected, {}, place);
  out.rejected.erase(twice.begin(), twice.end());
  out.files.resize(what.lines.size());
  for (const auto& r : out.rejected) ++out.files[r.at.file].rejected;
  for (std::size_t f = 0; f < out.files.size(); ++f) {
    out.files[f].lines = what.lines[f];
    out.files[f].accepted = out.files[f].lines - out.files[f].rejected;
  }
}

}  // namespace

import_outcome not_sent(const import_plan& what) {
  import_outcome out;
  out.rejected = what.rejected;
  out.commands = what.commands.size();
  conclude(out, what);
  return out;
}

result<import_outcome> send_import(node_client& node, const plan& p, const import_plan& what,
                                   const std::string& system) {
  import_outcome out;
  out.rejected = what.rejected;
  out.commands = what.commands.size();
  sender to(node, p, system, out);
  std::vector<sending> waiting;
  auto until = std::chrono::steady_clock::now() + patience;
  for (std::size_t next = 0; next < what.commands.size() || !waiting.empty();) {
    // What has to go again goes first, so that the order of an actor's commands stays.
    for (; next < what.commands.size() && waiting.size() < bulk_commands; ++next) {
      const auto& c = what.commands[next];
      if (!waiting.empty() && waiting.front().command->when != c.when) break;
      if (!to.is_vain(c)) waiting.push_back({&c});
    }
    if (waiting.empty()) continue;
    const auto decided = to.turn(waiting);
    if (!decided) return decided.error();
    const auto now = std::chrono::steady_clock::now();
    if (*decided) {
      until = now + patience;
      continue;
    }
    if (now >= until)
      return error{"client.timeout", "the node does not decide " + waiting[0].command->address};
    std::this_thread::sleep_for(pause_between);
  }
  conclude(out, what);
  return out;
}

}  // namespace millrace::onboarding_file
