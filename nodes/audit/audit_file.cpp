// Writes an audit's lines, and checks a file against its own chain.
#include "nodes/audit/audit_file.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <optional>

#include "nodes/gateway/json_text.hpp"

namespace millrace::audit {
namespace {

using gateway::json_array;
using gateway::json_object;

constexpr std::size_t line_depth_max = 64;  // a record's events nest deeper than a body may

/// A whole number of a member, 0 when there is none.
std::uint64_t whole(const json_value& of, std::string_view key) {
  const auto* found = of.find(key);
  const auto n = found != nullptr ? found->integer() : 0;
  return n > 0 ? static_cast<std::uint64_t>(n) : 0;
}

error invalid(std::string what) { return {"audit.invalid", std::move(what)}; }

std::optional<chain_hash> from_hex(std::string_view hex) {
  chain_hash out{};
  if (hex.size() != out.size() * 2) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return out;
}

/// Everything that the file says is so. A later program may add members: those are passed over.
bool within(const json_value& said, const json_value& is) {
  if (said.is_object()) {
    if (!is.is_object()) return false;
    return std::ranges::all_of(said.members(), [&](const auto& m) {
      const auto* other = is.find(m.key);
      return other != nullptr && within(m.value, *other);
    });
  }
  if (!said.is_array()) return said == is;
  return is.is_array() && said.items().size() == is.items().size() &&
         std::ranges::equal(said.items(), is.items(), within);
}

/// The lines of a file under its chain.
class checker {
 public:
  checker(const schema_model& model, report& out) : model_(model), out_(out) {}

  void line(std::string_view text) {
    ++number_;
    if (ended_) return find("stands after the end");
    const auto parsed = json_value::parse(text, line_depth_max);
    if (!parsed || !parsed->is_object()) return lost("is no JSON object");
    if (number_ == 1) return head(*parsed);
    if (const auto* end = parsed->find("end")) return finish(*end);
    entry(*parsed);
  }
  void close() {
    if (number_ == 0) return find("the file is empty");
    if (!ended_) find("the end is missing: lines were cut off");
  }

 private:
  void find(const std::string& what) {
    if (out_.findings.size() < findings_max)
      out_.findings.push_back("line " + std::to_string(number_) + ": " + what);
  }
  /// What follows has nothing to be chained to.
  void lost(const std::string& what) {
    find(what);
    chain_.reset();
  }

  void head(const json_value& h) {
    out_.plant = h.text("plant");
    generation_ = static_cast<std::uint32_t>(whole(h, "generation"));
    wanted_ = {h.text("actor"), h.text("principal")};
    const auto* before = h.find("before");
    if (h.text("audit") != "1" || out_.plant.empty() || before == nullptr)
      return lost("is not the head of an audit");
    out_.first = next_ = whole(*before, "index") + 1;
    chain_ = from_hex(before->text("chain"));
    if (!chain_) return lost("has no chain");
    if (next_ == 1 && *chain_ != hasher_.genesis(out_.plant))
      lost("the chain does not begin with the plant's name");
  }

  void entry(const json_value& e) {
    const auto index = whole(e, "index");
    const auto chain = from_hex(e.text("chain"));
    counted_.add(e);
    if (index != next_) {
      find("entry " + std::to_string(next_) + " is missing: " + std::to_string(index) + " follows");
      chain_.reset();
    }
    next_ = index + 1;
    if (!chain) return lost("has no chain");
    if (e.has("payload"))
      content(e, index, *chain);
    else if (wanted_.all())
      find("entry " + std::to_string(index) + " is withheld, though nothing was filtered");
    chain_ = chain;
  }

  void content(const json_value& e, std::uint64_t index, const chain_hash& chain) {
    const auto name = "entry " + std::to_string(index);
    auto payload = from_base64(e.text("payload"));
    if (!payload) return find(name + ": the payload is not base64");
    chained_entry read;
    read.index = index;
    read.term = whole(e, "term");
    for (std::uint8_t type = 1; type <= 3; ++type)
      if (type_name(type) == e.text("type")) read.type = type;
    if (read.type == 0) return find(name + ": no such type");
    log_entry logged;
    logged.index = index;
    logged.term = read.term;
    logged.type = static_cast<entry_type>(read.type);
    logged.payload = std::make_shared<const bytes>(*payload);
    if (chain_ && hasher_.next(*chain_, generation_, logged) != chain)
      return find(name + ": the chain is broken: its content was changed, or what is before it");
    read.payload = std::move(*payload);
    records(e, read, name);
  }

