#include "session.hpp"

#include <algorithm>

namespace keyvalue {

namespace {

constexpr std::size_t usual_input = std::size_t{16} << 10;
constexpr std::size_t least_room = usual_input / 2;
constexpr std::size_t enough_output = std::size_t{64} << 10;

}  // namespace

std::span<char> session::room() {
  // What waits at the end of the buffer is moved only to make room, and the buffer grows with what
  // has arrived, not with what was announced.
  if (input_.size() - end_ < least_room && begin_ > 0) {
    std::copy(input_.data() + begin_, input_.data() + end_, input_.data());
    end_ -= begin_;
    begin_ = 0;
  }
  if (input_.size() - end_ < least_room) input_.resize(std::max(usual_input, 2 * input_.size()));
  return std::span{input_}.subspan(end_);
}

session::state session::work(store* data) {
  while (output_.size() < enough_output) {
    switch (parser_.parse(input())) {
      case request_parser::status::incomplete: return state::idle;
      case request_parser::status::malformed:
        reply_writer{output_}.error("ERR " + parser_.problem());
        return state::finished;
      case request_parser::status::complete: break;
    }
    outcome what = outcome::go_on;
    if (!parser_.arguments().empty()) {
      what = execute(data, parser_.arguments(), reply_writer{output_});
    }
    consume(parser_.consumed());
    switch (what) {
      case outcome::go_on: break;
      case outcome::quit: return state::finished;
      case outcome::crash: return state::crash;
      case outcome::crash_store: return state::crash_store;
    }
  }
  return state::busy;
}

void session::sent() {
  output_.clear();
  // A long reply is no reason to keep so much for the next one.
  if (output_.capacity() > 4 * enough_output) output_.shrink_to_fit();
}

void session::consume(std::size_t size) {
  begin_ += size;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (input_.size() > 4 * usual_input) {
    input_.resize(usual_input);
    input_.shrink_to_fit();
  }
}

}  // namespace keyvalue
