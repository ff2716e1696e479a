// Lines to steps: one small reader per form of a line, each refusing what it does not understand.
#include "nodes/demo/scenario.hpp"

#include <algorithm>
#include <optional>

namespace millrace::demo {
namespace {

using step = scenario_step;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// Takes the first word off.
std::string take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  std::string out(text.substr(0, end));
  text = trimmed(text.substr(end));
  return out;
}

/// Takes a prefix off when it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text = trimmed(text.substr(prefix.size()));
  return true;
}

std::vector<std::string_view> split(std::string_view text, std::string_view at) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto end = text.find(at);
    out.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + at.size());
  }
}

/// "stock.0.type" or "/stock/0/type" as a pointer.
std::string pointer_of(std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  std::string out = "/" + std::string(path);
  std::replace(out.begin(), out.end(), '.', '/');
  return out;
}

struct parser {
  scenario out;
  std::size_t line = 0;
  std::string failure;

  bool fail(std::string detail) {
    if (failure.empty()) failure = "line " + std::to_string(line) + ": " + std::move(detail);
    return false;
  }
  [[nodiscard]] const scenario_system* system(std::string_view name) const {
    for (const auto& s : out.systems)
      if (s.name == name) return &s;
    return nullptr;
  }

  bool fields(step& s, std::string_view text) {
    auto body = parse_scenario_fields(text);
    if (!body) return fail(body.error().detail);
    s.body = body->dump();
    return true;
  }

  bool keyword(std::string_view text) {
    if (take(text, "Scenario:")) {
      out.title = text;
      return true;
    }
    if (take(text, "Systems:")) return systems(text);
    step s;
    s.line = line;
    if (take(text, "Chapter:"))
      s.what = step::kind::chapter;
    else if (take(text, "Plant:"))
      s.what = step::kind::plant;
    else
      return fail("unknown keyword in '" + std::string(text) + "'");
    s.text = text;
    out.steps.push_back(std::move(s));
    return true;
  }

  /// "erp, mes-lyon (mes of lyon, speaks mes_isa95), wms (mes of lyon as wms)"
  bool systems(std::string_view text) {
    out.systems.clear();
    while (!text.empty()) {
      const auto end = std::min(text.find_first_of(",("), text.size());
      scenario_system s;
      s.name = s.kind = trimmed(text.substr(0, end));
      s.mapping = s.name;
      text.remove_prefix(end);
      if (text.starts_with('(')) {
        const auto close = text.find(')');
        if (close == std::string_view::npos) return fail("')' is missing");
        auto inner = text.substr(1, close - 1);
        s.kind = take_word(inner);
        s.mapping = s.kind;
        if (take(inner, "of ")) s.plant = trimmed(inner.substr(0, inner.find(',')));
        if (const auto as = s.plant.find(" as "); as != std::string::npos) {
          s.system = trimmed(std::string_view(s.plant).substr(as + 4));
          s.plant.resize(as);
        }
        if (const auto speaks = inner.find("speaks "); speaks != std::string_view::npos)
          s.mapping = trimmed(inner.substr(speaks + 7));
        if (s.mapping == "canonical") s.mapping.clear();
        text.remove_prefix(close + 1);
      }
      if (s.kind != "erp" && s.kind != "mes" && s.kind != "qms")
        return fail("no simulator '" + s.kind + "'");
      if (s.system.empty()) s.system = s.kind;
      if (s.system != s.kind && s.system != "wms")
        return fail("a simulator can stand in for a wms, not for '" + s.system + "'");
      if (system(s.name) != nullptr) return fail("the system " + s.name + " is there twice");
      out.systems.push_back(std::move(s));
      text = trimmed(text);
      if (!text.empty() && !take(text, ",")) return fail("',' is missing between systems");
    }
    return true;
  }

