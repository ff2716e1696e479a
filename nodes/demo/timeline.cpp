// Plain lines for pipes, coloured ones for terminals.
#include "nodes/demo/timeline.hpp"

#include <unistd.h>

#include <cstdlib>

#include "schemas/json.hpp"

namespace millrace::demo {
namespace {

std::string fixed(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

}  // namespace

timeline::timeline(std::FILE* out) : out_(out) {
  const char* no_color = std::getenv("NO_COLOR");
  colours_ = ::isatty(::fileno(out)) == 1 && (no_color == nullptr || *no_color == '\0');
}

std::string timeline::in(colour c, std::string_view text) const {
  if (!colours_ || c == colour::none) return std::string(text);
  const char* code = "0";
  switch (c) {
    case colour::none:
      break;
    case colour::dim:
      code = "2";
      break;
    case colour::bold:
      code = "1";
      break;
    case colour::green:
      code = "32";
      break;
    case colour::red:
      code = "31;1";
      break;
    case colour::cyan:
      code = "36";
      break;
  }
  return "\x1b[" + std::string(code) + 'm' + std::string(text) + "\x1b[0m";
}

double timeline::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
}

void timeline::title(std::string_view text) {
  std::fprintf(out_, "%s\n", in(colour::bold, text).c_str());
  std::fflush(out_);
}

void timeline::chapter(std::string_view text) {
  std::fprintf(out_, "\n%s\n", in(colour::bold, text).c_str());
  std::fflush(out_);
}

void timeline::step(std::string_view who, std::string_view what, double ms) {
  const auto at = fixed(seconds(), 2);
  std::string name(who);
  name.resize(10, ' ');
  const auto measured = ms >= 0 ? in(colour::dim, "  " + fixed(ms, 1) + " ms") : std::string();
  std::fprintf(
      out_, "  %s  %s %.*s%s\n",
      in(colour::dim, std::string(at.size() < 7 ? 7 - at.size() : 0, ' ') + at + " s").c_str(),
      in(colour::cyan, name).c_str(), static_cast<int>(what.size()), what.data(), measured.c_str());
  std::fflush(out_);
}

void timeline::expectation(std::string_view what, bool held, std::string_view found) {
  ++expectations_;
  if (!held) ++failed_;
  const auto mark = held ? in(colour::green, "ok  ") : in(colour::red, "FAIL");
  std::fprintf(out_, "               %s %.*s\n", mark.c_str(), static_cast<int>(what.size()),
               what.data());
  if (!held && !found.empty())
    std::fprintf(out_, "                    found: %.*s\n", static_cast<int>(found.size()),
                 found.data());
  std::fflush(out_);
}

void timeline::note(std::string_view text) {
  std::fprintf(out_, "%s\n", in(colour::dim, text).c_str());
  std::fflush(out_);
}

void timeline::figure(std::string_view name, std::string_view key, double ms) {
  figures_.push_back({std::string(name), std::string(key), ms});
}

void timeline::summary() {
  chapter("Measured");
  for (const auto& f : figures_) {
    std::string name = f.name;
    name.resize(58, ' ');
    std::fprintf(out_, "  %s %10s ms\n", name.c_str(), fixed(f.ms, 1).c_str());
  }
  const auto verdict =
      failed_ == 0
          ? in(colour::green, "All " + std::to_string(expectations_) + " expectations held")
          : in(colour::red, std::to_string(failed_) + " of " + std::to_string(expectations_) +
                                " expectations did not hold");
  std::fprintf(out_, "\n%s in %s s.\n", verdict.c_str(), fixed(seconds(), 1).c_str());
  std::fflush(out_);
}

std::string timeline::json() const {
  std::string out = failed_ == 0 ? "{\"ok\":true" : "{\"ok\":false";
  for (const auto& f : figures_) {
    out += ',';
    append_json_string(f.key, out);
    out += ':' + fixed(f.ms, 3);
  }
  return out + ",\"expectations\":" + std::to_string(expectations_) +
         ",\"failed\":" + std::to_string(failed_) + ",\"seconds\":" + fixed(seconds(), 2) + '}';
}

}  // namespace millrace::demo
