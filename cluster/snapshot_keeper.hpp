// What a node does about snapshots, for all its plants: makes files for members that are behind its
// journal and hands them out, fetches and verifies those that it needs itself, and puts the history
// before them back into its journal. Single-threaded, without clock: a thread drives it in
// production, the simulation does the same; each call does a bounded piece of work.
//
//   leader: behind ─▶ make ─▶ offer ─▶ parts                 follower: offer ─▶ fetch ─▶ verify
//                                                                 ─▶ install (the plant's host)
//                                                                 ─▶ history, chunk by chunk
//
// Files, in an area of its own: g<group>.made, and g<group>.staged := size:u32 row(snapshot_name
// file) padded to 4096 bytes, then what has come of the file. What was made goes with the process;
// what is staged outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/history_wire.hpp"
#include "cluster/snapshot_fetch.hpp"
#include "cluster/snapshot_file.hpp"
#include "cluster/snapshot_serve.hpp"

namespace millrace {

struct snapshot_limits {
  snapshot_fetch_limits fetch;
  snapshot_serve_limits serve;
  std::size_t slice_bytes = 1024 * 1024;  // made or verified by one turn
  std::uint64_t make_bytes_per_second = 64'000'000;
  std::uint64_t make_again_us = 100'000;      // when there was no checkpoint to make it of
  std::uint64_t damaged_rest_us = 5'000'000;  // when a row was damaged, or the disk refused
  std::uint64_t unused_us_max = 30'000'000;   // a file that nobody asked for goes
  std::uint64_t staged_sync_bytes = 16 * 1024 * 1024;
  std::uint64_t history_ask_again_us = 500'000;  // of another peer
  std::uint64_t history_bytes_per_second = 32'000'000;
  std::uint64_t history_look_us = 1'000'000;  // whether a plant misses any
  std::uint64_t tick_us = 50'000;             // between turns while something is under way
};

/// What is going on with a plant here, for people.
struct snapshot_progress {
  std::string plant;
  std::uint64_t fetched = 0, size = 0;  // bytes of the snapshot that is fetched; 0: none is
  journal_index history_to = 0;         // entries up to here are still fetched; 0: none is missing
  std::size_t made_for = 0;             // members that a file is kept for
};

class snapshot_keeper {
 public:
  /// Swaps a plant's state: once, on the thread that writes the state. Errors: state.damaged
  /// (nothing was changed), disk.failed.
  using swap = std::function<result<void>(store& state)>;
  struct seams {
    std::function<void(node_number to, bulk_tag tag, bytes_view body)> send;
    /// Nodes that may have the plant's journal, the likeliest first, without this one.
    std::function<std::vector<node_number>(const std::string& plant)> peers;
    /// Up to where the plant's log was handed out here.
    std::function<journal_index(const std::string& plant)> delivered;
    /// The plant's host is to begin anew from that state, then its log: installed() says how it
    /// ended.
    std::function<void(const std::string& plant, node_number from, snapshot_head head, swap how)>
        install;
    /// loop_core::back_fill: filled() says how it ended.
    std::function<void(const std::string& plant, history_chunk chunk)> back_fill;
    /// There is nothing left before that entry anywhere.
    std::function<void(const std::string& plant, journal_index oldest)> history_ends;
    /// The journal stays from there on, whatever retention says; 0: no longer.
    std::function<void(const std::string& plant, journal_index first)> keep_from;
    /// An actor whose row is damaged.
    std::function<void(const std::string& plant, const std::string& local)> restore;
    std::function<void(const std::string& plant, const std::string& code,
                       const std::string& detail)>
        say;
  };

  /// All outlive it.
  snapshot_keeper(store& state, store& journal, file_area& files, seams around,
                  snapshot_limits limits = {});
  ~snapshot_keeper();

  /// Removes what an earlier process made. Before everything else. Error: disk.failed.
  [[nodiscard]] result<void> start();
  /// A plant that is here. What was staged for it is found again.
  void host(const std::string& plant, group_number group, std::uint32_t generation);
  /// The plant is led from here, and that member needs what the journal has no more.
  void behind(const std::string& plant, node_number member, std::uint64_t now_us);
  /// A bulk envelope of one of the two tags.
  void receive(node_number from, bulk_tag tag, bytes_view body, std::uint64_t now_us);
  /// The old state stands when `done` is false.
  void installed(const std::string& plant, bool done, std::uint64_t now_us);
  void filled(const std::string& plant, const result<bool>& how, std::uint64_t now_us);
  /// A piece of what is to be done; when it wants the next turn.
  [[nodiscard]] std::uint64_t turn(std::uint64_t now_us);

  [[nodiscard]] std::vector<snapshot_progress> progress() const;
  /// Snapshots that were made, and that were put in place, since the start.
  [[nodiscard]] std::uint64_t made() const { return made_; }
  [[nodiscard]] std::uint64_t put_in_place() const { return put_in_place_; }

 private:
  struct hosted;
  hosted* find(const std::string& plant, std::uint32_t generation);
  [[nodiscard]] std::uint64_t turn(hosted& p, std::uint64_t now_us);

  // snapshot_keeper.cpp: making and handing out
  void make_some(std::uint64_t now_us);
  void begin_making(hosted& p, std::uint64_t now_us);
  void not_made(hosted& p, const error& why, std::uint64_t now_us);
  void finished(hosted& p, const snapshot_file& file, std::uint64_t now_us);
  void hand_out(std::uint64_t now_us);
  void drop_unused(std::uint64_t now_us);
  void drop_made(hosted& p);
  void offer(hosted& p, node_number to);
  void send(node_number to, const snapshot_frame& frame);

  // snapshot_keeper_fetch.cpp: getting one, and the history before it
  void find_staged(hosted& p);
  void take(hosted& p, node_number from, snapshot_frame& frame, std::uint64_t now_us);
  void act(hosted& p, std::uint64_t now_us);
  [[nodiscard]] result<void> stage(hosted& p, const snapshot_fetch::write_staged& what);
  [[nodiscard]] result<void> verify_some(hosted& p, std::uint64_t now_us);
  [[nodiscard]] result<void> begin_install(hosted& p, const snapshot_fetch::install& what,
                                           std::uint64_t now_us);
  void give_up(hosted& p, const error& why, std::uint64_t now_us);
  void look_for_history(hosted& p, std::uint64_t now_us);
  void ask_history(hosted& p, std::uint64_t now_us);
  void take(hosted& p, node_number from, history_frame& frame);

  store& state_;
  store& journal_;
  file_area& files_;
  seams around_;
  snapshot_limits limits_;
  snapshot_serve serve_;
  std::map<std::string, std::unique_ptr<hosted>> plants_;
  hosted* making_ = nullptr;  // one file at a time
  std::uint64_t make_on_us_ = 0;
  std::uint64_t made_ = 0, put_in_place_ = 0;
};

}  // namespace millrace
