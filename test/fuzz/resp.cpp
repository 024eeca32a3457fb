#include "../../example/keyvalue/resp.hpp"

#include "fuzz.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_COUNTS_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_COUNTS_MEMORY
#endif
#endif
#ifdef FUZZ_COUNTS_MEMORY
// Not in any header of g++.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

// Requests in arbitrary pieces: however the input is cut, the requests are the same, and so is what
// is wrong with it.

namespace fuzz {

namespace {

using keyvalue::request_limits;
using keyvalue::request_parser;
using status = request_parser::status;

// Small enough that an input reaches them. A long argument has more than 64 KiB.
constexpr request_limits limits{.argument_size = 200'000,
                                .arguments = 50,
                                .request_size = 300'000,
                                .input_size = 100'000,
                                .line_size = 100};

// A run of up to 64 KiB and more takes three bytes of the input, as libFuzzer tries short ones.
constexpr char run_mark = '\xfe';

std::string with_runs(std::string_view input) {
  constexpr std::size_t most = 400'000;
  std::string bytes;
  source from{input};
  while (!from.empty() && bytes.size() < most) {
    const char c = static_cast<char>(from.byte());
    if (c == run_mark) {
      bytes.append(static_cast<std::size_t>(from.number(2)) * 4, 'x');
    } else {
      bytes += c;
    }
  }
  return bytes;
}

std::size_t allocated() {
#ifdef FUZZ_COUNTS_MEMORY
  return __sanitizer_get_current_allocated_bytes();
#else
  return 0;
#endif
}

std::string copy_of(const keyvalue::argument& a) {
  if (!a.bytes) return std::string{a.text};
  require(a.text.empty(), "an argument is a text or bytes");
  std::string copy;
  while (copy.size() < a.bytes->size()) copy += a.bytes->at(copy.size());
  return copy;
}

struct outcome {
  std::vector<std::vector<std::string>> requests;
  std::string problem;
  std::size_t left = 0;  // bytes of an incomplete request
  bool operator==(const outcome&) const = default;
};

// What a connection does: it keeps what is not done with, and adds what arrives.
class reader {
 public:
  // False if there is no way to go on.
  bool receive(std::string_view piece) {
    // The bytes move, as in a buffer that grows; nothing may refer to where they were.
    std::string moved = kept_ + std::string{piece};
    kept_.swap(moved);
    moved.assign(moved.size(), '?');
    read_ += piece.size();
    while (!kept_.empty()) {
      const std::size_t before = allocated();
      const status found = parser_.parse(kept_);
      if (const std::size_t after = allocated(); after > before) {
        // A word takes two bytes at least, and what the parser notes of it, twice, less than 128;
        // a vector, and the text of a long argument, may have room for twice as many.
        require(after - before <= kept_.size() * 256 + read_ * 2 + 2048,
                "memory is allocated for what has arrived, not for what was announced");
      }
      require(parser_.consumed() <= kept_.size(), "no more is consumed than there is");
      switch (found) {
        case status::incomplete:
          require(kept_.size() <= limits.input_size + 64, "no more waits than the limit allows");
          return true;
        case status::malformed:
          require(!parser_.problem().empty(), "it is said what is wrong");
          require(parser_.parse(kept_) == status::malformed, "there is no way to go on from there");
          result.problem = parser_.problem();
          return false;
        case status::partial: require(parser_.consumed() > 0, "there is progress"); break;
        case status::complete: note(); break;
      }
      kept_.erase(0, parser_.consumed());
      if (found == status::complete) parser_.forget();
    }
    return true;
  }
  void finish() { result.left = kept_.size(); }

  outcome result;

 private:
  void note() {
    require(parser_.consumed() > 0, "there is progress");
    require(parser_.arguments().size() <= limits.line_size + limits.arguments,
            "no request has more arguments than the limit");
    std::vector<std::string> request;
    for (const keyvalue::argument& a : parser_.arguments()) {
      request.push_back(copy_of(a));
      require(request.back().size() <= limits.argument_size,
              "no argument is longer than the limit");
    }
    result.requests.push_back(std::move(request));
  }

  request_parser parser_{limits};
  std::string kept_;
  std::size_t read_ = 0;
};

}  // namespace

void resp(std::string_view input) {
  source from{input};
  // How it is cut: the sizes of pieces, again and again.
  std::size_t cuts[4];
  for (std::size_t& cut : cuts) {
    const std::size_t n = from.byte();
    cut = n < 128 ? n + 1 : (n - 127) * 1000;
  }
  const std::string bytes = with_runs(from.rest());

  reader whole;
  whole.receive(bytes);

  reader in_pieces;
  std::size_t at = 0;
  for (std::size_t i = 0; at < bytes.size(); ++i) {
    // Many small pieces of a long input would take long.
    const std::size_t cut = bytes.size() > 4096 ? cuts[i % 4] + 512 : cuts[i % 4];
    const std::string_view piece = std::string_view{bytes}.substr(at, cut);
    at += piece.size();
    if (!in_pieces.receive(piece)) break;
  }
  require(whole.result == in_pieces.result, "the same requests, however the input is cut");
}

}  // namespace fuzz
