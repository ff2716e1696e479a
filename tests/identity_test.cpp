// layer: cluster
// A data directory belongs to one node of one cluster, to one process at a time, and is not a copy
// of another.
#define BOOST_TEST_MODULE identity
#include "cluster/identity.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "cluster/crc32c.hpp"
#include "cluster/journal.hpp"
#include "cluster/memory_store.hpp"
#include "cluster/row.hpp"
#include "cluster/state_tables.hpp"
#include "cluster/write_batch.hpp"

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

/// A directory whose environments are in memory; its parts can be kept and put back.
struct node {
  temporary t;
  fs::path directory = t.path;
  std::shared_ptr<memory_disk> journal = std::make_shared<memory_disk>();
  std::shared_ptr<memory_disk> state = std::make_shared<memory_disk>();

  /// Why the start is refused, empty when it is not.
  std::string start() {
    auto d = data_directory::open(directory, "acme", "n1");
    if (!d) return d.error().detail;
    fs::create_directories(d->journal());
    std::ofstream(d->journal() / "data.mdb") << "x";
    memory_store journal_store(journal);
    memory_store state_store(state);
    auto bound = d->bind(journal_store, state_store);
    if (bound) return {};
    BOOST_TEST(bound.error().code == "directory.refused");
    return bound.error().detail;
  }
  struct copy {
    std::string identity;
    std::optional<bytes> journal, state;
  };
  [[nodiscard]] copy backup() const {
    const auto row = [](const memory_disk& d, table_id table) {
      const auto& rows = d.visible()[table];
      const auto it = rows.find(bytes{1});
      return it != rows.end() ? std::optional<bytes>(*it->second) : std::nullopt;
    };
    return {content(directory / "identity"), row(*journal, journal_table::node),
            row(*state, state_table::node)};
  }
  void restore_identity(const copy& c) const {
    std::ofstream(directory / "identity", std::ios::trunc) << c.identity;
  }
  void restore_journal(const copy& c) const {
    journal->tamper(journal_table::node, bytes{1}, c.journal);
  }
  void restore_state(const copy& c) const { state->tamper(state_table::node, bytes{1}, c.state); }
};

