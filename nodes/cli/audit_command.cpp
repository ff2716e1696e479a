// Writes an audit page by page, signs it, and checks one without needing the node.
#include "nodes/cli/audit_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "nodes/audit/audit_file.hpp"
#include "nodes/audit/audit_key.hpp"
#include "nodes/cli/exit_codes.hpp"
#include "nodes/client/http_client.hpp"

namespace millrace::cli {
namespace {

struct wish {
  std::string url = "http://127.0.0.1:8480";
  std::string token = "dev-ops";
  std::string plant, from, to, actor, principal, key, file;
};

int say(int code, const std::string& what) {
  std::fprintf(stderr, "audit: %s\n", what.c_str());
  return code;
}

/// A page of entries, or nothing (said on stderr).
std::optional<json_value> page_of(http_client& client, const wish& w, const std::string& cursor) {
  std::string path = "/v1/audit/entries?plant=" + percent_encode(w.plant);
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) path += std::string("&") + name + '=' + percent_encode(value);
  };
  add("from", w.from);
  add("to", w.to);
  add("actor", w.actor);
  add("principal", w.principal);
  add("cursor", cursor);
  const auto answer =
      client.send({"GET", w.url + path, {{"Authorization", "Bearer " + w.token}}, {}, 60'000});
  if (!answer) return say(0, w.url + ": " + answer.error().detail), std::nullopt;
  auto parsed = json_value::parse(answer->body, 64);
  if (answer->status == 200 && parsed) return std::move(*parsed);
  say(0, std::to_string(answer->status) +
             (parsed ? ' ' + parsed->text("code") + ": " + parsed->text("detail") : ""));
  return std::nullopt;
}

/// All lines of the audit as text; nothing when a page could not be had.
std::optional<std::string> gather(const wish& w) {
  http_client client;
  std::string out, cursor;
  audit::tally counted;
  do {
    const auto page = page_of(client, w, cursor);
    if (!page) return std::nullopt;
    const auto* entries = page->find("entries");
    if (entries == nullptr) return say(0, "the node's answer has no entries"), std::nullopt;
    if (out.empty()) {
      if (entries->items().empty())
        return say(0, "there are no entries in that range"), std::nullopt;
      const auto* first = entries->items().front().find("index");
      audit::head h;
      h.plant = page->text("plant");
      h.generation = static_cast<std::uint32_t>(page->find("generation")->integer());
      h.before = static_cast<std::uint64_t>(first->integer()) - 1;
      h.chain = page->text("before");
      h.wanted = {w.actor, w.principal};
      out = audit::head_line(h);
    }
    for (const auto& line : entries->items()) {
      line.dump_to(out);
      out += '\n';
      counted.add(line);
    }
    if (out.size() > audit::file_bytes_max)
      return say(0, "more than 1 GiB: ask for a shorter range"), std::nullopt;
    cursor = page->text("next");
    if (cursor.empty()) cursor.clear();
  } while (!cursor.empty());
  return out + audit::end_line(counted);
}

bool write_file(const std::string& name, const std::string& text) {
  std::ofstream out(name, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  if (out.good()) return true;
  say(0, name + ": cannot be written");
  return false;
}

std::optional<std::string> read_file(const std::string& name) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(name, failed);
  if (failed || size > audit::file_bytes_max)
    return say(0, name + (failed ? ": cannot be read" : ": is larger than 1 GiB")), std::nullopt;
  std::ifstream in(name, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

int write_audit(const wish& w) {
  if (const auto usable = audit::sign(w.key, ""); !usable)
    return say(exit_usage, usable.error().detail);
  const auto text = gather(w);
  if (!text) return exit_unavailable;
  const auto signature = audit::sign(w.key, *text);
  if (!signature) return say(exit_usage, signature.error().detail);
  if (!write_file(w.file, *text) || !write_file(w.file + ".sig", *signature))
    return exit_unavailable;
  std::fprintf(stderr, "audit: %s and %s.sig\n", w.file.c_str(), w.file.c_str());
  return exit_fine;
}

/// Whether the node's journal has the chain that the file ends with.
std::optional<bool> journal_agrees(const wish& w, const audit::report& r) {
  http_client client;
  wish last = w;
  last.plant = r.plant;
  last.from = last.to = std::to_string(r.counted.index);
  const auto page = page_of(client, last, {});
  if (!page) return std::nullopt;
  const auto* chain = page->at("/entries/0/chain");
  return chain != nullptr && chain->text() == r.counted.chain;
}

int verify(const wish& w, bool ask) {
  const auto text = read_file(w.file);
  const auto signature = read_file(w.file + ".sig");
  if (!text || !signature) return exit_unavailable;
  const auto is_signed = audit::is_signed_by(w.key, *text, *signature);
  if (!is_signed) return say(exit_usage, is_signed.error().detail);
  auto report = audit::check(schema_model::built_in(), *text);
  if (!*is_signed)
    report.findings.insert(report.findings.begin(),
                           "the signature is not this key's, or the file was changed");
  if (ask) {
    const auto agrees = journal_agrees(w, report);
    if (!agrees) return exit_unavailable;
    if (!*agrees) report.findings.push_back("the plant's journal has another chain");
  }
  std::fputs(report.to_text().c_str(), stdout);
  std::puts(report.findings.empty() ? "audit intact" : "audit NOT intact");
  return report.findings.empty() ? exit_fine : exit_failed;
}

void add_asking(CLI::App& command, const std::shared_ptr<wish>& w) {
  command.add_option("--url", w->url, "HTTP API of any node")->capture_default_str();
  command.add_option("--token", w->token, "bearer token of platform operations")
      ->capture_default_str();
}

}  // namespace

void add_audit_command(CLI::App& app, int& exit_code) {
  auto* group = app.add_subcommand("audit", "Who did what, when and why, as a signed file");
  group->require_subcommand(1);

  auto w = std::make_shared<wish>();
  auto* write = group->add_subcommand("export", "Write a range of a plant's journal, and sign it");
  add_asking(*write, w);
  write->add_option("--plant", w->plant, "the plant")->required();
  write->add_option("--from", w->from, "first position or time; absent = the oldest there is");
  write->add_option("--to", w->to, "last position or time; absent = the newest there is");
  write->add_option("--actor", w->actor, "only what happened to this actor (kind/id)");
  write->add_option("--principal", w->principal, "only what this client or person did");
  write->add_option("--key", w->key, "private Ed25519 key (PEM, mode 600)")->required();
  write->add_option("file", w->file, "where to; the signature goes to FILE.sig")->required();
  write->callback([w, &exit_code] { exit_code = write_audit(*w); });

  auto v = std::make_shared<wish>();
  auto* check = group->add_subcommand("verify", "Check signature, chain and records of a file");
  check->add_option("--key", v->key, "public Ed25519 key (PEM)")->required();
  auto* url = check->add_option("--url", v->url, "also ask this node whether its journal has it");
  check->add_option("--token", v->token, "bearer token for that")->capture_default_str();
  check->add_option("file", v->file, "the audit; its signature is FILE.sig")->required();
  check->callback([v, url, &exit_code] { exit_code = verify(*v, url->count() > 0); });
}

}  // namespace millrace::cli
