// Runs a fuzz target where there is no libFuzzer: every input of its corpus, then seeded mutations
// of them. The same seed gives the same inputs; what a crash was made of is kept in a file.
// Usage: fuzz_<target> CORPUS_DIRECTORY|FILE... [-runs=N] [-seed=N] [-max_total_time=SECONDS]
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

#ifdef __SANITIZE_ADDRESS__
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace {

constexpr std::size_t input_bytes_max = 64 * 1024;
std::string current;  // what is being run, for the file that a crash leaves

void keep_current() {
  std::ofstream("fuzz-crash.bin", std::ios::binary) << current;
  std::fprintf(stderr, "fuzz: the input is in fuzz-crash.bin (%zu bytes)\n", current.size());
}

extern "C" void on_abort(int) {
  keep_current();
  std::_Exit(1);
}

struct options {
  std::vector<std::string> corpus;
  std::uint64_t runs = 2000, seed = 1, seconds = 0;
};

options read_options(const std::vector<std::string>& arguments) {
  options out;
  for (const auto& a : arguments) {
    const auto value = a.find('=') == std::string::npos ? std::string() : a.substr(a.find('=') + 1);
    if (a.starts_with("-runs="))
      out.runs = std::stoull(value);
    else if (a.starts_with("-seed="))
      out.seed = std::stoull(value);
    else if (a.starts_with("-max_total_time="))
      out.seconds = std::stoull(value);
    else if (!a.starts_with("-"))
      out.corpus.push_back(a);
  }
  return out;
}

std::vector<std::string> read_corpus(const std::vector<std::string>& places) {
  std::vector<std::filesystem::path> files;
  for (const auto& place : places) {
    if (!std::filesystem::is_directory(place)) {
      files.emplace_back(place);
      continue;
    }
    for (const auto& f : std::filesystem::directory_iterator(place))
      if (f.is_regular_file()) files.push_back(f.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> out;
  for (const auto& f : files) {
    std::ifstream in(f, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

/// Makes inputs out of the corpus: a few small changes of one, or two of them spliced.
class mutator {
 public:
  mutator(const std::vector<std::string>& corpus, std::uint64_t seed)
      : corpus_(corpus), random_(seed) {}
  std::string next() {
    auto text = corpus_[below(corpus_.size())];
    for (auto n = 1 + below(6); n > 0; --n) change(text);
    if (text.size() > input_bytes_max) text.resize(input_bytes_max);
    return text;
  }

 private:
  static constexpr std::array<std::string_view, 28> words{"-0",
                                                          "0",
                                                          "9223372036854775807",
                                                          "-9223372036854775809",
                                                          "1e309",
                                                          "\"",
                                                          "{",
                                                          "}",
                                                          "[",
                                                          "]",
                                                          ",",
                                                          ":",
                                                          "\\u",
                                                          "\xed\xa0\x80",
                                                          "\xff",
                                                          "\r\n",
                                                          "\n",
                                                          "%00",
                                                          "%2F",
                                                          "/",
                                                          "null",
                                                          "chunked",
                                                          ".",
                                                          "=",
                                                          " ",
                                                          "~1",
                                                          "\\",
                                                          "4294967296"};

  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

  void change(std::string& text) {
    const auto at = below(text.size() + 1);
    const auto some = std::min<std::size_t>(1 + below(below(8) == 0 ? 64 : 8), text.size() - at);
    switch (below(8)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 2:
        text.erase(at, some);
        break;
      case 3:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 4:
        text.insert(below(text.size() + 1), text.substr(at, some));
        break;
      case 5:
        text.insert(at, words[below(words.size())]);
        break;
      case 6:
        text.replace(at, some, words[below(words.size())]);
        break;
      case 7: {
        const auto& other = corpus_[below(corpus_.size())];
        const auto from = below(other.size() + 1);
        text.replace(at, below(2) == 0 ? some : text.size() - at,
                     other.substr(from, 1 + below(256)));
        break;
      }
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

void run(std::string input) {
  current = std::move(input);
  // A copy of its own size, so that a read behind the end is one behind the allocation.
  const std::vector<char> exact(current.begin(), current.end());
  millrace::fuzz::fuzz({exact.data(), exact.size()});
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback(keep_current);
#endif
  const auto wanted = read_options({argv + 1, argv + argc});
  const auto corpus = read_corpus(wanted.corpus);
  if (corpus.empty()) return std::fprintf(stderr, "fuzz: no corpus\n"), 2;
  for (const auto& input : corpus) run(input);
  run({});
  mutator make(corpus, wanted.seed);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  for (; wanted.seconds > 0 || done < wanted.runs; ++done) {
    if (wanted.seconds > 0 &&
        std::chrono::steady_clock::now() - start > std::chrono::seconds(wanted.seconds))
      break;
    run(make.next());
  }
  std::printf("fuzz: %zu inputs of the corpus, %llu mutations\n", corpus.size(),
              static_cast<unsigned long long>(done));
  return 0;
}
