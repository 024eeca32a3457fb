#pragma once

#include "blob.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyvalue {

/// What a request may ask for before it counts as an attack.
struct request_limits {
  /// Of one argument, in bytes: as Redis has it.
  std::size_t argument_size = std::size_t{512} << 20;
  /// Of one request.
  std::size_t arguments = std::size_t{1} << 20;
  /// Of a request as it is sent, in bytes.
  std::size_t request_size = (std::size_t{512} << 20) + (std::size_t{1} << 16);
  /// Of that without its long arguments, and of all that a client has sent and that waits, in
  /// bytes.
  std::size_t input_size = std::size_t{64} << 20;
  /// Of an inline request, in bytes, without its line end.
  std::size_t line_size = std::size_t{1} << 16;
};

/// What is longer is a long argument.
inline constexpr std::size_t longest_text = std::size_t{64} << 10;

/// One word of a request.
struct argument {
  std::string_view text{};
  /// In place of the text, if it is long.
  std::shared_ptr<blob> bytes{};
};

/// Finds the requests in what a client of the Redis protocol sends.
///
/// Two forms are known: the array of bulk strings that programs send, and the inline form that
/// people type, words between blanks, in quotes if they have blanks in them (without escapes).
///
/// Keeps its place in an incomplete request: no byte is looked at twice, however small the pieces
/// are in which it arrives. Allocates for what has arrived, not for what was announced, and copies
/// nothing but long arguments, piece by piece.
///
/// Numbers are read as Redis reads them: digits, and a minus sign before them; no plus sign, blank
/// or leading zero. Line ends must be whole, where Redis takes some that are not.
class request_parser {
 public:
  enum class status : unsigned char {
    incomplete,  ///< The input ends within a request.
    partial,     ///< `consumed()` bytes are done with; what is behind them is to be parsed next.
    complete,    ///< `arguments()` is a request; it may have none, which asks for nothing.
    malformed,   ///< This is not RESP, see `problem()`. There is no way to go on from there.
  };

  request_parser() = default;
  explicit request_parser(const request_limits& limits) : limits_{limits} {}

  /// Looks for the end of the first request.
  ///
  /// @param input Starts with the first byte of a request. After `incomplete`: the same bytes,
  ///   which may have moved, and more behind them. After `partial`: the same without those that are
  ///   done with.
  status parse(std::string_view input);

  /// How many bytes of the input the complete request was, or the part of it.
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

  /// The complete request. Views of the input of the last call.
  [[nodiscard]] std::span<const argument> arguments() const noexcept { return arguments_; }

  /// Lets go of the complete request, and what it keeps in memory.
  void forget() {
    if (state_ == state::complete) begin_request();
  }

  /// Whether a part of a request has been parsed.
  [[nodiscard]] bool has_begun() const noexcept { return state_ != state::start; }

  /// What is wrong with a malformed request, in the words of Redis.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  enum class state : unsigned char {
    start,
    inline_line,
    count_line,
    size_line,
    argument,
    long_argument,
    long_end,
    complete,
    malformed,
  };
  struct slice {
    std::size_t begin;
    std::size_t size;
    bool kept = false;  // it is in `kept_`, no longer in the input
    std::shared_ptr<blob> bytes{};
  };

  void begin_request();
  bool step(std::string_view input);
  bool read_inline(std::string_view input);
  bool read_count(std::string_view input);
  bool read_size(std::string_view input);
  bool read_argument(std::string_view input);
  bool read_long_argument(std::string_view input);
  bool read_long_end(std::string_view input);
  void begin_long_argument(std::string_view input);
  bool next_argument(slice s, std::size_t end);
  bool read_header(std::string_view input, std::int64_t& value, const char* what);
  bool split(std::string_view input, std::size_t end);
  bool fail(std::string problem);

  request_limits limits_{};
  state state_ = state::start;
  std::size_t position_ = 0;   // behind what is understood
  std::size_t searched_ = 0;   // behind what has been searched for a line end
  std::size_t missing_ = 0;    // arguments that have not arrived yet
  std::size_t size_ = 0;       // of the argument that is arriving, or what of it has not arrived
  std::size_t done_with_ = 0;  // bytes of the request that are not in the input any more
  std::size_t consumed_ = 0;
  std::string kept_;  // short arguments from before a long one
  std::shared_ptr<blob> arriving_;
  std::vector<slice> slices_;
  std::vector<argument> arguments_;
  std::string problem_;
};

}  // namespace keyvalue
