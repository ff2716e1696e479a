// The file that says how a plant comes in: what it is called, which systems it has, how their
// units, codes and numbers read here, and the CSV files with what it brings along.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/result.hpp"

namespace millrace::onboarding_file {

/// An outer system of the plant, as the plant's actor keeps it.
struct system_entry {
  std::string system, adapter, endpoint;
  std::string mapping;  // file of the mapping, checked here; its endpoint is the node's setting
};

/// A CSV file. `content` is one of materials, routings, components, lots, stock, holds, orders.
struct data_file {
  std::string content;
  std::string path;  // as it is written; `full_path` is beside the plan
  std::string full_path;
  char separator = ',';
  bool decimal_comma = false;
  std::map<std::string, std::string, std::less<>> columns;  // our name -> theirs
};

using word_table = std::map<std::string, std::string, std::less<>>;

struct plan {
  std::string plant, name, region, time_zone, based_on;
  bool autonomous = false;
  bool strip_zeros = false;  // of numbers that are digits only
  std::vector<system_entry> systems;
  word_table rules;                                      // business rules of the plant
  word_table units;                                      // theirs -> UN/ECE Rec 20
  std::map<std::string, word_table, std::less<>> codes;  // field -> theirs -> ours
  std::map<std::string, word_table, std::less<>> xref;   // material, batch, order: theirs -> ours
  std::vector<data_file> files;                          // in the order in which they are imported
};

/// Reads the file and its template (`based_on`, whose tables stand below this file's; one level).
/// Errors: onboarding.invalid with findings, file.unreadable.
[[nodiscard]] result<plan> load_plan(const std::string& path);

/// The bytes of a file. Errors: file.unreadable, and above `bytes_max` file.too_large.
[[nodiscard]] result<std::string> read_file(const std::string& path,
                                            std::size_t bytes_max = 256u << 20);

}  // namespace millrace::onboarding_file
