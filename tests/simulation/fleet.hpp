// All machines of a run, as clients and checks see them: one that holds all plants alone, or
// several that hold each plant together. What replicas and leaders must have in common is checked
// here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "tests/simulation/network.hpp"
#include "tests/simulation/node.hpp"

namespace millrace::simulation {

class fleet {
 public:
  fleet(world& w, const swarm& faults, findings& found, outer_systems& outside,
        const kind_registry& kinds);
  ~fleet();

  void boot();
  void heal();
  [[nodiscard]] bool up() const;
  [[nodiscard]] unsigned boots() const;
  /// Of that machine so far; it changes when its connections break.
  [[nodiscard]] unsigned boots(node_number n) const { return nodes_.at(n)->boots(); }
  /// To the machine that leads the plant as far as the client knows, or to any. Answers which one
  /// took it, 0 = none. The handler is called at most once.
  node_number submit(request r, reply_handler handler);
  bool read(address where, std::function<void(std::optional<actor_view>)> handler);
  void retry_dead();
  void checkpoint();
  /// Work that is not finished; 0 also means that all replicas have applied the same.
  [[nodiscard]] std::uint64_t unrest() const;
  [[nodiscard]] std::string restless() const;
  [[nodiscard]] std::vector<std::string> plant_names() const;
  /// Of the leader; of any machine when there is none.
  [[nodiscard]] plant_host* host_of(const std::string& plant);
  [[nodiscard]] std::vector<node*> nodes();
  [[nodiscard]] const swarm& faults() const { return faults_; }
  [[nodiscard]] node& at(node_number n) { return *nodes_.at(n); }

  // ---- from the machines ----
  /// I4: an index and a term name the same entry for ever, wherever it is written.
  void witness(const std::string& plant, term_number term, journal_index index,
               const bytes& payload);
  /// I4: one leader a term.
  void leads(const std::string& plant, node_number n, unsigned boot, const group_status& status);
  /// I5: replicas are equal at equal applied index.
  void applied(const std::string& plant, node_number n, journal_index index, std::uint64_t hash);

 private:
  [[nodiscard]] node* leader(const std::string& plant) const;

  world& world_;
  const swarm& faults_;
  findings& found_;
  std::unique_ptr<network> net_;
  std::map<node_number, std::unique_ptr<node>> nodes_;
  std::map<std::string, node_number> believed_;  // who leads, as clients were told
  std::map<std::tuple<std::string, term_number, journal_index>, bytes> written_;
  std::map<std::pair<std::string, term_number>, std::pair<node_number, unsigned>> led_;
  std::map<std::pair<std::string, journal_index>, std::uint64_t> hashes_;
};

}  // namespace millrace::simulation