  bool action(std::string_view text) {
    step s;
    s.line = line;
    s.text = text;
    if (const auto arrow = text.rfind("--> "); arrow != std::string_view::npos) {
      auto answer = trimmed(text.substr(arrow + 4));
      const auto status = take_word(answer);
      const std::size_t digits = text.starts_with("millrace ") ? 1 : 3;
      if (status.size() != digits || status.find_first_not_of("0123456789") != std::string::npos)
        return fail("'-->' is followed by a status and a code, or an exit code");
      s.status = std::stol(status);
      s.code = answer;
      text = trimmed(text.substr(0, arrow));
    }
    if (take(text, "expect ")) return expectation(s, step::kind::expect, text);
    if (take(text, "check ")) return expectation(s, step::kind::check, text);
    if (take(text, "measure ")) return figure(s, text);
    for (const auto& [words, what] : {std::pair{"node dies", step::kind::node_dies},
                                      {"node returns", step::kind::node_returns},
                                      {"platform dies", step::kind::platform_dies},
                                      {"platform returns", step::kind::platform_returns}})
      if (text == words) return plain(s, what);
    if (take(text, "people write ")) return paper(s, text);
    if (take(text, "millrace ")) return program(s, text);
    s.who = take_word(text);
    if (take(text, "for ")) s.person = take_word(text);
    if (take(text, "sends ")) return command(s, text);
    s.puts = text.starts_with("puts ");
    if (take(text, "posts ") || take(text, "puts ")) {
      s.what = step::kind::command;
      s.path = take_word(text);
      return s.path.starts_with('/') ? keep(s, text) : fail("a path begins with '/'");
    }
    if (!s.person.empty()) return fail("a person's step sends, posts or puts");
    if (system(s.who) == nullptr) return fail("no system '" + s.who + "' in this scenario");
    return simulator(s, text);
  }

  bool plain(step& s, step::kind what) {
    s.what = what;
    out.steps.push_back(std::move(s));
    return true;
  }

  bool paper(step& s, std::string_view text) {
    s.path = take_word(text);
    s.body = text;
    if (s.path.find('/') != std::string::npos || text.empty())
      return fail("people write a line into a file of the story");
    return plain(s, step::kind::write);
  }

  bool program(step& s, std::string_view text) {
    if (const auto shows = text.find(" shows "); shows != std::string_view::npos) {
      s.caption = trimmed(text.substr(shows + 7));
      text = text.substr(0, shows);
    }
    s.body = trimmed(text);
    return plain(s, step::kind::program);
  }

  bool keep(step& s, std::string_view body) {
    if (!fields(s, body)) return false;
    out.steps.push_back(std::move(s));
    return true;
  }

  bool command(step& s, std::string_view text) {
    s.what = step::kind::command;
    auto where = take_word(text);
    if (where.find('/') != std::string::npos) where += '/' + take_word(text);
    if (where.back() == '/') return fail("the command is missing");
    s.path = std::move(where);
    return keep(s, text);
  }

  bool simulator(step& s, std::string_view text) {
    s.what = step::kind::act;
    if (take(text, "does ")) {
      s.path = "/act/" + take_word(text);
      return keep(s, text);
    }
    if (take(text, "runs ")) {
      s.path = "/run";
      return keep(s, text);
    }
    if (take(text, "is asked ")) {
      s.path = take_word(text);
      return s.path.starts_with('/') ? keep(s, text) : fail("a path begins with '/'");
    }
    if (take(text, "begins ")) {
      s.what = step::kind::begin_run;
      s.path = "/run";
      return keep(s, text);
    }
    if (text == "finishes")
      s.what = step::kind::finish_run;
    else if (text == "comes back")
      s.what = step::kind::heal;
    else if (!fault(s, text))
      return fail("no step '" + s.text + "'");
    out.steps.push_back(std::move(s));
    return true;
  }

  static bool fault(step& s, std::string_view text) {
    s.what = step::kind::fault;
    const auto number = [&](std::string_view before, std::string_view after) -> std::string {
      if (!text.starts_with(before) || !text.ends_with(after)) return {};
      const auto inner = text.substr(before.size(), text.size() - before.size() - after.size());
      return inner.find_first_not_of("0123456789") == std::string_view::npos ? std::string(inner)
                                                                             : std::string();
    };
    if (text == "goes down")
      s.body = R"({"down":true})";
    else if (text == "repeats its reports")
      s.body = R"({"duplicate":true})";
    else if (text == "mixes up its reports")
      s.body = R"({"reorder":true})";
    else if (const auto n = number("loses ", " answers"); !n.empty())
      s.body = R"({"lose_answer":)" + n + '}';
    else if (const auto ms = number("answers after ", " ms"); !ms.empty())
      s.body = R"({"slow_ms":)" + ms + '}';
    else
      return false;
    return true;
  }

