// layer: nodes
// The configuration: the documented example is valid, mistakes are named with their place,
// dangerous set-ups refused.
#define BOOST_TEST_MODULE config
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "cluster/curve_key.hpp"
#include "nodes/config.hpp"

using namespace millrace;

namespace {

std::string first_finding(std::string_view toml) {
  const auto c = parse_config(toml);
  if (c) return "accepted";
  return c.error().findings.empty() ? c.error().detail : c.error().findings.front().pointer;
}

struct scratch {
  scratch()
      : path(std::filesystem::temp_directory_path() /
             ("millrace-config-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~scratch() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text, mode_t mode) const {
    std::ofstream(path / name) << text;
    ::chmod((path / name).c_str(), mode);
  }
  std::filesystem::path path;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_documented_example_is_valid_and_says_the_defaults) {
  const auto c = load_config(std::string(MILLRACE_SOURCE_DIR) + "/config/node.toml");
  BOOST_REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().detail));
  const node_config defaults;
  BOOST_TEST(c->http_port == defaults.http_port);
  BOOST_TEST(c->http.body_bytes_max == defaults.http.body_bytes_max);
  BOOST_TEST(c->http.idle_ms_max == defaults.http.idle_ms_max);
  BOOST_TEST(c->http.connections_max == defaults.http.connections_max);
  BOOST_TEST(c->gateway.deadline_ms == defaults.gateway.deadline_ms);
  BOOST_TEST(c->gateway.streams_max == defaults.gateway.streams_max);
  BOOST_TEST(c->client_in_flight_max == defaults.client_in_flight_max);
  BOOST_TEST(c->resident_bytes_max == defaults.resident_bytes_max);
  BOOST_REQUIRE(c->tokens.size() == 1u);
  BOOST_TEST(c->tokens[0].systems == 1u << 1);
  BOOST_TEST(check_config(*c).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_unknown_or_wrong_is_named_with_its_place) {
  BOOST_TEST(first_finding("[http]\nadress = \"127.0.0.1:1\"") == "/http/adress");
  BOOST_TEST(first_finding("[htp]\naddress = \"127.0.0.1:1\"") == "/htp");
  BOOST_TEST(first_finding("[http]\nthreads = \"two\"") == "/http/threads");
  BOOST_TEST(first_finding("[http]\nthreads = 0") == "/http/threads");
  BOOST_TEST(first_finding("[http]\naddress = \"here\"") == "/http/address");
  BOOST_TEST(first_finding("[node]\nlog_format = \"xml\"") == "/node/log_format");
  BOOST_TEST(first_finding("[[tokens]]\nname=\"a\"\nsha256=\"12\"\nsystems=[\"erp\"]") ==
             "/tokens/0/sha256");
  BOOST_TEST(first_finding("[[tokens]]\nname=\"a\"\nsha256=\"" + std::string(64, 'a') +
                           "\"\nsystems=[\"sap\"]") == "/tokens/0/systems");
  for (const char* name : {"team (night)", "", " a", "\\u200b"})
    BOOST_TEST(first_finding(std::string("[[tokens]]\nname=\"") + name + "\"\nsha256=\"" +
                             std::string(64, 'a') + "\"\nsystems=[\"erp\"]") == "/tokens/0/name",
               name);
  BOOST_TEST(first_finding("[[tokens]]\nsecret=\"a\"\nname=\"a\"\nsha256=\"" +
                           std::string(64, 'a') + "\"\nsystems=[\"erp\"]") == "/tokens/0/secret");
  BOOST_TEST(first_finding("[[endpoints]]\nsystem=\"erp\"\nurl=\"ftp://x\"") == "/endpoints/0/url");
  BOOST_TEST(first_finding("[[endpoints]]\nsystem=\"erp\"\nurl=\"http://"
                           "x\"\n[[endpoints]]\nsystem=\"erp\"\nurl=\"http://y\"") ==
             "/endpoints/1/system");
  BOOST_TEST(first_finding("[rules]\n\"a.b\" = [1]") == "/rules/a.b");
  BOOST_TEST(first_finding("[node\n").find("line 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cluster_names_its_nodes_with_their_keys) {
  const scratch dir;
  const auto own = make_curve_key();
  const auto other = make_curve_key();
  dir.write("node.key", "# public: " + own.public_key + "\n" + own.secret_key + "\n", 0600);
  const auto text = [&](const std::string& more, const std::string& key) {
    return "[node]\ndata=\"d\"\n[cluster]\nname=\"works\"\nnode=1\nregion=\"eu\"\n"
           "secret_key_file=\"node.key\"\nconsensus=\"tcp://127.0.0.1:1\"\n"
           "bulk=\"tcp://127.0.0.1:2\"\n" +
           more +
           "[[cluster.peers]]\nnode=2\nconsensus=\"tcp://127.0.0.1:3\"\n"
           "bulk=\"tcp://127.0.0.1:4\"\npublic_keys=['" +
           key + "']\n";
  };
  auto c = parse_config(text("", other.public_key), dir.path.string());
  BOOST_REQUIRE_MESSAGE(c, (c ? "" : c.error().detail));
  c->dev = true;
  BOOST_TEST(check_config(*c).has_value());
  BOOST_TEST(c->cluster.given);
  BOOST_TEST(c->cluster.secret_key == own.secret_key);
  BOOST_TEST(c->cluster.founders == (std::vector<std::uint64_t>{1, 2}),
             boost::test_tools::per_element());
  BOOST_REQUIRE(c->cluster.peers.size() == 1u);
  BOOST_TEST(c->cluster.peers[0].bulk == "tcp://127.0.0.1:4");
  const auto pointer = [&](const std::string& toml) {
    const auto wrong = parse_config(toml, dir.path.string());
    return wrong || wrong.error().findings.empty() ? std::string("accepted")
                                                   : wrong.error().findings.front().pointer;
  };
  BOOST_TEST(pointer(text("founders=[1,5]\n", other.public_key)) == "/cluster/founders");
  BOOST_TEST(pointer(text("founders=[1,1]\n", other.public_key)) == "/cluster/founders");
  BOOST_TEST(pointer(text("founder=[1]\n", other.public_key)) == "/cluster/founder");
  BOOST_TEST(pointer(text("", "short")) == "/cluster/peers/0/public_keys");
  BOOST_TEST(pointer("[cluster]\nname=\"works\"\nconsensus=\"tcp://h:1\"\nbulk=\"tcp://h:2\"\n") ==
             "/cluster/node");
  BOOST_TEST(
      pointer("[cluster]\nname=\"works\"\nnode=1\nconsensus=\"h:1\"\nbulk=\"tcp://h:2\"\n") ==
      "/cluster/consensus");
  // A key of its own among its peers' lets anybody who has it speak for two.
  auto same = parse_config(text("", own.public_key), dir.path.string());
  BOOST_REQUIRE(same);
  same->dev = true;
  BOOST_TEST(!check_config(*same).has_value());
  dir.write("node.key", own.secret_key + "\n", 0644);
  BOOST_TEST(pointer(text("", other.public_key)) == "/cluster/secret_key_file");
}

BOOST_AUTO_TEST_CASE(rules_are_dotted_names) {
  const auto c = parse_config(
      "[rules]\n\"release.timeout_s\" = 60\nreferences.must_exist = true\n[rules.hold]\nmode = "
      "\"strict\"");
  BOOST_REQUIRE(c.has_value());
  BOOST_TEST(c->rules.at("release.timeout_s") == "60");
  BOOST_TEST(c->rules.at("references.must_exist") == "true");
  BOOST_TEST(c->rules.at("hold.mode") == "strict");
  BOOST_TEST(c->gateway.references_must_exist);
}

BOOST_AUTO_TEST_CASE(secrets_that_others_may_read_are_refused) {
  const scratch dir;
  dir.write("open", "whsec_abc\n", 0644);
  dir.write("closed", "# newest first\nwhsec_abc\nwhsec_def\n", 0600);
  const auto with = [&](const std::string& file) {
    return parse_config(
        "[[endpoints]]\nsystem=\"erp\"\nurl=\"http://x\"\nsecret_file=\"" + file + "\"",
        dir.path.string());
  };
  BOOST_TEST(!with("open").has_value());
  BOOST_TEST(!with("missing").has_value());
  const auto c = with("closed");
  BOOST_REQUIRE(c.has_value());
  BOOST_TEST(c->endpoints[0].secrets.size() == 2u);
  BOOST_TEST(c->endpoints[0].plant == "*");
}

BOOST_AUTO_TEST_CASE(dev_and_plain_ports_stay_on_loopback) {
  node_config c;
  c.data = "/tmp/x";
  c.dev = true;
  BOOST_TEST(check_config(c).has_value());
  c.http_host = "0.0.0.0";
  BOOST_TEST(!check_config(c).has_value());
  c.behind_tls_proxy = true;
  BOOST_TEST(!check_config(c).has_value());
  c.dev = false;
  c.tokens = dev_tokens();
  BOOST_TEST(check_config(c).has_value());
  c.behind_tls_proxy = false;
  BOOST_TEST(!check_config(c).has_value());
  c.http_host = "127.0.0.1";
  c.client = "tcp://0.0.0.0:9000";
  BOOST_TEST(!check_config(c).has_value());
  c.client_secret_key = std::string(40, 'a');
  BOOST_TEST(!check_config(c).has_value());
  c.curve_clients.push_back({"a", std::string(40, 'b'), 2});
  BOOST_TEST(check_config(c).has_value());
  c.tokens.clear();
  BOOST_TEST(!check_config(c).has_value());
}

BOOST_AUTO_TEST_CASE(dev_tokens_speak_for_one_system_each) {
  const gateway::authenticator auth(dev_tokens());
  const auto mes = auth.token("dev-mes");
  BOOST_REQUIRE(mes.has_value());
  BOOST_TEST(mes->who.name == "dev-mes");
  BOOST_TEST(mes->who.systems == 1u << 2);
  BOOST_TEST(auth.token("dev-ops")->who.systems == 1u << 11);
  BOOST_TEST(!auth.token("dev-tms").has_value());
  BOOST_TEST(!auth.token("").has_value());
  BOOST_TEST(auth.header("").error().code == "auth.missing");
  BOOST_TEST(auth.header("Basic dev-mes").error().code == "auth.invalid");
  BOOST_TEST(auth.header("bearer dev-mes").has_value());
}

BOOST_AUTO_TEST_CASE(addresses_and_endpoints_of_the_command_line) {
  BOOST_TEST(parse_host_port("127.0.0.1:80")->second == 80);
  BOOST_TEST(parse_host_port("[::1]:80")->first == "::1");
  BOOST_TEST(parse_host_port("8480")->first == "127.0.0.1");
  for (const char* bad : {"", "x", "127.0.0.1:", "127.0.0.1:65536", ":80", "a:-1"})
    BOOST_TEST(!parse_host_port(bad).has_value(), bad);
  BOOST_TEST((parse_endpoint("erp=http://127.0.0.1:9001")->system == System::erp));
  BOOST_TEST(parse_endpoint("hamburg/mes=http://127.0.0.1:9001")->plant == "hamburg");
  for (const char* bad : {"", "erp", "sap=http://x", "erp=x", "a b/erp=http://x"})
    BOOST_TEST(!parse_endpoint(bad).has_value(), bad);
}
