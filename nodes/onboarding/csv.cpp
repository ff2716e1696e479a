// A quote opens a field only at its beginning; what follows a closing quote must be the separator
// or the end of the line.
#include "nodes/onboarding/csv.hpp"

#include <set>
#include <utility>

#include "schemas/text.hpp"

namespace millrace::onboarding_file {
namespace {

class reader {
 public:
  reader(std::string_view text, char separator) : text_(text), separator_(separator) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }

  csv_line next() {
    csv_line out;
    out.number = line_;
    while (true) {
      out.fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted(out) : plain());
      if (at_end()) break;
      const char c = text_[at_++];
      if (c == separator_) continue;
      ++line_;  // a line feed
      break;
    }
    for (const auto& field : out.fields)
      if (out.fault.empty() && !is_utf8(field)) out.fault = "not UTF-8";
    return out;
  }

 private:
  std::string plain() {
    const auto begin = at_;
    while (!at_end() && text_[at_] != separator_ && text_[at_] != '\n') ++at_;
    auto end = at_;
    if (end > begin && (at_end() || text_[at_] == '\n') && text_[end - 1] == '\r') --end;
    return std::string(text_.substr(begin, end - begin));
  }
  std::string quoted(csv_line& line) {
    std::string out;
    const auto opened = at_;
    const auto opened_line = line_;
    for (++at_; !at_end(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        out += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        out += text_[at_++];
      } else {
        ++at_;
        if (!plain().empty()) line.fault = "text after a closing quote";
        return out;
      }
    }
    // Only this line is lost by it: what follows is read as lines of its own.
    line.fault = "a quote is not closed";
    at_ = opened;
    line_ = opened_line;
    while (!at_end() && text_[at_] != '\n') ++at_;
    return out;
  }

  std::string_view text_;
  char separator_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

error invalid(std::string what) { return {"csv.invalid", std::move(what)}; }

}  // namespace

result<csv_table> read_csv(std::string_view text, char separator, std::size_t lines_max) {
  reader in(text, separator);
  if (in.at_end()) return invalid("the file is empty");
  csv_table out;
  auto header = in.next();
  if (!header.fault.empty()) return invalid("the header: " + header.fault);
  std::set<std::string> seen;
  for (const auto& name : header.fields) {
    if (name.empty()) return invalid("a column has no name");
    if (!seen.insert(name).second) return invalid("column " + name + " is there twice");
  }
  out.columns = std::move(header.fields);
  while (!in.at_end()) {
    auto line = in.next();
    if (line.fields.size() == 1 && line.fields[0].empty() && line.fault.empty()) continue;
    if (line.fault.empty() && line.fields.size() != out.columns.size())
      line.fault = std::to_string(line.fields.size()) + " fields where the header has " +
                   std::to_string(out.columns.size());
    if (out.lines.size() >= lines_max)
      return invalid("more than " + std::to_string(lines_max) + " lines");
    out.lines.push_back(std::move(line));
  }
  return out;
}

}  // namespace millrace::onboarding_file
