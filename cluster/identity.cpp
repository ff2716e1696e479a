// Creates, checks and replaces the identity file, and ties the journal environment to it.
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
    return node_identity{cluster, node, make_incarnation(), 0};
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
  // The journal is opened first: a state without one had one, and it would be rebuilt as empty.
  if (fs::exists(directory / "state" / "data.mdb") &&
      !fs::exists(directory / "journal" / "data.mdb"))
    return refused(directory.string() + " has lost its journal, only the state is left");
  return found;
}

}  // namespace

std::string format_identity(const node_identity& identity) {
  std::string text = "millrace identity 1\ncluster " + identity.cluster + "\nnode " +
                     identity.node + "\nincarnation " + identity.incarnation + "\nboots " +
                     std::to_string(identity.boots) + '\n';
  return text + "crc32c " + hex32(crc32c(view(text))) + '\n';
}

result<node_identity> parse_identity(const std::string& text) {
  std::istringstream in(text);
  std::string magic;
  std::string keyword[5];
  node_identity id;
  std::string crc;
  std::getline(in, magic);
  in >> keyword[0] >> id.cluster >> keyword[1] >> id.node >> keyword[2] >> id.incarnation >>
      keyword[3] >> id.boots >> keyword[4] >> crc;
  if (!in || format_identity(id) != text) return refused("the identity is damaged");
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
  if (auto ok = replace_file(directory, format_identity(*identity)); !ok) return ok.error();
  return data_directory(directory, std::move(*identity), std::move(*lock));
}

result<void> bind_journal(store& journal_store, const node_identity& identity) {
  const bytes key{1};
  node_identity inside;
  {
    auto snapshot = journal_store.snapshot();
    if (!snapshot) return snapshot.error();
    auto found = (*snapshot)->get(journal_table::node, key);
    if (!found) return found.error();
    if (found->has_value()) {
      auto parsed = parse_identity(std::string((*found)->begin(), (*found)->end()));
      if (!parsed) return error{"journal.damaged", "the identity inside the journal is damaged"};
      inside = std::move(*parsed);
    }
  }
  if (inside.boots == 0 && identity.boots > 1) {
    // The first start may have ended before the journal was bound; then there is nothing in it yet.
    auto snapshot = journal_store.snapshot();
    if (!snapshot) return snapshot.error();
    auto rows = (*snapshot)->scan(journal_table::groups);
    if (!rows) return rows.error();
    auto any = (*rows)->seek({});
    if (!any) return any.error();
    if (*any) return refused("the journal has groups but no identity");
  }
  if (inside.boots > 0) {
    if (inside.incarnation != identity.incarnation || inside.cluster != identity.cluster ||
        inside.node != identity.node)
      return refused("the journal belongs to another directory (incarnation " + inside.incarnation +
                     ")");
    if (inside.boots >= identity.boots)
      return refused("the identity file is older than the journal: restored from a copy?");
  }
  const std::string text = format_identity(identity);
  const write w{write::op::put, journal_table::node, key, view(text)};
  return journal_store.commit(std::span<const write>(&w, 1));
}

}  // namespace millrace
