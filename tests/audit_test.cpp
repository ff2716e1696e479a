// layer: nodes; starts the program
// An audit shows by itself that nothing in it was changed or left out: bytes, records, lines and
// keys that are wrong are found, each at its place; a real node's is exported and verified.
#define BOOST_TEST_MODULE audit
#include "nodes/audit/audit_file.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "cluster/entry.hpp"
#include "cluster/record_writer.hpp"
#include "nodes/audit/audit_key.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/program_fixture.hpp"

using namespace millrace;

namespace {

packed released(const std::string& operation) {
  order::OrderReleasedT e;
  e.released_operations.push_back(operation);
  flatbuffers::FlatBufferBuilder b;
  b.Finish(order::OrderReleased::Pack(b, &e));
  return {static_cast<std::uint8_t>(order::schema::event_member<order::OrderReleasedT>()),
          bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize())};
}

/// A plant's journal of a barrier and commands, each by another principal.
struct fixture {
  fixture() {
    chain = hasher.genesis("hamburg");
    add(entry_type::barrier, std::make_shared<bytes>());
    record("order/1", "dev-erp", "ann");
    record("order/2", "dev-mes", "");
    record("order/1", "dev-erp", "bob");
  }
  void record(const std::string& actor, const std::string& principal, const std::string& person) {
    const std::vector<packed> events{released(actor)};
    record_parts p;
    p.actor = actor;
    p.sequence = 1;
    p.command = static_cast<std::uint8_t>(order::schema::command_member<order::RequestReleaseT>());
    p.principal = principal;
    p.system = System::erp;
    p.on_behalf_of = person;
    const auto correlation = "T-" + std::to_string(entries.size());
    p.correlation = correlation;
    p.events = events;
    p.signature_meaning = "released";
    p.signature_reason = "customer waits";
    entry_builder builder;
    builder.add(write_record(p));
    add(entry_type::command, builder.finish(timestamp::from_micros(1'700'000'000'000'000)));
  }
  void add(entry_type type, shared_bytes payload) {
    log_entry e;
    e.index = entries.size() + 1;
    e.term = 3;
    e.type = type;
    e.payload = payload;
    chain = hasher.next(chain, 1, e);
    entries.push_back(
        {e.index, e.term, static_cast<std::uint8_t>(type), {chain.begin(), chain.end()}, *payload});
  }
  /// The whole file, from the entry after `before` on.
  std::string file(const audit::filter& f = {}, std::uint64_t before = 0) {
    audit::head h;
    h.plant = "hamburg";
    h.before = before;
    h.chain = before == 0 ? to_hex(hasher.genesis("hamburg")) : to_hex(entries[before - 1].chain);
    h.wanted = f;
    auto out = audit::head_line(h);
    audit::tally counted;
    for (auto i = before; i < entries.size(); ++i) {
      const auto line = audit::entry_line(schema_model::built_in(), entries[i], f);
      BOOST_REQUIRE(line);
      counted.add(*json_value::parse(*line, 64));
      out += *line;
    }
    return out + audit::end_line(counted);
  }
  chain_hasher hasher;
  chain_hash chain{};
  std::vector<chained_entry> entries;
};

audit::report check(const std::string& text) {
  return audit::check(schema_model::built_in(), text);
}
/// The only thing that is wrong with the text.
std::string only_finding(const std::string& text) {
  const auto r = check(text);
  BOOST_REQUIRE_EQUAL(r.findings.size(), 1u);
  return r.findings[0];
}
std::string changed(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at) + 1;
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}
std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& l : lines) out += l;
  return out;
}

/// A pair of keys in files of their own, as `openssl genpkey` writes them.
struct key_pair {
  key_pair(const std::string& directory, const std::string& name, int type = EVP_PKEY_ED25519)
      : secret(directory + '/' + name + ".key"), open(directory + '/' + name + ".pub") {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(type, nullptr);
    EVP_PKEY* key = nullptr;
    BOOST_REQUIRE(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_keygen(context, &key) == 1);
    std::FILE* out = std::fopen(secret.c_str(), "w");
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    ::chmod(secret.c_str(), 0600);
    out = std::fopen(open.c_str(), "w");
    PEM_write_PUBKEY(out, key);
    std::fclose(out);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
  }
  std::string secret, open;
};

