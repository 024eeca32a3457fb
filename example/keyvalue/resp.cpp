#include "resp.hpp"

#include "to_integer.hpp"

#include <algorithm>
#include <utility>

namespace keyvalue {

namespace {

// Longer than any number that passes.
constexpr std::size_t longest_header = 32;

// So much of a long argument is taken in one go, lest others wait for it.
constexpr std::size_t long_piece = std::size_t{256} << 10;

// What one request leaves allocated for the next one.
constexpr std::size_t kept_arguments = 1024;

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

request_parser::status request_parser::parse(std::string_view input) {
  if (state_ == state::complete) begin_request();
  while (step(input)) {
  }
  consumed_ = position_;
  switch (state_) {
    case state::complete: return status::complete;
    case state::malformed: return status::malformed;
    case state::long_argument:
    case state::long_end:
      if (position_ == 0) return status::incomplete;
      done_with_ += position_;
      position_ = 0;
      return status::partial;
    default: return status::incomplete;
  }
}

void request_parser::begin_request() {
  state_ = state::start;
  position_ = 0;
  searched_ = 0;
  done_with_ = 0;
  slices_.clear();
  arguments_.clear();
  kept_.clear();
  if (slices_.capacity() > kept_arguments) slices_.shrink_to_fit();
  if (arguments_.capacity() > kept_arguments) arguments_.shrink_to_fit();
  if (kept_.capacity() > longest_text) kept_.shrink_to_fit();
}

// False if there is nothing to do until more arrives, or nothing at all.
bool request_parser::step(std::string_view input) {
  switch (state_) {
    case state::start:
      if (input.empty()) return false;
      state_ = input.front() == '*' ? state::count_line : state::inline_line;
      return true;
    case state::inline_line: return read_inline(input);
    case state::count_line: return read_count(input);
    case state::size_line: return read_size(input);
    case state::argument: return read_argument(input);
    case state::long_argument: return read_long_argument(input);
    case state::long_end: return read_long_end(input);
    case state::complete:
      for (slice& s : slices_) {
        const std::string_view from = s.kept ? std::string_view{kept_} : input;
        arguments_.push_back(
            {s.bytes ? std::string_view{} : from.substr(s.begin, s.size), std::move(s.bytes)});
      }
      return false;
    case state::malformed: break;
  }
  return false;
}

bool request_parser::read_inline(std::string_view input) {
  const std::size_t end = input.find('\n', searched_);
  if ((end == std::string_view::npos ? input.size() : end) > limits_.line_size) {
    return fail("too big inline request");
  }
  if (end == std::string_view::npos) {
    searched_ = input.size();
    return false;
  }
  if (!split(input, end)) return fail("unbalanced quotes in request");
  position_ = end + 1;
  state_ = state::complete;
  return true;
}

// Takes a line of words apart.
bool request_parser::split(std::string_view input, std::size_t end) {
  std::size_t at = 0;
  while (true) {
    while (at < end && is_blank(input[at])) ++at;
    if (at == end) return true;
    const char quote = input[at];
    if (quote == '"' || quote == '\'') {
      const std::size_t close = input.find(quote, at + 1);
      if (close >= end) return false;
      if (close + 1 < end && !is_blank(input[close + 1])) return false;
      slices_.push_back({at + 1, close - at - 1});
      at = close + 1;
    } else {
      const std::size_t begin = at;
      while (at < end && !is_blank(input[at])) ++at;
      slices_.push_back({begin, at - begin});
    }
  }
}

bool request_parser::read_count(std::string_view input) {
  std::int64_t count = 0;
  if (!read_header(input, count, "multibulk")) return state_ == state::malformed;
  if (count > 0 && static_cast<std::uint64_t>(count) > limits_.arguments) {
    return fail("invalid multibulk length");
  }
  missing_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  state_ = missing_ > 0 ? state::size_line : state::complete;
  return true;
}

bool request_parser::read_size(std::string_view input) {
  if (position_ == input.size()) return false;
  if (const char c = input[position_]; c != '$') {
    return fail(std::string{"expected '$', got '"} + (c > ' ' && c <= '~' ? c : '.') + "'");
  }
  std::int64_t size = 0;
  if (!read_header(input, size, "bulk")) return state_ == state::malformed;
  if (size < 0 || static_cast<std::uint64_t>(size) > limits_.argument_size) {
    return fail("invalid bulk length");
  }
  size_ = static_cast<std::size_t>(size);
  if (done_with_ + position_ + size_ > limits_.request_size) return fail("too big request");
  if (size_ > longest_text) {
    begin_long_argument(input);
  } else if (kept_.size() + position_ + size_ > limits_.input_size) {
    return fail("too big request");
  } else {
    state_ = state::argument;
  }
  return true;
}

// What is before it need not stay where it is.
void request_parser::begin_long_argument(std::string_view input) {
  for (slice& s : slices_) {
    if (s.kept || s.bytes) continue;
    kept_.append(input.substr(s.begin, s.size));
    s.begin = kept_.size() - s.size;
    s.kept = true;
  }
  arriving_ = std::make_shared<blob>();
  state_ = state::long_argument;
}

bool request_parser::read_long_argument(std::string_view input) {
  const std::string_view piece =
      input.substr(position_, std::min({size_, input.size() - position_, long_piece}));
  arriving_->append(piece);
  position_ += piece.size();
  size_ -= piece.size();
  if (size_ == 0) state_ = state::long_end;
  return false;
}

bool request_parser::read_long_end(std::string_view input) {
  if (input.size() < 2) return false;
  if (!input.starts_with("\r\n")) return fail("expected a line end after a bulk");
  return next_argument({.begin = 0, .size = 0, .bytes = std::move(arriving_)}, 2);
}

bool request_parser::next_argument(slice s, std::size_t end) {
  slices_.push_back(std::move(s));
  position_ = end;
  state_ = --missing_ > 0 ? state::size_line : state::complete;
  return true;
}

bool request_parser::read_argument(std::string_view input) {
  if (input.size() - position_ < size_ + 2) return false;
  const std::size_t end = position_ + size_;
  if (input[end] != '\r' || input[end + 1] != '\n') return fail("expected a line end after a bulk");
  return next_argument({position_, size_}, end + 2);
}

// Reads the number on a line like "*3" or "$5". False if the line is incomplete or malformed.
bool request_parser::read_header(std::string_view input, std::int64_t& value, const char* what) {
  const std::string_view rest = input.substr(position_, longest_header);
  const std::size_t length = rest.find('\n');
  if (length == std::string_view::npos) {
    if (rest.size() == longest_header) {
      fail(std::string{"too big "} + (rest.front() == '*' ? "mbulk" : "bulk") + " count string");
    }
    return false;
  }
  const std::string_view line = rest.substr(0, length);
  const auto number = line.size() > 2 && line.back() == '\r'
                          ? to_integer(line.substr(1, line.size() - 2))
                          : std::nullopt;
  if (!number) {
    fail(std::string{"invalid "} + what + " length");
    return false;
  }
  value = *number;
  position_ += length + 1;
  return true;
}

bool request_parser::fail(std::string problem) {
  problem_ = "Protocol error: " + std::move(problem);
  state_ = state::malformed;
  return true;
}

}  // namespace keyvalue