  bool expectation(step& s, step::kind what, std::string_view text) {
    s.what = what;
    s.path = take_word(text);
    if (system(s.path) != nullptr) s.who = std::exchange(s.path, "");
    for (const auto part : split(text, ",")) {
      auto c = condition(part);
      if (!c) return fail("no condition '" + std::string(part) + "'");
      s.conditions.push_back(*std::move(c));
    }
    out.steps.push_back(std::move(s));
    return true;
  }

  static std::optional<scenario_condition> condition(std::string_view text) {
    scenario_condition c;
    if (take(text, "no ")) {
      c.what = scenario_condition::kind::absent;
    } else if (take(text, "some ")) {
      c.what = scenario_condition::kind::some;
    } else if (take(text, "count ")) {
      c.what = scenario_condition::kind::count;
    }
    c.pointer = pointer_of(take_word(text));
    if (c.what == scenario_condition::kind::equals || c.what == scenario_condition::kind::count) {
      const auto with =
          c.what == scenario_condition::kind::count ? text.find(" with ") : std::string_view::npos;
      c.value = trimmed(text.substr(0, with));
      if (c.value.empty()) return std::nullopt;
      text = with == std::string_view::npos ? std::string_view() : trimmed(text.substr(with));
    }
    if (c.pointer == "/") return std::nullopt;
    if (text.empty() && c.what != scenario_condition::kind::some) return c;
    if (!take(text, "with ")) return std::nullopt;
    for (auto pair : split(text, " and ")) {
      const auto field = pointer_of(take_word(pair));
      if (pair.empty()) return std::nullopt;
      c.with.emplace_back(field, pair);
    }
    return c;
  }

  bool figure(step& s, std::string_view text) {
    s.what = step::kind::measure;
    s.who = take_word(text);
    if (take(text, "between ")) {
      s.what = step::kind::measure_between;
      const auto colon = text.find(": ");
      if (colon == std::string_view::npos) return fail("': TEXT' is missing");
      s.caption = trimmed(text.substr(colon + 2));
      text = text.substr(0, colon);
      s.path = take_word(text);
      s.body = pointer_of(take_word(text));
      if (!take(text, "and ")) return fail("'and FIELD' is missing");
      s.code = pointer_of(text);
    } else {
      s.caption = text;
    }
    if (s.who.empty() || s.caption.empty()) return fail("a figure has a key and a text");
    out.steps.push_back(std::move(s));
    return true;
  }

  bool take_line(std::string_view text) {
    if (!text.starts_with(' ')) return keyword(trimmed(text));
    if (!out.steps.empty()) return action(trimmed(text));
    out.about += (out.about.empty() ? "" : "\n") + std::string(trimmed(text));
    return true;
  }
};

bool is_comment(std::string_view line) {
  const auto text = trimmed(line);
  return text.empty() || text.front() == '#';
}

}  // namespace

result<scenario> parse_scenario(std::string_view text) {
  parser p;
  p.out.systems = {{"erp", "erp", "*", "erp", "erp"},
                   {"mes", "mes", "*", "mes", "mes"},
                   {"qms", "qms", "*", "qms", "qms"}};
  std::string joined;
  std::size_t began = 0;
  std::size_t number = 0;
  const auto flush = [&] {
    p.line = began;
    const bool ok = joined.empty() || p.take_line(joined);
    joined.clear();
    return ok;
  };
  while (!text.empty() && p.failure.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (is_comment(line)) continue;
    if (line.starts_with("    ") && !joined.empty()) {
      joined += ' ' + std::string(trimmed(line));
      continue;
    }
    if (!flush()) break;
    joined = line;
    began = number;
  }
  if (p.failure.empty()) static_cast<void>(flush());
  if (p.failure.empty() && p.out.title.empty()) p.failure = "it has no 'Scenario: TITLE'";
  if (p.failure.empty() && p.out.steps.empty()) p.failure = "it has no steps";
  if (!p.failure.empty()) return error{"scenario.invalid", p.failure};
  return std::move(p.out);
}

}  // namespace millrace::demo
