#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyvalue {

/// What a request may ask for before it counts as an attack. The defaults are those of Redis.
struct request_limits {
  /// Of one argument, in bytes.
  std::size_t argument_size = std::size_t{512} << 20;
  /// Of one request.
  std::size_t arguments = std::size_t{1} << 20;
  /// Of a request as it is sent, in bytes.
  std::size_t request_size = (std::size_t{512} << 20) + (std::size_t{1} << 16);
  /// Of an inline request, in bytes, without its line end.
  std::size_t line_size = std::size_t{1} << 16;
};

/// Finds the requests in what a client of the Redis protocol (RESP2) sends.
///
/// Two forms are known: the array of bulk strings that programs send, and the inline form that
/// people type, words between blanks, in quotes if they have blanks in them (without escapes).
///
/// Keeps its place in an incomplete request: no byte is looked at twice, however small the pieces
/// are in which it arrives. Copies nothing, and allocates for what has arrived, not for what was
/// announced.
class request_parser {
 public:
  enum class status : unsigned char {
    incomplete,  ///< The input ends within a request.
    complete,    ///< `arguments()` is a request; it may have none, which asks for nothing.
    malformed,   ///< This is not RESP, see `problem()`. There is no way to go on from there.
  };

  request_parser() = default;
  explicit request_parser(const request_limits& limits) : limits_{limits} {}

  /// Looks for the end of the first request.
  ///
  /// @param input Starts with the first byte of a request. After `incomplete`: the same bytes,
  ///   which may have moved, and more behind them.
  status parse(std::string_view input);

  /// How many bytes of the input the complete request was.
  [[nodiscard]] std::size_t consumed() const noexcept { return position_; }

  /// The complete request. Views of the input of the last call.
  [[nodiscard]] std::span<const std::string_view> arguments() const noexcept { return arguments_; }

  /// What is wrong with a malformed request, in the words of Redis.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  enum class state : unsigned char {
    start,
    inline_line,
    count_line,
    size_line,
    argument,
    complete,
    malformed,
  };
  struct slice {
    std::size_t begin;
    std::size_t size;
  };

  void begin_request();
  bool step(std::string_view input);
  bool read_inline(std::string_view input);
  bool read_count(std::string_view input);
  bool read_size(std::string_view input);
  bool read_argument(std::string_view input);
  bool read_header(std::string_view input, std::int64_t& value, const char* what);
  bool split(std::string_view input, std::size_t end);
  bool fail(std::string problem);

  request_limits limits_{};
  state state_ = state::start;
  std::size_t position_ = 0;  // behind what is understood
  std::size_t searched_ = 0;  // behind what has been searched for a line end
  std::size_t missing_ = 0;   // arguments that have not arrived yet
  std::size_t size_ = 0;      // of the argument that is arriving
  std::vector<slice> slices_;
  std::vector<std::string_view> arguments_;
  std::string problem_;
};

/// Appends RESP2 replies to a string.
class reply_writer {
 public:
  explicit reply_writer(std::string& out) noexcept : out_{&out} {}

  /// @param text Without line ends.
  void simple(std::string_view text);
  /// @param text Starts with an error code, "ERR" if there is no better one. Line ends in it become
  ///   blanks.
  void error(std::string_view text);
  void integer(std::int64_t value);
  void bulk(std::string_view value);
  void null();
  /// Must be followed by that many replies.
  void array(std::size_t size);

 private:
  void line(char type, std::int64_t value);

  std::string* out_;
};

}  // namespace keyvalue
