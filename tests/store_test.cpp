// layer: cluster
// The disk seam's contract, the same for LMDB and for the simulation's disk; then what each has of
// its own.
#define BOOST_TEST_MODULE store
#include "cluster/store.hpp"

#include <stdlib.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <string_view>

#include "cluster/large_commit.hpp"
#include "cluster/lmdb_store.hpp"
#include "cluster/memory_store.hpp"
#include "cluster/write_batch.hpp"

using namespace millrace;

namespace {

bytes_view view(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
std::string text(bytes_view v) { return {v.begin(), v.end()}; }

struct directory {
  std::filesystem::path path;
  directory() {
    std::string name = (std::filesystem::temp_directory_path() / "millrace-store-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~directory() { std::filesystem::remove_all(path); }
};

std::string get(store& s, table_id table, std::string_view key) {
  auto snapshot = s.snapshot();
  BOOST_REQUIRE(snapshot);
  auto found = (*snapshot)->get(table, view(key));
  BOOST_REQUIRE(found);
  return found->has_value() ? text(**found) : "-";
}

std::string forward(store_snapshot& s, table_id table, std::string_view from) {
  auto cursor = s.scan(table);
  BOOST_REQUIRE(cursor);
  std::string out;
  for (auto found = (*cursor)->seek(view(from)); found && *found; found = (*cursor)->next())
    out += text((*cursor)->key()) + '=' + text((*cursor)->value()) + ' ';
  return out;
}

std::string backward(store_snapshot& s, table_id table, std::string_view below) {
  auto cursor = s.scan(table);
  BOOST_REQUIRE(cursor);
  std::string out;
  for (auto found = (*cursor)->seek_before(view(below)); found && *found;
       found = (*cursor)->previous())
    out += text((*cursor)->key()) + ' ';
  return out;
}

void contract(store& s) {
  write_batch b;
  b.put(0, view("b"), view("2"));
  b.put(0, view("a"), view("1"));
  b.append(1, view("k1"), view("x"));
  b.append(1, view("k2"), view("y"));
  b.put(0, view("d"), view("head-"), std::make_shared<const bytes>(bytes{'b', 'o', 'd', 'y'}));
  b.put(0, view("c"), view("3"));
  b.erase(0, view("c"));
  b.erase(0, view("never there"));
  BOOST_REQUIRE(s.commit(b.writes()));
  BOOST_TEST(get(s, 0, "d") == "head-body");
  BOOST_TEST(get(s, 0, "c") == "-");
  BOOST_TEST(get(s, 1, "a") == "-");  // tables are apart

  auto before = s.snapshot();
  BOOST_REQUIRE(before);
  b.clear();
  b.put(0, view("a"), view("changed"));
  for (const char* k : {"e1", "e2", "e3", "f"}) b.put(0, view(k), view("v"));
  BOOST_REQUIRE(s.commit(b.writes()));
  BOOST_TEST(forward(**before, 0, "") == "a=1 b=2 d=head-body ");
  BOOST_TEST(backward(**before, 0, "") == "d b a ");
  before = s.snapshot();
  BOOST_TEST(forward(**before, 0, "e2") == "e2=v e3=v f=v ");
  BOOST_TEST(forward(**before, 0, "dd") == "e1=v e2=v e3=v f=v ");
  BOOST_TEST(backward(**before, 0, "e2") == "e1 d b a ");
  BOOST_TEST(backward(**before, 0, "zzz") == "f e3 e2 e1 d b a ");
  BOOST_TEST(backward(**before, 0, "a") == "");
  BOOST_TEST(forward(**before, 5, "") == "");

  b.clear();
  b.erase_range(0, view("b"), view("e3"));
  BOOST_REQUIRE(s.commit(b.writes()));
  auto after = s.snapshot();
  BOOST_TEST(forward(**after, 0, "") == "a=changed e3=v f=v ");
  b.clear();
  b.erase_range(0, view("e"), {});
  BOOST_REQUIRE(s.commit(b.writes()));
  after = s.snapshot();
  BOOST_TEST(forward(**after, 0, "") == "a=changed ");
  BOOST_REQUIRE(s.commit({}));

  auto space = s.space();
  BOOST_REQUIRE(space);
  BOOST_TEST(space->used_bytes > 0u);
  BOOST_TEST(space->free_bytes > 1'000'000u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(memory_keeps_the_contract) {
  auto disk = std::make_shared<memory_disk>();
  memory_store s(disk);
  contract(s);
}

BOOST_AUTO_TEST_CASE(lmdb_keeps_the_contract_and_the_data) {
  directory d;
  {
    auto s = open_lmdb_store(d.path);
    BOOST_REQUIRE(s);
    contract(**s);
  }
  auto s = open_lmdb_store(d.path);
  BOOST_REQUIRE(s);
  BOOST_TEST(get(**s, 0, "a") == "changed");
}

BOOST_AUTO_TEST_CASE(lmdb_erases_ranges_over_many_pages) {
  directory d;
  auto s = open_lmdb_store(d.path);
  BOOST_REQUIRE(s);
  write_batch b;
  std::array<char, 16> key{};
  const auto number = [&](int i) {
    std::snprintf(key.data(), key.size(), "%05d", i);
    return std::string(key.data());
  };
  for (int i = 0; i < 3000; ++i) b.put(0, view(number(i)), bytes(i % 7 == 0 ? 5000 : 100));
  BOOST_REQUIRE((*s)->commit(b.writes()));
  b.clear();
  b.erase_range(0, view("00010"), view("02990"));
  BOOST_REQUIRE((*s)->commit(b.writes()));
  auto snapshot = (*s)->snapshot();
  auto cursor = (*snapshot)->scan(0);
  int n = 0;
  for (auto f = (*cursor)->seek({}); f && *f; f = (*cursor)->next()) {
    const int expected = n < 10 ? n : 2980 + n;
    BOOST_REQUIRE_EQUAL(text((*cursor)->key()), number(expected));
    ++n;
  }
  BOOST_TEST(n == 20);
}

BOOST_AUTO_TEST_CASE(a_commit_whose_writes_are_pulled_is_whole_or_nothing) {
  const directory there;
  auto lmdb = open_lmdb_store(there.path);
  BOOST_REQUIRE(lmdb);
  memory_store memory(std::make_shared<memory_disk>());
  for (store* s : {lmdb->get(), static_cast<store*>(&memory)}) {
    write_batch b;
    b.put(0, view("a"), view("old"));
    BOOST_REQUIRE(s->commit(b.writes()));
    const millrace::write erase{millrace::write::op::erase_range, 0, view("a"), view("b"), {}};
    const millrace::write puts{millrace::write::op::put, 0, view("c"), view("ne"), view("w")};
    const millrace::write gone{millrace::write::op::erase, 0, view("x"), {}, {}};
    const std::array<const millrace::write*, 4> all{&erase, &puts, &gone, nullptr};
    std::size_t at = 0;
    const auto failed = commit_all(*s, [&]() -> result<const millrace::write*> {
      if (at == 2) return error{"state.damaged", "the source"};
      return all[at++];
    });
    BOOST_REQUIRE(!failed);
    BOOST_TEST(failed.error().code == "state.damaged");
    BOOST_TEST(get(*s, 0, "a") == "old");
    BOOST_TEST(get(*s, 0, "c") == "-");
    at = 0;
    BOOST_REQUIRE(commit_all(*s, [&]() -> result<const millrace::write*> { return all[at++]; }));
    BOOST_TEST(get(*s, 0, "a") == "-");
    BOOST_TEST(get(*s, 0, "c") == "new");
  }
}

BOOST_AUTO_TEST_CASE(a_second_open_is_refused) {
  directory d;
  auto first = open_lmdb_store(d.path);
  BOOST_REQUIRE(first);
  auto second = open_lmdb_store(d.path);
  BOOST_REQUIRE(!second);
  BOOST_TEST(second.error().code == "directory.refused");
  lmdb_options read_only;
  read_only.read_only = true;
  first = error{"closed", ""};
  BOOST_TEST(open_lmdb_store(d.path).has_value());
  BOOST_TEST(open_lmdb_store(d.path, read_only).has_value());
  BOOST_TEST(!open_lmdb_store(d.path / "nothing", read_only).has_value());
}

BOOST_AUTO_TEST_CASE(a_full_map_fails_the_commit_whole_and_the_store_for_good) {
  directory d;
  lmdb_options small;
  small.map_bytes = 512 * 1024;
  small.tables = 2;
  {
    auto s = open_lmdb_store(d.path, small);
    BOOST_REQUIRE(s);
    write_batch b;
    b.put(0, view("kept"), view("1"));
    BOOST_REQUIRE((*s)->commit(b.writes()));
    b.clear();
    b.put(0, view("lost"), view("1"));
    b.put(0, view("big"), bytes(600 * 1024));
    auto failed = (*s)->commit(b.writes());
    BOOST_REQUIRE(!failed);
    BOOST_TEST(failed.error().code == "disk.failed");
    b.clear();
    b.put(0, view("small"), view("1"));
    BOOST_TEST(!(*s)->commit(b.writes()).has_value());
    BOOST_TEST(!(*s)->snapshot().has_value());
  }
  auto s = open_lmdb_store(d.path, small);
  BOOST_REQUIRE(s);
  BOOST_TEST(get(**s, 0, "kept") == "1");
  BOOST_TEST(get(**s, 0, "lost") == "-");
  BOOST_TEST(get(**s, 0, "small") == "-");
}

BOOST_AUTO_TEST_CASE(a_crash_drops_what_was_not_synced) {
  auto disk = std::make_shared<memory_disk>();
  write_batch b;
  {
    memory_store s(disk);
    b.put(0, view("a"), view("1"));
    b.put(0, view("gone"), view("1"));
    BOOST_REQUIRE(s.commit(b.writes()));
    disk->set_auto_sync(false);
    b.clear();
    b.put(0, view("a"), view("2"));
    b.erase(0, view("gone"));
    b.put(0, view("new"), view("1"));
    BOOST_REQUIRE(s.commit(b.writes()));
    BOOST_TEST(get(s, 0, "a") == "2");
    BOOST_TEST(disk->unsynced());
    disk->crash();
    BOOST_TEST(!s.snapshot().has_value());  // the process that had it open is dead
  }
  memory_store s(disk);
  BOOST_TEST(get(s, 0, "a") == "1");
  BOOST_TEST(get(s, 0, "gone") == "1");
  BOOST_TEST(get(s, 0, "new") == "-");
  BOOST_REQUIRE(s.commit(b.writes()));
  disk->sync_now();
  disk->crash();
  memory_store again(disk);
  BOOST_TEST(get(again, 0, "a") == "2");
  BOOST_TEST(get(again, 0, "gone") == "-");
}

BOOST_AUTO_TEST_CASE(a_failed_commit_refuses_all_that_follows_and_may_have_landed) {
  for (const bool lands : {false, true}) {
    auto disk = std::make_shared<memory_disk>();
    memory_store s(disk);
    write_batch b;
    b.put(0, view("a"), view("1"));
    disk->fail_commit(2, lands);
    BOOST_REQUIRE(s.commit(b.writes()));
    b.clear();
    b.put(0, view("a"), view("2"));
    auto failed = s.commit(b.writes());
    BOOST_REQUIRE(!failed);
    BOOST_TEST(failed.error().code == "disk.failed");
    BOOST_TEST(!s.commit(b.writes()).has_value());
    disk->crash();
    memory_store after(disk);
    BOOST_TEST(get(after, 0, "a") == (lands ? "2" : "1"));
  }
}

BOOST_AUTO_TEST_CASE(a_batch_keeps_what_it_refers_to_and_forgets_it_when_cleared) {
  auto body = std::make_shared<const bytes>(bytes(10));
  write_batch b;
  std::string key = "key";
  b.put(0, view(key), {}, body);
  key = "changed";
  for (int i = 0; i < 5000; ++i) b.put(0, view("filler" + std::to_string(i)), bytes(100));
  BOOST_TEST(text(b.writes()[0].key) == "key");
  BOOST_TEST(body.use_count() == 2);
  BOOST_TEST(b.size_bytes() > 500'000u);
  b.clear();
  BOOST_TEST(body.use_count() == 1);
  BOOST_TEST(b.empty());
}