bool says(const std::string& why, std::string_view what) {
  return why.find(what) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(created_once_and_counted) {
  node n;
  const fs::path dir = n.t.path / "node";
  n.directory = dir;
  std::string incarnation;
  for (std::uint64_t boot = 1; boot <= 3; ++boot) {
    {
      auto d = data_directory::open(dir, "acme", "n1");
      BOOST_REQUIRE(d);
      BOOST_TEST(d->identity().boots == boot);
      BOOST_TEST(d->identity().incarnation.size() == 32u);
      if (boot > 1) BOOST_TEST(d->identity().incarnation == incarnation);
      incarnation = d->identity().incarnation;
      BOOST_TEST(d->journal() == dir / "journal");
    }
    BOOST_TEST(n.start() == "");
  }
}

BOOST_AUTO_TEST_CASE(a_second_open_is_refused) {
  temporary t;
  auto first = data_directory::open(t.path, "acme", "n1");
  BOOST_REQUIRE(first);
  auto second = data_directory::open(t.path, "acme", "n1");
  BOOST_REQUIRE(!second);
  BOOST_TEST(second.error().code == "directory.refused");
  BOOST_TEST(parse_identity(content(t.path / "identity"))->boots == 0u);
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
  const std::string good = format_identity({"acme", "n1", std::string(32, 'a'), 7, 6});
  BOOST_REQUIRE(parse_identity(good));
  BOOST_TEST((*parse_identity(good) == node_identity{"acme", "n1", std::string(32, 'a'), 7, 6}));
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

BOOST_AUTO_TEST_CASE(an_older_journal_under_a_newer_identity_is_refused) {
  node n;
  BOOST_TEST(n.start() == "");
  const auto old = n.backup();
  BOOST_TEST(n.start() == "");
  const auto now = n.backup();
  n.restore_journal(old);
  n.restore_state(old);
  for (int time = 0; time < 3; ++time)  // trying again does not help
    BOOST_TEST(says(n.start(), "the journal is older than the identity file"));
  n.restore_journal({{}, std::nullopt, std::nullopt});
  BOOST_TEST(says(n.start(), "the journal is new"));
  n.restore_journal(now);  // with the older state: that one is brought up from the journal
  BOOST_TEST(n.start() == "");
}

BOOST_AUTO_TEST_CASE(a_newer_journal_under_an_older_identity_is_refused) {
  node n;
  BOOST_TEST(n.start() == "");
  const auto old = n.backup();
  BOOST_TEST(n.start() == "");
  const auto now = n.backup();
  n.restore_identity(old);
  for (int time = 0; time < 3; ++time)
    BOOST_TEST(says(n.start(), "the identity file is older than the journal"));
  n.restore_identity(now);
  BOOST_TEST(n.start() == "");
}

BOOST_AUTO_TEST_CASE(a_state_ahead_of_its_journal_is_refused) {
  node n;
  BOOST_TEST(n.start() == "");
  const auto old = n.backup();
  BOOST_TEST(n.start() == "");
  n.restore_identity(old);  // a backup without the state
  n.restore_journal(old);
  for (int time = 0; time < 3; ++time)
    BOOST_TEST(says(n.start(), "the state knows of start 2, its journal only of start 1"));
  n.restore_state({{}, std::nullopt, std::nullopt});  // removed: it is derived
  BOOST_TEST(n.start() == "");
}

BOOST_AUTO_TEST_CASE(a_whole_older_directory_cannot_be_told_from_one_that_was_stopped) {
  node n;
  BOOST_TEST(n.start() == "");
  const auto old = n.backup();
  BOOST_TEST(n.start() == "");
  n.restore_identity(old);
  n.restore_journal(old);
  n.restore_state(old);
  BOOST_TEST(n.start() == "");  // its peers' memory would have to say so
}

BOOST_AUTO_TEST_CASE(starts_that_end_half_way_do_no_harm) {
  node n;
  BOOST_TEST(n.start() == "");
  for (int time = 0; time < 3; ++time)
    BOOST_REQUIRE(data_directory::open(n.directory, "acme", "n1"));
  BOOST_TEST(n.start() == "");
  const auto before = n.backup();
  BOOST_TEST(n.start() == "");
  const auto after = n.backup();
  // The file was raised, and it ended there; then the journal was bound; then the state.
  auto raised = *parse_identity(after.identity);
  raised.bound = before.identity.empty() ? 0 : parse_identity(before.identity)->bound;
  const node::copy half{format_identity(raised), {}, {}};
  n.restore_identity(half);
  n.restore_journal(before);
  n.restore_state(before);
  BOOST_TEST(n.start() == "");
  n.restore_identity(half);
  n.restore_journal(after);
  n.restore_state(before);
  BOOST_TEST(n.start() == "");
  n.restore_identity(half);
  n.restore_journal(after);
  n.restore_state(after);
  BOOST_TEST(n.start() == "");
}

BOOST_AUTO_TEST_CASE(environments_of_another_directory_are_refused) {
  node a, b;
  BOOST_TEST(a.start() == "");
  BOOST_TEST(b.start() == "");
  BOOST_TEST(b.start() == "");
  const auto foreign = b.backup();
  const auto own = a.backup();
  a.restore_journal(foreign);
  BOOST_TEST(says(a.start(), "the journal belongs to another directory"));
  a.restore_journal(own);
  a.restore_state(foreign);
  BOOST_TEST(says(a.start(), "the state belongs to another directory"));
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_gone_is_not_begun_anew) {
  node n;
  BOOST_TEST(n.start() == "");
  fs::remove_all(n.directory / "journal");
  const auto d = data_directory::open(n.directory, "acme", "n1");
  BOOST_REQUIRE(!d);
  BOOST_TEST(says(d.error().detail, "has lost its journal"));
}

BOOST_AUTO_TEST_CASE(an_identity_of_the_first_version_is_read) {
  const std::string incarnation(32, 'a');
  std::string text =
      "millrace identity 1\ncluster acme\nnode n1\nincarnation " + incarnation + "\nboots 7\n";
  char crc[9];
  std::snprintf(crc, sizeof crc, "%08x",
                crc32c({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  text += std::string("crc32c ") + crc + '\n';
  const auto id = parse_identity(text);
  BOOST_REQUIRE(id);
  BOOST_TEST((*id == node_identity{"acme", "n1", incarnation, 7, 0}));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_beyond_the_end_of_its_journal_is_refused) {
  memory_store state(std::make_shared<memory_disk>());
  write_batch rows;
  rows.put(state_table::plants, as_bytes_view(plant_prefix("hamburg")),
           row_writer().u8(2).u64(40).seal());
  BOOST_REQUIRE(state.commit(rows.writes()));
  BOOST_TEST(check_cuts(state, {{"hamburg", 40}}).has_value());
  const auto ahead = check_cuts(state, {{"hamburg", 39}});
  BOOST_REQUIRE(!ahead);
  BOOST_TEST(ahead.error().code == "directory.refused");
  BOOST_TEST(says(ahead.error().detail, "up to 40, its journal ends at 39"));
  BOOST_TEST(!check_cuts(state, {{"lyon", 90}}).has_value());  // the journal lacks the plant
}
