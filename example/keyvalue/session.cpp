#include "session.hpp"

#include "slow_log_commands.hpp"

#include <algorithm>
#include <string>

namespace keyvalue {

namespace {

constexpr std::size_t usual_input = std::size_t{16} << 10;
constexpr std::size_t least_room = usual_input / 2;

// After one of these, it is the others' turn.
constexpr std::size_t enough_output = std::size_t{64} << 10;
constexpr std::size_t enough_input = std::size_t{256} << 10;
constexpr int enough_requests = 1000;

constexpr std::string_view exhausted =
    "ERR too much is under way to and from clients, try again later";

}  // namespace

session::session(std::uint64_t id, budget& of, const request_limits& limits,
                 std::optional<std::chrono::microseconds> slow)
    : limits_{limits},
      parser_{limits},
      client_{.id = id, .slow = keyvalue::slow_commands{slow}},
      output_{of},
      input_share_{of},
      arriving_{of} {}

std::span<char> session::room() {
  if (capacity_ - end_ < least_room && !make_room()) {
    full_ = true;
    return {};
  }
  return std::span{input_.get(), capacity_}.subspan(end_);
}

// The buffer grows with what has arrived, not with what was announced. What waits is moved within
// it only if at least as much has been executed since.
bool session::make_room() {
  const std::size_t waiting = end_ - begin_;
  if (waiting + least_room > limits_.input_size + usual_input) return false;
  std::size_t wanted = std::max(capacity_, usual_input);
  if (begin_ < waiting) wanted = std::min(2 * wanted, 2 * limits_.input_size + usual_input);
  if (wanted > capacity_) {
    if (!input_share_.resize(wanted > 4 * usual_input ? wanted : 0)) return false;
    auto larger = std::make_unique_for_overwrite<char[]>(wanted);
    std::copy_n(input_.get() + begin_, waiting, larger.get());
    input_ = std::move(larger);
    capacity_ = wanted;
  } else {
    std::copy(input_.get() + begin_, input_.get() + end_, input_.get());
  }
  begin_ = 0;
  end_ = waiting;
  return true;
}

session::state session::work(store* data) {
  std::size_t taken = 0;
  for (int requests = 0; requests < enough_requests && output_.size() < enough_output;) {
    switch (parser_.parse(input())) {
      case request_parser::status::incomplete:
        if (full_) return refuse(exhausted);
        return state::idle;
      case request_parser::status::malformed: return refuse("ERR " + parser_.problem());
      case request_parser::status::partial:
        if (!arriving_.resize(arriving_.size() + parser_.consumed())) return refuse(exhausted);
        taken += parser_.consumed();
        consume(parser_.consumed());
        if (taken >= enough_input) return state::busy;
        continue;
      case request_parser::status::complete: break;
    }
    const outcome what = execute(data);
    consume(parser_.consumed());
    parser_.forget();
    arriving_.clear();
    ++requests;
    switch (what) {
      case outcome::go_on: break;
      case outcome::quit: return state::finished;
      case outcome::crash: return state::crash;
      case outcome::crash_store: return state::crash_store;
      case outcome::crash_slow_log: return state::crash_slow_log;
      case outcome::crash_any: return state::crash_any;
      case outcome::ask_slow_log: return state::ask_slow_log;
    }
  }
  return state::busy;
}

outcome session::execute(store* data) {
  if (parser_.arguments().empty()) return outcome::go_on;
  outcome what = outcome::go_on;
  reply(
      [&](reply_writer out) { what = keyvalue::execute(data, client_, parser_.arguments(), out); });
  return what;
}

// Writes a reply; or an error in its place, if it is beyond the budget.
template <class Write>
void session::reply(Write write) {
  const reply_buffer::mark before = output_.end();
  write(reply_writer{output_, client_.version});
  if (output_.pay()) return;
  output_.rewind(before);
  reply_writer{output_, client_.version}.error(exhausted);
}

void session::answer(const slow_log_answer& given) {
  reply([&](reply_writer out) { write(given, out); });
}

void session::no_answer() {
  reply_writer{output_, client_.version}.error("ERR the slow log does not answer, try again later");
}

session::state session::refuse(std::string_view problem) {
  reply_writer{output_, client_.version}.error(problem);
  return state::finished;
}

void session::consume(std::size_t size) {
  begin_ += size;
  full_ = false;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (capacity_ > 4 * usual_input) {
    input_.reset();
    capacity_ = 0;
    input_share_.clear();
  }
}

}  // namespace keyvalue