struct with_directory {
  with_directory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace-audit-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
  }
  ~with_directory() { std::filesystem::remove_all(directory); }
  std::string directory;
};

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_text(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

int run(const std::vector<std::string>& arguments, const std::string& log) {
  auto started = process::start(MILLRACE_PROGRAM, arguments, log);
  BOOST_REQUIRE(started);
  return started->wait(std::chrono::seconds(60)).value_or(-1);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_whole_audit_says_who_did_what_when_why_and_for_whom, fixture) {
  const auto text = file();
  const auto r = check(text);
  BOOST_TEST(r.findings.empty());
  BOOST_TEST(r.whole);
  BOOST_TEST(r.counted.entries == 4u);
  BOOST_TEST(r.counted.records == 3u);
  const auto line = json_value::parse(lines_of(text)[2], 64);
  BOOST_REQUIRE(line);
  const auto said = [&](const char* member) {
    const auto* v = line->at(std::string("/records/0/") + member);
    return v != nullptr ? v->text() : "(absent)";
  };
  BOOST_TEST(said("actor") == "order/1");
  BOOST_TEST(said("command") == "request-release");
  BOOST_TEST(said("principal") == "dev-erp");
  BOOST_TEST(said("on_behalf_of") == "ann");
  BOOST_TEST(said("at") == "2023-11-14T22:13:20Z");
  BOOST_TEST(said("signature/reason") == "customer waits");
  BOOST_TEST(said("outcome") == "accepted");
  BOOST_TEST(said("events/0/type") == "production.order.released.v1");
  BOOST_TEST(said("events/0/data/released_operations/0") == "order/1");
}

BOOST_FIXTURE_TEST_CASE(a_range_from_the_middle_is_chained_to_what_was_before, fixture) {
  BOOST_TEST(check(file({}, 2)).findings.empty());
  const auto before = to_hex(entries[1].chain);
  const auto other = (before[0] == '0' ? "1" : "0") + before.substr(1);
  BOOST_TEST(
      only_finding(changed(file({}, 2), before, other)).find("entry 3: the chain is broken") !=
      std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_filter_withholds_the_rest_and_the_chain_still_holds, fixture) {
  const auto mes = file({"", "dev-mes"});
  auto r = check(mes);
  BOOST_TEST(r.findings.empty());
  BOOST_TEST(!r.whole);
  BOOST_TEST(r.counted.records == 1u);
  BOOST_TEST(r.counted.withheld == 3u);
  BOOST_TEST(mes.find("ann") == std::string::npos);
  r = check(file({"order/1", "ann"}));
  BOOST_TEST(r.findings.empty());
  BOOST_TEST(r.counted.records == 1u);
  // Withheld without a filter is left out.
  auto lines = lines_of(file());
  lines[3] = lines_of(mes)[2];
  BOOST_TEST(!check(joined(lines)).findings.empty());
}

BOOST_FIXTURE_TEST_CASE(a_changed_byte_is_found_where_it_is, fixture) {
  const auto lines = lines_of(file());
  // In a payload: every byte of it counts.
  const auto payload = entries[1].payload;
  for (std::size_t at = 0; at < payload.size(); at += 7) {
    auto other = payload;
    other[at] ^= 0x10;
    auto text = lines;
    text[2] = changed(text[2], audit::to_base64(payload), audit::to_base64(other));
    const auto r = check(joined(text));
    BOOST_REQUIRE(!r.findings.empty());
    BOOST_TEST(r.findings[0].find("entry 2: the chain is broken") != std::string::npos);
  }
  // In what people read, which the chain does not cover.
  BOOST_TEST(
      only_finding(changed(joined(lines), "\"on_behalf_of\":\"ann\"", "\"on_behalf_of\":\"eve\""))
          .find("entry 2: record 0 is not what the entry says") != std::string::npos);
  BOOST_TEST(
      only_finding(changed(joined(lines), "customer waits", "nobody knows")).find("entry 2") !=
      std::string::npos);
  BOOST_TEST(!check(changed(joined(lines), "\"term\":3", "\"term\":4")).findings.empty());
  BOOST_TEST(
      !check(changed(joined(lines), "\"generation\":1", "\"generation\":2")).findings.empty());
  BOOST_TEST(!check(changed(joined(lines), "\"plant\":\"hamburg\"", "\"plant\":\"lyon\""))
                  .findings.empty());
}

BOOST_FIXTURE_TEST_CASE(what_is_missing_doubled_or_added_is_found, fixture) {
  const auto lines = lines_of(file());
  auto text = lines;
  text.erase(text.begin() + 2);
  BOOST_TEST(check(joined(text)).findings.at(0).find("entry 2 is missing: 3 follows") !=
             std::string::npos);
  text = lines;
  std::swap(text[2], text[3]);
  BOOST_TEST(!check(joined(text)).findings.empty());
  text = lines;
  text.insert(text.begin() + 2, text[2]);
  BOOST_TEST(!check(joined(text)).findings.empty());
  text = lines;
  text.pop_back();
  BOOST_TEST(only_finding(joined(text)).find("the end is missing") != std::string::npos);
  text.pop_back();  // the last entry as well, with an end that says so: only the signature shows it
  BOOST_TEST(only_finding(joined(text)).find("the end is missing") != std::string::npos);
  text = lines;
  text.push_back(text[2]);
  BOOST_TEST(only_finding(joined(text)).find("stands after the end") != std::string::npos);
  // A record taken out of an entry.
  const auto whole = lines[2];
  const auto from = whole.find("\"records\":[") + 11;
  text = lines;
  text[2] = whole.substr(0, from) + "]}\n";
  BOOST_TEST(check(joined(text)).findings.at(0).find("a record is missing or was added") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_audit_is_said_to_be_none) {
  for (const std::string text : {"", "\n", "{}", "[]\n", "nope\n", "{\"audit\":1}\n",
                                 "{\"audit\":1,\"plant\":\"h\",\"before\":{}}\n",
                                 "{\"audit\":2,\"plant\":\"h\",\"generation\":1,\"before\":{"
                                 "\"index\":0,\"chain\":\"00\"}}\n",
                                 "\xff\xfe\n"})
    BOOST_TEST(!check(text).findings.empty(), text);
  BOOST_TEST(audit::from_base64("AAA").error().code == "audit.invalid");
  BOOST_TEST(!audit::from_base64("AA=A"));
  BOOST_TEST(!audit::from_base64("AB=="));  // not the one form of that byte
  for (const bytes& b : {bytes{}, bytes{1}, bytes{1, 2}, bytes{1, 2, 3}, bytes{0, 255, 0, 255}})
    BOOST_TEST((*audit::from_base64(audit::to_base64(b)) == b));
}

BOOST_FIXTURE_TEST_CASE(a_signature_is_of_one_key_and_one_text, with_directory) {
  const key_pair ours(directory, "ours"), others(directory, "others");
  const auto signature = audit::sign(ours.secret, "text");
  BOOST_REQUIRE(signature);
  BOOST_TEST(signature->size() == audit::signature_bytes);
  BOOST_TEST(*audit::is_signed_by(ours.open, "text", *signature));
  BOOST_TEST(!*audit::is_signed_by(ours.open, "texT", *signature));
  BOOST_TEST(!*audit::is_signed_by(others.open, "text", *signature));
  BOOST_TEST(!*audit::is_signed_by(ours.open, "text", signature->substr(1)));
  BOOST_TEST(!*audit::is_signed_by(ours.open, "text", ""));
  // Keys that are none.
  BOOST_TEST(audit::sign(directory + "/nowhere", "text").error().code == "audit.key");
  BOOST_TEST(audit::sign(ours.open, "text").error().code == "audit.key");
  BOOST_TEST(audit::is_signed_by(ours.secret, "text", *signature).error().code == "audit.key");
  const key_pair exchange(directory, "exchange", EVP_PKEY_X25519);
  BOOST_TEST(audit::sign(exchange.secret, "text").error().code == "audit.key");
  BOOST_TEST(audit::is_signed_by(exchange.open, "text", *signature).error().code == "audit.key");
  ::chmod(ours.secret.c_str(), 0644);
  BOOST_TEST(audit::sign(ours.secret, "text").error().detail.find("chmod 600") !=
             std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_plants_audit_is_exported_signed_and_verified, with_directory) {
  auto& node = tests::node::the();
  tests::plant site("audited");
  site.set_up();
  site.release_order("1000042");
  const auto url = "http://127.0.0.1:" + node.port();
  const key_pair ours(directory, "ours"), others(directory, "others");
  const auto log = directory + "/log", out = directory + "/audit.ndjson";
  const auto exported = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"audit",   "export", "--url",     url, "--plant",
                                 "audited", "--key",  ours.secret, out};
    all.insert(all.end(), more.begin(), more.end());
    return run(all, log);
  };
  const auto verified = [&](const std::string& key, bool ask = false) {
    std::vector<std::string> all{"audit", "verify", "--key", key, out};
    if (ask) all.insert(all.end(), {"--url", url});
    return run(all, log);
  };
  BOOST_TEST(exported({}) == 0);
  BOOST_TEST(verified(ours.open, true) == 0, content_of(log));
  BOOST_TEST(verified(others.open) == 1);
  const auto text = content_of(out);
  BOOST_TEST(text.find("\"command\":\"request-release\"") != std::string::npos);
  // The verdict does not need the node, and one byte is enough.
  write_text(out, changed(text, "request-release", "request-releasE"));
  BOOST_TEST(verified(ours.open) == 1);
  BOOST_TEST(content_of(log).find("record 0 is not what the entry says") != std::string::npos);
  auto lines = lines_of(text);
  lines.erase(lines.begin() + 2);
  write_text(out, joined(lines));
  BOOST_TEST(verified(ours.open) == 1);
  write_text(out, text);
  BOOST_TEST(verified(ours.open) == 0);
  // Parts of it.
  BOOST_TEST(exported({"--actor", "order/1000042", "--principal", "dev-erp"}) == 0);
  BOOST_TEST(verified(ours.open, true) == 0, content_of(log));
  BOOST_TEST(content_of(out).find("HSG-0001\"") == std::string::npos);
  BOOST_TEST(exported({"--from", "3", "--to", "5"}) == 0);
  BOOST_TEST(lines_of(content_of(out)).size() == 5u);
  BOOST_TEST(verified(ours.open, true) == 0);
  BOOST_TEST(exported({"--from", "2999-01-01T00:00:00Z"}) == 3);
  BOOST_TEST(exported({"--from", "soon"}) == 3);
  BOOST_TEST(run({"audit", "export", "--url", url, "--plant", "audited", "--key", ours.open, out},
                 log) == 2);
}

BOOST_AUTO_TEST_CASE(the_audit_over_http_is_filtered_paged_and_for_operators_only) {
  auto& node = tests::node::the();
  tests::plant site("paged");
  site.set_up();
  const std::string base = "/v1/audit?plant=paged";
  BOOST_TEST(node.send("GET", base, "erp").status == 403);
  BOOST_TEST(node.send("GET", "/v1/audit", "ops").status == 422);
  BOOST_TEST(node.send("GET", "/v1/audit?plant=nowhere", "ops").status == 404);
  BOOST_TEST(node.send("GET", base + "&from=0", "ops").status == 422);
  BOOST_TEST(node.send("GET", base + "&from=9&to=3", "ops").status == 422);
  BOOST_TEST(node.send("GET", base + "&actor=order", "ops").status == 422);
  BOOST_TEST(node.send("GET", base + "&cursor=x", "ops").status == 400);
  BOOST_TEST(node.send("GET", base + "&limit=0", "ops").status == 422);
  BOOST_TEST(node.send("POST", base, "ops", "{}").status == 405);
  auto a = node.send("GET", base + "&principal=dev-qms", "ops");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/items/0/command") == "set-inspection-plan");
  BOOST_TEST(a.at("/items/0/actor") == "material/PUMP-100");
  BOOST_TEST(a.at("/next") == "");
  BOOST_TEST(node.send("GET", base + "&principal=dev-qms&to=2020-01-01T00:00:00Z", "ops")
                 .body.find("items")
                 ->items()
                 .empty());
  // Page by page it is the same as at once.
  const auto whole = node.send("GET", base + "&limit=1000", "ops").body.find("items")->items();
  BOOST_TEST(whole.size() >= 5u);
  std::vector<json_value> paged;
  for (std::string cursor = "1"; !cursor.empty();) {
    const auto page = node.send("GET", base + "&limit=1&cursor=" + cursor, "ops");
    BOOST_REQUIRE(page.status == 200);
    for (const auto& r : page.body.find("items")->items()) paged.push_back(r);
    cursor = page.body.text("next");
  }
  BOOST_TEST((paged == whole));
}

BOOST_AUTO_TEST_CASE(a_second_persons_approval_is_evidence) {
  auto& node = tests::node::the();
  tests::plant site("eyes");
  site.set_up();
  const auto as = [&](const std::string& person, const std::string& path, const std::string& body) {
    return node.send("POST", path, "qms", body, {}, "application/json", person);
  };
  BOOST_TEST(node.send("PUT", "/v1/rules", "ops",
                       R"({"level":"plant","plant":"eyes","rules":{"approval.release_hold":"yes"},)"
                       R"("reason":"quality manual 7.2"})")
                 .status == 200);
  site.eventually("the plant works by the rule", [&] {
    const auto rules = node.send("GET", "/v1/rules?plant=eyes", "ops");
    return rules.text.find("\"name\":\"approval.release_hold\"") != std::string::npos &&
           rules.text.find("\"value\":\"yes\",\"level\":\"plant\"") != std::string::npos;
  });
  site.must("/batches/HSG-0001/place-hold", "qms",
            R"({"hold":"H-1","type":"quality","reason":"crack"})");
  const auto asked = as("ann", site.base + "/batches/HSG-0001/release-hold",
                        R"({"hold":"H-1","reason":"no crack"})");
  BOOST_TEST(asked.status == 202, asked.text);
  BOOST_TEST(asked.at("/exception/code") == "approval.needed");
  BOOST_TEST(site.get("/batches/HSG-0001").at("/state/holds/0/hold") == "H-1");
  const auto waiting = node.send("GET", "/v1/exceptions?plant=eyes&code=approval.needed", "ops");
  BOOST_TEST(waiting.at("/items/0/principal") == "ann (dev-qms)");
  const auto exception = "/v1/exceptions/" + asked.at("/exception/id");
  auto a = as("ann", exception + "/approve", "{}");
  BOOST_TEST(a.status == 409);
  BOOST_TEST(a.at("/code") == "approval.same_person");
  BOOST_TEST(as("", exception + "/approve", "{}").at("/code") == "approval.same_person");
  BOOST_TEST(node.send("POST", exception + "/approve", "mes", "{}").at("/code") ==
             "command.not_owner");
  a = as("bob", exception + "/approve", R"({"reason":"looked at it"})");
  BOOST_TEST(a.status == 200, a.text);
  BOOST_TEST(site.get("/batches/HSG-0001").at("/state/holds/0") == "(nothing)");
  const auto evidence =
      node.send("GET", "/v1/audit?plant=eyes&actor=batch/HSG-0001&principal=bob", "ops");
  BOOST_TEST(evidence.at("/items/0/resolved/reason") == "approved by bob (dev-qms): looked at it");
  BOOST_TEST(evidence.at("/items/0/on_behalf_of") == "bob");
  BOOST_TEST(node.send("GET", "/v1/audit?plant=eyes&principal=ann", "ops").at("/items/0/code") ==
             "approval.needed");
}
