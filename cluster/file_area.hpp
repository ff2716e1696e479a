// Files of one directory as the snapshots' way uses them: written from their beginning to their
// end, read anywhere. A seam, so that the simulation can lose what was not synced.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schemas/model.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// Names are without path. Errors of all: disk.failed. One thread at a time, but for get(), which
/// any thread may call.
class file_area {
 public:
  virtual ~file_area() = default;
  [[nodiscard]] virtual result<std::vector<std::string>> names() = 0;
  /// 0 when there is no such file.
  [[nodiscard]] virtual result<std::uint64_t> size(const std::string& name) = 0;
  /// Appends; makes the file when it is not there.
  [[nodiscard]] virtual result<void> append(const std::string& name, bytes_view content) = 0;
  /// What the file has of these bytes.
  [[nodiscard]] virtual result<bytes> get(const std::string& name, std::uint64_t offset,
                                          std::size_t length) = 0;
  /// What was appended survives a power loss.
  [[nodiscard]] virtual result<void> sync(const std::string& name) = 0;
  /// No error when there is no such file.
  [[nodiscard]] virtual result<void> remove(const std::string& name) = 0;
};

/// On the disk; creates the directory.
[[nodiscard]] result<std::unique_ptr<file_area>> open_file_area(
    const std::filesystem::path& directory);

/// The simulation's platter: what is not synced is lost, or only its end is.
struct memory_files {
  struct file {
    bytes content;
    std::size_t synced = 0;
  };
  std::map<std::string, file> all;
  /// Power loss: of each file at least what was synced is left.
  void crash();
};

/// Outlived by `on`.
[[nodiscard]] std::unique_ptr<file_area> open_memory_files(std::shared_ptr<memory_files> on);

}  // namespace millrace
