#include "slow_command.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace keyvalue {

namespace {

// As Redis has it.
constexpr std::size_t most_words = 32;
constexpr std::size_t most_bytes = 128;

std::string more(std::size_t count, std::string_view of) {
  return "... (" + std::to_string(count) + " more " + std::string{of} + ")";
}

std::string shortened(const argument& word) {
  const std::size_t size = word.bytes ? word.bytes->size() : word.text.size();
  const std::string_view text = word.bytes && size > 0 ? word.bytes->at(0) : word.text;
  std::string result{text.substr(0, most_bytes)};
  if (size > most_bytes) result += more(size - most_bytes, "bytes");
  return result;
}

// The last of the words tells how many there were, if they are too many.
std::vector<std::string> shortened(std::span<const argument> request) {
  const std::size_t count = std::min(request.size(), most_words);
  std::vector<std::string> words;
  words.reserve(count);
  for (const argument& word : request.first(count)) words.push_back(shortened(word));
  if (request.size() > count) words.back() = more(request.size() - count + 1, "arguments");
  return words;
}

}  // namespace

void slow_commands::done(std::span<const argument> request, clock::duration took,
                         const std::string& name) {
  if (took < *limit_) return;
  found_.push_back({.when = std::chrono::system_clock::now(),
                    .took = std::chrono::duration_cast<std::chrono::microseconds>(took),
                    .words = shortened(request),
                    .name = name});
}

}  // namespace keyvalue
