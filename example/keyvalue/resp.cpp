#include "resp.hpp"

#include <charconv>
#include <iterator>
#include <utility>

namespace keyvalue {

namespace {

// Longer than any number that passes, so that leading zeros cannot go on for ever.
constexpr std::size_t longest_header = 32;

// What one request leaves allocated for the next one.
constexpr std::size_t kept_arguments = 1024;

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

request_parser::status request_parser::parse(std::string_view input) {
  if (state_ == state::complete) begin_request();
  while (step(input)) {
  }
  switch (state_) {
    case state::complete: return status::complete;
    case state::malformed: return status::malformed;
    default: return status::incomplete;
  }
}

void request_parser::begin_request() {
  state_ = state::start;
  position_ = 0;
  searched_ = 0;
  slices_.clear();
  arguments_.clear();
  if (slices_.capacity() > kept_arguments) slices_.shrink_to_fit();
  if (arguments_.capacity() > kept_arguments) arguments_.shrink_to_fit();
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
    case state::complete:
      for (const slice& s : slices_) arguments_.push_back(input.substr(s.begin, s.size));
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
  if (position_ + size_ > limits_.request_size) return fail("too big request");
  state_ = state::argument;
  return true;
}

bool request_parser::read_argument(std::string_view input) {
  if (input.size() - position_ < size_ + 2) return false;
  const std::size_t end = position_ + size_;
  if (input[end] != '\r' || input[end + 1] != '\n') return fail("expected a line end after a bulk");
  slices_.push_back({position_, size_});
  position_ = end + 2;
  state_ = --missing_ > 0 ? state::size_line : state::complete;
  return true;
}

// Reads the number on a line like "*3" or "$5". False if the line is incomplete or malformed.
bool request_parser::read_header(std::string_view input, std::int64_t& value, const char* what) {
  const std::string_view rest = input.substr(position_, longest_header);
  const std::size_t length = rest.find('\n');
  if (length == std::string_view::npos) {
    if (rest.size() == longest_header) fail(std::string{"too big "} + what + " count string");
    return false;
  }
  const char* const first = rest.data() + 1;
  const char* const last = rest.data() + length - 1;
  const auto [end, ec] = length > 1 ? std::from_chars(first, last, value)
                                    : std::from_chars_result{first, std::errc::invalid_argument};
  if (ec != std::errc{} || end != last || *last != '\r') {
    fail(std::string{"invalid "} + what + " length");
    return false;
  }
  position_ += length + 1;
  return true;
}

bool request_parser::fail(std::string problem) {
  problem_ = "Protocol error: " + std::move(problem);
  state_ = state::malformed;
  return true;
}

void reply_writer::simple(std::string_view text) {
  out_->push_back('+');
  out_->append(text).append("\r\n");
}

void reply_writer::error(std::string_view text) {
  out_->push_back('-');
  for (const char c : text) out_->push_back(c == '\r' || c == '\n' ? ' ' : c);
  out_->append("\r\n");
}

void reply_writer::integer(std::int64_t value) { line(':', value); }

void reply_writer::bulk(std::string_view value) {
  line('$', static_cast<std::int64_t>(value.size()));
  out_->append(value).append("\r\n");
}

void reply_writer::null() { out_->append("$-1\r\n"); }

void reply_writer::array(std::size_t size) { line('*', static_cast<std::int64_t>(size)); }

void reply_writer::line(char type, std::int64_t value) {
  char text[24];
  text[0] = type;
  char* const end = std::to_chars(text + 1, std::end(text) - 2, value).ptr;
  end[0] = '\r';
  end[1] = '\n';
  out_->append(text, end + 2);
}

}  // namespace keyvalue
