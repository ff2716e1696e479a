// Creates, checks and replaces the identity file, and ties the environments to it.
// Written by rename after fsync, so that a crash leaves the old file or the new one.
#include "cluster/identity.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <system_error>
#include <vector>

#include "cluster/address.hpp"
#include "cluster/crc32c.hpp"
#include "cluster/journal.hpp"
#include "cluster/row.hpp"
#include "cluster/state_tables.hpp"

namespace millrace {

namespace {

namespace fs = std::filesystem;

error refused(std::string why) { return error{"directory.refused", std::move(why)}; }

bytes_view view(const std::string& s) {
  return bytes_view(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
}

std::string hex32(std::uint32_t v) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", v);
  return text.data();
}

std::string make_incarnation() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i) out += hex32(random());
  return out;
}

bool is_word(const std::string& s) {
  if (s.empty() || s.size() > id_bytes_max) return false;
  for (const char c : s)
    if (std::isspace(static_cast<unsigned char>(c)) != 0 ||
        std::iscntrl(static_cast<unsigned char>(c)) != 0)
      return false;
  return true;
}

result<void> sync_path(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return error{"disk.failed", path.string() + ": " + std::strerror(errno)};
  const int rc = ::fsync(fd);
  const int why = errno;
  ::close(fd);
  if (rc != 0) return error{"disk.failed", path.string() + ": " + std::strerror(why)};
  return {};
}

result<void> replace_file(const fs::path& directory, const std::string& text) {
  const fs::path fresh = directory / "identity.new";
  const fs::path file = directory / "identity";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return error{"disk.failed", "cannot write " + fresh.string()};
  }
  if (auto ok = sync_path(fresh, O_RDONLY); !ok) return ok;
  std::error_code ec;
  fs::rename(fresh, file, ec);
  if (ec) return error{"disk.failed", file.string() + ": " + ec.message()};
  return sync_path(directory, O_RDONLY | O_DIRECTORY);
}

/// The identity as found, or a fresh one with 0 boots.
result<node_identity> find_identity(const fs::path& directory, const std::string& cluster,
                                    const std::string& node) {
  const fs::path file = directory / "identity";
  if (!fs::exists(file)) {
    if (fs::exists(directory / "journal" / "data.mdb") ||
        fs::exists(directory / "state" / "data.mdb"))
      return refused(directory.string() + " holds data but no identity");
    const node_identity fresh{cluster, node, make_incarnation(), 0, 0};
    if (auto ok = replace_file(directory, format_identity(fresh)); !ok) return ok.error();
    return fresh;
  }
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  auto found = parse_identity(text.str());
  if (!found) return refused(file.string() + ": " + found.error().detail);
  if (found->cluster != cluster)
    return refused(directory.string() + " belongs to cluster " + found->cluster + ", not " +
                   cluster);
  if (found->node != node)
    return refused(directory.string() + " belongs to node " + found->node + ", not " + node);
  if (fs::exists(directory / "journal" / "data.mdb")) return found;
  // The journal is opened first: a state without one had one, and it would be rebuilt as empty.
  if (fs::exists(directory / "state" / "data.mdb"))
    return refused(directory.string() + " has lost its journal, only the state is left");
  if (found->bound > 0)
    return refused(directory.string() + " has lost its journal, which was there at start " +
                   std::to_string(found->bound));
  return found;
}

std::string format(const node_identity& identity, bool with_bound) {
  std::string text = std::string("millrace identity ") + (with_bound ? '2' : '1') + "\ncluster " +
                     identity.cluster + "\nnode " + identity.node + "\nincarnation " +
                     identity.incarnation + "\nboots " + std::to_string(identity.boots) + '\n';
  if (with_bound) text += "bound " + std::to_string(identity.bound) + '\n';
  return text + "crc32c " + hex32(crc32c(view(text))) + '\n';
}

const bytes node_key{1};

/// The identity inside an environment; with 0 boots when there is none. Error: `damaged`.
result<node_identity> inside(store& s, table_id table, const char* damaged) {
  auto snapshot = s.snapshot();
  if (!snapshot) return snapshot.error();
  auto found = (*snapshot)->get(table, node_key);
  if (!found) return found.error();
  if (!found->has_value()) return node_identity();
  auto parsed = parse_identity(std::string((*found)->begin(), (*found)->end()));
  if (!parsed) return error{damaged, "the identity inside the environment is damaged"};
  return parsed;
}

result<bool> holds_groups(store& journal_store) {
  auto snapshot = journal_store.snapshot();
  if (!snapshot) return snapshot.error();
  auto rows = (*snapshot)->scan(journal_table::groups);
  if (!rows) return rows.error();
  return (*rows)->seek({});
}

bool same_directory(const node_identity& a, const node_identity& b) {
  return a.incarnation == b.incarnation && a.cluster == b.cluster && a.node == b.node;
}

