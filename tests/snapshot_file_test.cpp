// layer: cluster
// A plant's state as a file: made, read back, put in another's place in one commit, refused when it
// is not what it says.
#define BOOST_TEST_MODULE snapshot_file
#include "cluster/snapshot_file.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>

#include "cluster/lmdb_store.hpp"
#include "tests/snapshot_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

struct directory {
  std::filesystem::path path;
  directory() {
    std::string name = (std::filesystem::temp_directory_path() / "millrace-files-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~directory() { std::filesystem::remove_all(path); }
};

snapshot_file make(maker_node& from, file_area& files, const std::string& name) {
  auto maker = snapshot_maker::begin(from.source(), files, name);
  BOOST_REQUIRE(maker);
  while (true) {
    auto file = (*maker)->step(1000);
    BOOST_REQUIRE_MESSAGE(file, (file ? "" : file.error().detail));
    if (*file) return **file;
  }
}

sha256_digest hash_of(file_area& files, const std::string& name) {
  sha256_stream hash;
  hash.add(*files.get(name, 0, *files.size(name)));
  return hash.end();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_state_comes_back_as_it_was_and_the_old_one_is_gone) {
  const directory there;
  auto files = open_file_area(there.path / "snapshots");
  BOOST_REQUIRE(files);
  maker_node from(20, 3'000);
  const auto file = make(from, **files, "g1.made");
  BOOST_TEST(file.size == *(*files)->size("g1.made"));
  BOOST_TEST((file.hash == hash_of(**files, "g1.made")));

  auto to = open_lmdb_store(there.path / "state");
  BOOST_REQUIRE(to);
  fill_state(**to, "hamburg", 3, 5'000, "old");
  fill_state(**to, "lyon", 7, 10);
  const auto neighbour = rows_of(**to, "lyon");
  auto reader = snapshot_reader::open(**files, "g1.made", 0);
  BOOST_REQUIRE(reader);
  BOOST_TEST((reader->head().of == snapshot_name{"hamburg", 1, 20, reader->head().of.term}));
  BOOST_TEST((reader->head().chain == *from.log.core.log().chain_at(from.group, 20)));
  BOOST_REQUIRE(swap_in(**to, *reader));
  BOOST_TEST((rows_of(**to, "hamburg") == rows_of(from.state, "hamburg")));
  BOOST_TEST((rows_of(**to, "lyon") == neighbour));
  auto snapshot = (*to)->snapshot();
  const auto note = installed_snapshot(**snapshot, "hamburg");
  BOOST_REQUIRE(note);
  BOOST_TEST((**note == reader->head()));
  BOOST_TEST(!installed_snapshot(**snapshot, "lyon")->has_value());
}

BOOST_AUTO_TEST_CASE(a_swap_of_a_file_that_is_cut_or_of_another_plant_changes_nothing) {
  auto platter = std::make_shared<memory_files>();
  auto files = open_memory_files(platter);
  maker_node from(20);
  (void)make(from, *files, "f");
  auto disk = std::make_shared<memory_disk>();
  memory_store to(disk);
  fill_state(to, "hamburg", 3, 10, "old");
  const auto before = rows_of(to, "hamburg");
  const auto whole = platter->all["f"].content;
  for (std::size_t n = 0; n < whole.size(); n += 97) {
    platter->all["f"].content.assign(whole.begin(), whole.begin() + static_cast<long>(n));
    auto reader = snapshot_reader::open(*files, "f", 0);
    if (!reader) {
      BOOST_TEST(reader.error().code == "state.damaged");
      continue;
    }
    const auto swapped = swap_in(to, *reader);
    BOOST_REQUIRE(!swapped);
    BOOST_TEST(swapped.error().code == "state.damaged");
    BOOST_TEST((rows_of(to, "hamburg") == before));
  }
  auto other = whole;  // the first row's key is another plant's
  const std::string name("hamburg\0order", 13);
  const auto at = std::search(other.begin(), other.end(), name.begin(), name.end());
  BOOST_REQUIRE((at != other.end()));
  *at = 'H';
  platter->all["f"].content = other;
  auto reader = snapshot_reader::open(*files, "f", 0);
  BOOST_REQUIRE(reader);
  BOOST_TEST(!swap_in(to, *reader));
  BOOST_TEST((rows_of(to, "hamburg") == before));
}

BOOST_AUTO_TEST_CASE(a_crash_around_the_swap_leaves_the_old_state_or_the_new) {
  auto files = open_memory_files(std::make_shared<memory_files>());
  maker_node from(20);
  (void)make(from, *files, "f");
  for (const bool lands : {false, true}) {
    auto disk = std::make_shared<memory_disk>();
    memory_store to(disk);
    fill_state(to, "hamburg", 3, 10, "old");
    const auto before = rows_of(to, "hamburg");
    disk->fail_commit(1, lands);
    auto reader = snapshot_reader::open(*files, "f", 0);
    BOOST_REQUIRE(!swap_in(to, *reader));
    disk->crash();
    memory_store after(disk);
    BOOST_TEST((rows_of(after, "hamburg") == (lands ? rows_of(from.state, "hamburg") : before)));
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_row_is_not_copied) {
  auto files = open_memory_files(std::make_shared<memory_files>());
  maker_node from(20);
  const auto key = actor_key("hamburg", "order/7");
  BOOST_REQUIRE(from.state_disk->flip_bit(state_table::actors, as_bytes_view(key), 77));
  auto maker = snapshot_maker::begin(from.source(), *files, "f");
  BOOST_REQUIRE(maker);
  const auto file = (*maker)->step(1 << 20);
  BOOST_REQUIRE(!file);
  BOOST_TEST(file.error().code == "state.damaged");
  BOOST_TEST((*maker)->damaged() == "order/7");
}

BOOST_AUTO_TEST_CASE(it_waits_for_the_log_to_know_of_the_checkpoint) {
  auto files = open_memory_files(std::make_shared<memory_files>());
  maker_node from(20);
  fill_state(from.state, "hamburg", 22, 10);
  const auto early = snapshot_maker::begin(from.source(), *files, "f");
  BOOST_REQUIRE(!early);
  BOOST_TEST(early.error().code == "node.not_ready");
  BOOST_REQUIRE(from.log.core.checkpointed(from.group, 22, from.log.now));
  (void)from.log.turn();
  BOOST_TEST(snapshot_maker::begin(from.source(), *files, "f").has_value());
}

BOOST_AUTO_TEST_CASE(a_head_of_another_format_is_refused) {
  snapshot_head head;
  head.configuration = membership::of_voters(std::vector<node_number>{1, 2, 3}).encode();
  BOOST_TEST((*decode_head(encode_head(head)) == head));
  const auto other = decode_head(row_writer().u16(snapshot_format + 1).seal());
  BOOST_REQUIRE(!other);
  BOOST_TEST(other.error().detail.find("format 2") != std::string::npos);
  head.configuration.clear();
  BOOST_TEST(!decode_head(encode_head(head)).has_value());
}

BOOST_AUTO_TEST_CASE(files_are_appended_read_removed_and_lose_what_is_not_synced) {
  const directory there;
  auto disk = open_file_area(there.path / "a" / "b");
  BOOST_REQUIRE(disk);
  auto platter = std::make_shared<memory_files>();
  auto memory = open_memory_files(platter);
  for (auto* files : {disk->get(), memory.get()}) {
    BOOST_TEST(*files->size("f") == 0u);
    BOOST_TEST(!files->get("f", 0, 1).has_value());
    BOOST_REQUIRE(files->append("f", bytes{1, 2, 3}));
    BOOST_REQUIRE(files->sync("f"));
    BOOST_REQUIRE(files->append("f", bytes{4, 5, 6, 7}));
    BOOST_TEST(*files->size("f") == 7u);
    BOOST_TEST((*files->get("f", 2, 3) == bytes{3, 4, 5}));
    BOOST_TEST((*files->get("f", 6, 30) == bytes{7}));
    BOOST_TEST(files->get("f", 60, 30)->empty());
    BOOST_TEST((*files->names() == std::vector<std::string>{"f"}));
  }
  platter->crash();
  BOOST_TEST((*memory->get("f", 0, 3) == bytes{1, 2, 3}));
  BOOST_TEST((*memory->get("f", 0, 7) != bytes{1, 2, 3, 4, 5, 6, 7}));
  BOOST_REQUIRE((*disk)->remove("f"));
  BOOST_REQUIRE((*disk)->remove("f"));
  BOOST_TEST((*disk)->names()->empty());
}
