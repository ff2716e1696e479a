// What the demo prints: chapters, steps with their time and what was measured, and whether each
// expectation held.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::demo {

class timeline {
 public:
  /// Colours when `out` is a terminal and NO_COLOR is not set.
  explicit timeline(std::FILE* out);
  void title(std::string_view text);
  void chapter(std::string_view text);
  /// Something happened. `ms` below zero = not measured.
  void step(std::string_view who, std::string_view what, double ms = -1);
  /// An expectation and whether it held; `found` says what was there instead.
  void expectation(std::string_view what, bool held, std::string_view found = {});
  /// A line of explanation.
  void note(std::string_view text);
  /// A measured figure, remembered for the summary.
  void figure(std::string_view name, std::string_view key, double ms);
  void summary();
  /// {"ok":..., "<key>":ms, ..., "expectations":n, "failed":n, "seconds":s}
  [[nodiscard]] std::string json() const;
  [[nodiscard]] int expectations() const { return expectations_; }
  [[nodiscard]] int failed() const { return failed_; }

 private:
  struct figure_entry {
    std::string name, key;
    double ms;
  };
  enum class colour { none, dim, bold, green, red, cyan };
  [[nodiscard]] std::string in(colour c, std::string_view text) const;
  [[nodiscard]] double seconds() const;

  std::FILE* out_;
  bool colours_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::vector<figure_entry> figures_;
  int expectations_ = 0;
  int failed_ = 0;
};

}  // namespace millrace::demo
