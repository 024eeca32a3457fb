// fuzz_corpora FOLDER: plays to each target what libFuzzer has found for it: FOLDER/TARGET.txt, one
// input a line, as `run` writes them.

#include "fuzz.hpp"

#include <fstream>
#include <iostream>
#include <string>
#include <utility>

namespace {

int digit(char c) {
  const std::string_view digits = "0123456789abcdef";
  return static_cast<int>(digits.find(c));
}

// A backslash stands before itself, or before the two digits of a byte.
std::string unescaped(const std::string& line) {
  std::string bytes;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      bytes += line[i];
    } else if (line.at(++i) == '\\') {
      bytes += '\\';
    } else {
      bytes += static_cast<char>(16 * digit(line.at(i)) + digit(line.at(i + 1)));
      ++i;
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_corpora FOLDER\n";
    return 2;
  }
  const std::pair<const char*, void (*)(std::string_view)> targets[] = {
      {"resp", fuzz::resp},
      {"scenario", fuzz::scenario},
      {"console", fuzz::console},
#ifdef FUZZ_STASH_CODEC
      {"stash_codec", fuzz::stash_codec},
#endif
  };
  bool all_there = true;
  for (const auto& [name, target] : targets) {
    std::ifstream corpus{std::string{argv[1]} + '/' + name + ".txt"};
    std::size_t played = 0;
    for (std::string line; std::getline(corpus, line); ++played) target(unescaped(line));
    std::cout << name << ": " << played << " inputs\n";
    all_there = all_there && played > 0;
  }
  return all_there ? 0 : 1;
}
