// What two nodes say to each other while one puts the entries before a snapshot back into its
// journal. Travels as bulk envelopes: each may be lost, doubled or late.
//
//   frame := row(kind:u8 plant:string generation:u32 rest)                              row:
//   row.hpp rest  := last:u64                                                     kind 1, ask:
//   entries up to it
//          | index:u64 term:u64 chain:blob[32] count:u32 { term:u64 type:u8 payload:blob }
//                                                     kind 2, chunk: the entries after that one
//          | oldest:u64 whole:u8         kind 3, end: the sender's journal begins there, and is
//          (not)
//                                        going to reach further back
#pragma once

#include <string>
#include <variant>

#include "cluster/journal.hpp"

namespace millrace {

inline constexpr std::size_t history_bytes_max = 512 * 1024;  // of payload, but one entry at least
inline constexpr journal_index history_entries_max = 512;

struct history_ask {
  std::string plant;
  std::uint32_t generation = 0;
  journal_index last = 0;
};
struct history_part {
  std::string plant;
  std::uint32_t generation = 0;
  history_chunk chunk;
};
struct history_end {
  std::string plant;
  std::uint32_t generation = 0;
  journal_index oldest = 0;
  bool whole = false;
};
using history_frame = std::variant<history_ask, history_part, history_end>;

[[nodiscard]] bytes encode_history(const history_frame& frame);
/// Errors: state.damaged (the checksum), request.malformed.
[[nodiscard]] result<history_frame> decode_history(bytes_view frame);

/// What a journal has to say to an ask: the entries that end with `ask.last`, or where it begins.
/// Errors: journal.damaged, disk.failed.
[[nodiscard]] result<history_frame> answer_history(store& journal, group_number group,
                                                   const history_ask& ask);

}  // namespace millrace