  void records(const json_value& e, const chained_entry& read, const std::string& name) {
    const auto is = records_of(model_, read, wanted_);
    if (!is) return find(name + ": " + is.error().detail);
    const auto* said = e.find("records");
    const auto& items = said != nullptr ? said->items() : json_value::array();
    if (items.size() != is->size()) return find(name + ": a record is missing or was added");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto parsed = json_value::parse((*is)[i], line_depth_max);
      if (!parsed || !within(items[i], *parsed))
        find(name + ": record " + std::to_string(i) + " is not what the entry says");
    }
  }

  void finish(const json_value& end) {
    ended_ = true;
    tally said;
    said.index = whole(end, "index");
    said.chain = end.text("chain");
    said.entries = whole(end, "entries");
    said.withheld = whole(end, "withheld");
    said.records = whole(end, "records");
    out_.counted = counted_;
    out_.whole = counted_.withheld == 0;
    if (said != counted_) find("the end counts other entries than there are");
  }

  const schema_model& model_;
  report& out_;
  chain_hasher hasher_;
  filter wanted_;
  std::uint32_t generation_ = 0;
  std::uint64_t number_ = 0, next_ = 1;
  std::optional<chain_hash> chain_;
  tally counted_;
  bool ended_ = false;
};

}  // namespace

std::string head_line(const head& h) {
  std::string out;
  {
    json_object o(out);
    o.number("audit", 1).text("plant", h.plant).number("generation", h.generation);
    {
      json_object b(o.key("before"));
      b.number("index", h.before).text("chain", h.chain);
    }
    o.some("actor", h.wanted.actor).some("principal", h.wanted.principal);
  }
  return out + '\n';
}

result<std::string> entry_line(const schema_model& model, const chained_entry& e, const filter& f) {
  const auto records = records_of(model, e, f);
  if (!records) return records.error();
  std::string out;
  {
    json_object o(out);
    o.number("index", e.index);
    const bool withheld = !f.all() && records->empty();
    if (!withheld) o.number("term", e.term).text("type", type_name(e.type));
    o.text("chain", to_hex(e.chain));
    if (!withheld) {
      o.text("payload", to_base64(e.payload));
      json_array all(o.key("records"));
      for (const auto& r : *records) all.next() += r;
    }
  }
  return out + '\n';
}

void tally::add(const json_value& line) {
  index = whole(line, "index");
  chain = line.text("chain");
  ++entries;
  if (!line.has("payload")) ++withheld;
  if (const auto* r = line.find("records")) records += r->items().size();
}

std::string end_line(const tally& t) {
  std::string out;
  {
    json_object o(out);
    json_object e(o.key("end"));
    e.number("index", t.index).text("chain", t.chain).number("entries", t.entries);
    e.number("withheld", t.withheld).number("records", t.records);
  }
  return out + '\n';
}

report check(const schema_model& model, std::string_view text) {
  report out;
  checker c(model, out);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    c.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  c.close();
  return out;
}

std::string report::to_text() const {
  std::string out = plant + ": entries " + std::to_string(first) + ".." +
                    std::to_string(counted.index) + ", " + std::to_string(counted.records) +
                    " records, " + std::to_string(counted.withheld) + " entries withheld, head " +
                    counted.chain.substr(0, 16) + '\n';
  for (const auto& f : findings) out += f + '\n';
  return out;
}

std::string to_base64(bytes_view data) {
  std::string out((data.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), data.data(),
                                static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

result<bytes> from_base64(std::string_view text) {
  bytes out(text.size() / 4 * 3);
  if (text.size() % 4 != 0) return invalid("not base64");
  if (text.empty()) return out;
  const int n = EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0) return invalid("not base64");
  std::size_t padding = 0;
  for (auto at = text.size(); at > 0 && padding < 2 && text[at - 1] == '='; --at) ++padding;
  out.resize(static_cast<std::size_t>(n) - padding);
  if (to_base64(out) != text) return invalid("not base64 in its one form");
  return out;
}

}  // namespace millrace::audit