result<void> check_journal(store& journal_store, const node_identity& found,
                           const node_identity& identity) {
  if (found.boots == 0) {
    if (identity.bound > 0)
      return refused("the journal is new, yet the directory had one at start " +
                     std::to_string(identity.bound) + ": put the journal back");
    // The first start may have ended before the journal was bound; then there is nothing in it yet.
    auto any = holds_groups(journal_store);
    if (!any) return any.error();
    if (*any && identity.boots > 1) return refused("the journal has groups but no identity");
    return {};
  }
  if (!same_directory(found, identity))
    return refused("the journal belongs to another directory (incarnation " + found.incarnation +
                   ")");
  if (found.boots >= identity.boots)
    return refused("the identity file is older than the journal, which knows of start " +
                   std::to_string(found.boots) + ": restored from a copy?");
  if (found.boots < identity.bound)
    return refused("the journal is older than the identity file: it ends with start " +
                   std::to_string(found.boots) + ", and start " + std::to_string(identity.bound) +
                   " has written to it since. Restored from a copy? What came after the copy was "
                   "acknowledged and would be lost: put the newer journal back, or restore into a "
                   "new directory");
  return {};
}

}  // namespace

std::string format_identity(const node_identity& identity) { return format(identity, true); }

result<node_identity> parse_identity(const std::string& text) {
  std::istringstream in(text);
  std::string magic;
  std::string keyword[6];
  node_identity id;
  std::string crc;
  std::getline(in, magic);
  const bool with_bound = magic != "millrace identity 1";
  in >> keyword[0] >> id.cluster >> keyword[1] >> id.node >> keyword[2] >> id.incarnation >>
      keyword[3] >> id.boots;
  if (with_bound) in >> keyword[4] >> id.bound;
  in >> keyword[5] >> crc;
  if (!in || format(id, with_bound) != text) return refused("the identity is damaged");
  return id;
}

result<data_directory> data_directory::open(const fs::path& directory, const std::string& cluster,
                                            const std::string& node) {
  if (!is_word(cluster) || !is_word(node))
    return refused("cluster and node need names without white space");
  std::error_code ec;
  fs::create_directories(directory, ec);
  if (ec) return refused(directory.string() + ": " + ec.message());
  auto lock = directory_lock::acquire(directory, "lock");
  if (!lock) return lock.error();
  auto identity = find_identity(directory, cluster, node);
  if (!identity) return identity.error();
  ++identity->boots;
  return data_directory(directory, std::move(*identity), std::move(*lock));
}

result<void> data_directory::bind(store& journal_store, store& state_store) {
  if (auto ok = check_environments(journal_store, state_store, identity_); !ok) return ok;
  if (auto ok = replace_file(path_, format_identity(identity_)); !ok) return ok;
  if (auto ok = bind_environments(journal_store, state_store, identity_); !ok) return ok;
  identity_.bound = identity_.boots;
  return replace_file(path_, format_identity(identity_));
}

result<void> check_environments(store& journal_store, store& state_store,
                                const node_identity& identity) {
  auto in_journal = inside(journal_store, journal_table::node, "journal.damaged");
  if (!in_journal) return in_journal.error();
  if (auto ok = check_journal(journal_store, *in_journal, identity); !ok) return ok;
  auto in_state = inside(state_store, state_table::node, "state.damaged");
  if (!in_state) return in_state.error();
  if (in_state->boots == 0) return {};  // new, or from before it was kept there
  const std::string remedy =
      ": restore both from the same backup, or remove the state: it is rebuilt from the journal";
  if (!same_directory(*in_state, identity))
    return refused("the state belongs to another directory (incarnation " + in_state->incarnation +
                   ")" + remedy);
  if (in_state->boots > in_journal->boots)
    return refused("the state knows of start " + std::to_string(in_state->boots) +
                   ", its journal only of start " + std::to_string(in_journal->boots) + remedy);
  return {};
}

result<void> bind_environments(store& journal_store, store& state_store,
                               const node_identity& identity) {
  const std::string text = format_identity(identity);
  const write to_journal{write::op::put, journal_table::node, node_key, view(text)};
  const write to_state{write::op::put, state_table::node, node_key, view(text)};
  if (auto ok = journal_store.commit(std::span<const write>(&to_journal, 1)); !ok) return ok;
  return state_store.commit(std::span<const write>(&to_state, 1));
}

result<void> check_cuts(store& state_store, const std::map<std::string, std::uint64_t>& ends) {
  auto snapshot = state_store.snapshot();
  if (!snapshot) return snapshot.error();
  auto cursor = (*snapshot)->scan(state_table::plants);
  if (!cursor) return cursor.error();
  auto at = (*cursor)->seek({});
  for (; at && *at; at = (*cursor)->next()) {
    std::string plant(as_text((*cursor)->key()));
    if (!plant.empty()) plant.pop_back();  // the zero behind it
    auto row = row_reader::open((*cursor)->value(), "plant");
    if (!row) continue;  // damaged: its plant is rebuilt
    (void)row->u8();     // version
    const auto cut = row->u64();
    const auto end = ends.find(plant);
    const auto last = end != ends.end() ? end->second : 0;
    if (cut <= last) continue;
    return refused("plant " + plant + ": the state contains entries up to " + std::to_string(cut) +
                   ", its journal ends at " + std::to_string(last) +
                   ": an older journal was put under a newer state. Put the newer journal back, or "
                   "remove the state: it is rebuilt from the journal");
  }
  if (!at) return at.error();
  return {};
}

}  // namespace millrace
