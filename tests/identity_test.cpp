// layer: cluster
// A data directory belongs to one node of one cluster, to one process at a time, and is not a copy
// of another.
#define BOOST_TEST_MODULE identity
#include "cluster/identity.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cluster/memory_store.hpp"

using namespace millrace;
namespace fs = std::filesystem;

namespace {

struct temporary {
  fs::path path;
  temporary() {
    std::string name = (fs::temp_directory_path() / "millrace-identity-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~temporary() { fs::remove_all(path); }
};

std::string content(const fs::path& p) {
  std::ifstream in(p);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(created_once_and_counted) {
  temporary t;
  const fs::path dir = t.path / "node";
  std::string incarnation;
  for (std::uint64_t boot = 1; boot <= 3; ++boot) {
    auto d = data_directory::open(dir, "acme", "n1");
    BOOST_REQUIRE(d);
    BOOST_TEST(d->identity().boots == boot);
    BOOST_TEST(d->identity().incarnation.size() == 32u);
    if (boot > 1) BOOST_TEST(d->identity().incarnation == incarnation);
    incarnation = d->identity().incarnation;
    BOOST_TEST(d->journal() == dir / "journal");
  }
}

BOOST_AUTO_TEST_CASE(a_second_open_is_refused) {
  temporary t;
  auto first = data_directory::open(t.path, "acme", "n1");
  BOOST_REQUIRE(first);
  auto second = data_directory::open(t.path, "acme", "n1");
  BOOST_REQUIRE(!second);
  BOOST_TEST(second.error().code == "directory.refused");
  BOOST_TEST(parse_identity(content(t.path / "identity"))->boots == 1u);
}

BOOST_AUTO_TEST_CASE(a_foreign_directory_is_refused) {
  temporary t;
  BOOST_REQUIRE(data_directory::open(t.path, "acme", "n1"));
  for (auto [cluster, node] : {std::pair("other", "n1"), std::pair("acme", "n2"),
                               std::pair("", "n1"), std::pair("acme", "with space")}) {
    auto d = data_directory::open(t.path, cluster, node);
    BOOST_REQUIRE(!d);
    BOOST_TEST(d.error().code == "directory.refused");
  }
  BOOST_TEST(data_directory::open(t.path, "acme", "n1").has_value());
}

BOOST_AUTO_TEST_CASE(every_changed_byte_of_the_file_is_found) {
  const std::string good = format_identity({"acme", "n1", std::string(32, 'a'), 7});
  BOOST_REQUIRE(parse_identity(good));
  BOOST_TEST((*parse_identity(good) == node_identity{"acme", "n1", std::string(32, 'a'), 7}));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    BOOST_REQUIRE(!parse_identity(bad));
    BOOST_REQUIRE(!parse_identity(good.substr(0, i)));
  }
  temporary t;
  std::ofstream(t.path / "identity") << good.substr(0, 20);
  BOOST_TEST(!data_directory::open(t.path, "acme", "n1").has_value());
}

BOOST_AUTO_TEST_CASE(data_without_identity_is_refused) {
  temporary t;
  fs::create_directories(t.path / "journal");
  std::ofstream(t.path / "journal" / "data.mdb") << "x";
  BOOST_TEST(!data_directory::open(t.path, "acme", "n1").has_value());
}

BOOST_AUTO_TEST_CASE(a_state_that_lost_its_journal_is_refused) {
  temporary t;
  BOOST_REQUIRE(data_directory::open(t.path, "acme", "n1"));
  fs::create_directories(t.path / "state");
  std::ofstream(t.path / "state" / "data.mdb") << "x";
  auto d = data_directory::open(t.path, "acme", "n1");
  BOOST_REQUIRE(!d);
  BOOST_TEST(d.error().code == "directory.refused");
  fs::create_directories(t.path / "journal");
  std::ofstream(t.path / "journal" / "data.mdb") << "x";
  BOOST_TEST(data_directory::open(t.path, "acme", "n1").has_value());
}

BOOST_AUTO_TEST_CASE(a_journal_of_another_incarnation_or_a_rolled_back_identity_is_refused) {
  auto disk = std::make_shared<memory_disk>();
  memory_store journal_store(disk);
  node_identity id{"acme", "n1", std::string(32, 'a'), 1};
  BOOST_TEST(bind_journal(journal_store, id).has_value());
  id.boots = 5;  // starts that ended before the journal was opened do no harm
  BOOST_TEST(bind_journal(journal_store, id).has_value());
  id.boots = 3;
  auto rolled_back = bind_journal(journal_store, id);
  BOOST_REQUIRE(!rolled_back);
  BOOST_TEST(rolled_back.error().code == "directory.refused");
  BOOST_TEST(!bind_journal(journal_store, {"acme", "n1", std::string(32, 'b'), 9}).has_value());
  BOOST_TEST(!bind_journal(journal_store, {"acme", "n2", std::string(32, 'a'), 9}).has_value());
  BOOST_TEST(bind_journal(journal_store, {"acme", "n1", std::string(32, 'a'), 6}).has_value());
}
