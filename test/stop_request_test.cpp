#include <coppice/detail/runtime/stop_request.hpp>

#include <doctest/doctest.h>

#include <string>

using coppice::detail::stop_request;
using level = stop_request::level;
using state = stop_request::state;

namespace {

// Plays the scheduler for one process. What the request wants done becomes words; what happens to
// the process is said by the test.
class desk {
 public:
  std::string ask(level how, bool has_run = true) { return post_if(request.ask(how, has_run)); }
  std::string ask_part() { return post_if(request.ask_part()); }
  std::string turn(bool queued = false) {
    if (!request.turn(queued)) return "wait until it suspends";
    return request.waits_fail() ? "post fence" : "post fence, emit";
  }
  // Lets something be queued at each turn, up to the one that emits all the same. Gives the number
  // of turns.
  int insist() {
    int turns = 1;
    while (turn(true) == "wait until it suspends") {
      CHECK_FALSE(request.misses());
      CHECK(suspended() == "post turn");
      ++turns;
    }
    CHECK(request.misses());
    return turns;
  }
  // What the cancellation brings about: something of the process is queued, or nothing is; and
  // whether the body will hear of that.
  std::string emitted(bool found, bool heard = false) {
    return request.emitted(found, heard) ? "confirm by fence" : "forget";
  }
  std::string suspended(bool queued = false) {
    if (!request.is_deferred()) return "nothing";
    return post_if(request.suspended(queued));
  }
  // A completion that comes from Asio, outside of turns.
  void completion() { request.enqueued(false); }
  // Something that a cancelled wait brings about within the turn.
  void consequence() { request.enqueued(true); }
  void fence() { request.fence_passed(); }

  // Asked, and emitted without anything having been found.
  void emit(level how, bool found) {
    REQUIRE(ask(how) == "post turn");
    REQUIRE(turn() == "post fence, emit");
    REQUIRE(emitted(found) == "confirm by fence");
  }

  stop_request request;

 private:
  static std::string post_if(bool post) { return post ? "post turn" : "nothing"; }
};

}  // namespace

TEST_CASE("a request is delivered in a turn of its own, and the fence confirms it") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.request.now() == state::posted);
  CHECK(d.turn() == "post fence, emit");
  CHECK(d.request.now() == state::emitting);
  CHECK(d.emitted(true) == "confirm by fence");
  CHECK(d.request.now() == state::hit);
  d.consequence();
  CHECK(d.suspended() == "nothing");
  d.fence();
  CHECK(d.request.now() == state::idle);
  CHECK(d.request.was_asked());
}

TEST_CASE(
    "a request that is delivered where it is made needs no turn, and a stronger one counts anew") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  d.request.delivered();
  CHECK(d.request.now() == state::idle);
  CHECK(d.suspended() == "nothing");
  CHECK(d.ask(level::exit_signal) == "nothing");
  CHECK(d.ask(level::supervisor) == "post turn");
}

TEST_CASE("a process that has not run is not told: its start finds that it was asked") {
  desk d;
  CHECK(d.ask(level::supervisor, false) == "nothing");
  CHECK(d.request.asked() == level::supervisor);
  CHECK(d.request.now() == state::idle);
}

TEST_CASE("a request as strong as an earlier one, or weaker, leaves the clean-up alone") {
  for (const level first : {level::exit_signal, level::supervisor}) {
    desk d;
    d.emit(first, true);
    d.fence();
    CHECK(d.ask(first) == "nothing");
    CHECK(d.ask(level::exit_signal) == "nothing");
    CHECK(d.request.now() == state::idle);
    CHECK(d.request.asked() == first);
  }
}

TEST_CASE("a stronger request is delivered after a weaker one was heard") {
  desk d;
  d.emit(level::exit_signal, true);
  d.fence();
  d.emit(level::supervisor, true);
  CHECK(d.request.asked() == level::supervisor);
}

TEST_CASE("a stronger request that comes before the turn of a weaker one shares its turn") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.ask(level::supervisor) == "nothing");
  CHECK(d.turn() == "post fence, emit");
}

TEST_CASE("a request whose turn finds something queued waits until the process suspends") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.turn(true) == "wait until it suspends");
  CHECK(d.suspended(true) == "nothing");
  CHECK(d.ask(level::supervisor) == "nothing");
  CHECK(d.suspended() == "post turn");
  CHECK(d.turn() == "post fence, emit");
}

TEST_CASE(
    "a completion from before the fence means that the request has missed, and it is repeated") {
  desk d;
  d.emit(level::exit_signal, false);
  CHECK(d.request.now() == state::emitted);
  d.completion();
  CHECK(d.request.now() == state::deferred);
  d.fence();
  CHECK(d.request.now() == state::deferred);
  CHECK(d.suspended() == "post turn");
  CHECK(d.turn() == "post fence, emit");
}

TEST_CASE("what comes from the run queue after a miss is a miss as well") {
  desk d;
  d.emit(level::exit_signal, false);
  d.consequence();
  CHECK(d.request.now() == state::deferred);
}

TEST_CASE("what a cancelled wait brings about is no miss, but another completion is one") {
  desk d;
  d.emit(level::exit_signal, true);
  d.consequence();
  CHECK(d.request.now() == state::hit);
  d.completion();
  CHECK(d.request.now() == state::deferred);
}

TEST_CASE("a completion after the fence is no miss") {
  desk d;
  d.emit(level::exit_signal, false);
  d.fence();
  d.completion();
  CHECK(d.request.now() == state::idle);
  CHECK(d.suspended() == "nothing");
}

TEST_CASE("a wait that is cancelled while the cancellation is emitted counts as found") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.turn() == "post fence, emit");
  d.request.cancelled_wait();
  CHECK(d.emitted(false) == "confirm by fence");
  CHECK(d.request.now() == state::hit);
}

TEST_CASE("what is queued while the cancellation is emitted does not count as a miss") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.turn() == "post fence, emit");
  d.consequence();
  CHECK(d.emitted(true) == "confirm by fence");
}

TEST_CASE("a stronger request out of the emission of a weaker one takes its place") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.turn() == "post fence, emit");
  CHECK(d.ask(level::supervisor) == "post turn");
  CHECK(d.emitted(true) == "forget");
  d.fence();
  CHECK(d.request.now() == state::posted);
  CHECK(d.turn() == "post fence, emit");
}

TEST_CASE(
    "a stronger request before the fence of a weaker one is delivered whatever became of that") {
  for (const bool found : {false, true}) {
    desk d;
    d.emit(level::exit_signal, found);
    CHECK(d.ask(level::supervisor) == "post turn");
    d.completion();
    d.fence();
    CHECK(d.request.now() == state::posted);
    CHECK(d.turn() == "post fence, emit");
  }
}

TEST_CASE("nothing is repeated for a process that exits") {
  desk d;
  d.emit(level::exit_signal, false);
  d.request.exits();
  d.completion();
  CHECK(d.suspended() == "nothing");
}

TEST_CASE("a task that lets others have a turn is cancelled like any wait") {
  desk d;
  d.request.begin_yield();
  CHECK(d.ask(level::exit_signal) == "post turn");
  CHECK(d.turn() == "post fence, emit");
  CHECK(d.request.now() == state::hit);
  CHECK(d.emitted(false) == "confirm by fence");
  CHECK(d.request.end_yield());
  d.request.begin_yield();
  CHECK_FALSE(d.request.end_yield());
}

TEST_CASE(
    "a completion is not handled out of turn while a request may have missed, or a task yields") {
  desk d;
  CHECK(d.request.lets_run_inline());
  d.request.begin_yield();
  CHECK_FALSE(d.request.lets_run_inline());
  CHECK_FALSE(d.request.end_yield());
  d.emit(level::exit_signal, false);
  CHECK_FALSE(d.request.lets_run_inline());
  d.fence();
  CHECK(d.request.lets_run_inline());
}

TEST_CASE("a part of a process is asked as the process is, which may still be asked itself") {
  desk d;
  CHECK(d.ask_part() == "post turn");
  CHECK(d.request.is_for_parts());
  CHECK_FALSE(d.request.was_asked());
  CHECK(d.turn() == "post fence, emit");
  CHECK(d.emitted(false) == "confirm by fence");
  d.completion();
  CHECK(d.suspended() == "post turn");
  CHECK(d.turn() == "post fence, emit");
  CHECK(d.emitted(true) == "confirm by fence");
  d.fence();
  CHECK(d.request.now() == state::idle);
  d.emit(level::exit_signal, true);
  CHECK_FALSE(d.request.is_for_parts());
}

TEST_CASE("a part is asked again when the request that is under way is over") {
  for (const bool of_process : {false, true}) {
    desk d;
    CHECK((of_process ? d.ask(level::exit_signal) : d.ask_part()) == "post turn");
    CHECK(d.ask_part() == "nothing");
    CHECK(d.turn() == "post fence, emit");
    CHECK(d.ask_part() == "nothing");
    CHECK(d.emitted(true) == "confirm by fence");
    CHECK(d.ask_part() == "nothing");
    CHECK(d.request.is_for_parts() != of_process);
    d.fence();
    CHECK(d.ask_part() == "post turn");
    CHECK(d.request.is_for_parts());
  }
}

TEST_CASE("a request to the process takes the place of one to its parts, at any time") {
  for (int done = 0; done < 5; ++done) {
    desk d;
    CHECK(d.ask_part() == "post turn");
    if (done == 1) CHECK(d.turn(true) == "wait until it suspends");
    if (done >= 2) CHECK(d.turn() == "post fence, emit");
    if (done >= 3) CHECK(d.emitted(done == 4) == "confirm by fence");
    CHECK(d.ask(level::supervisor) == (done < 2 ? "nothing" : "post turn"));
    CHECK_FALSE(d.request.is_for_parts());
    d.fence();
    if (done == 1) CHECK(d.suspended() == "post turn");
    CHECK(d.turn() == "post fence, emit");
  }
}

TEST_CASE("a request to parts leaves alone a task that lets others have a turn") {
  desk d;
  d.request.begin_yield();
  CHECK(d.ask_part() == "post turn");
  CHECK(d.turn() == "post fence, emit");
  CHECK(d.emitted(false) == "confirm by fence");
  CHECK_FALSE(d.request.end_yield());
}

TEST_CASE("a request is put off only so often") {
  for (const bool of_process : {false, true}) {
    desk d;
    CHECK((of_process ? d.ask(level::exit_signal) : d.ask_part()) == "post turn");
    CHECK(d.insist() == 64);
    CHECK(d.emitted(true) == "confirm by fence");
    CHECK(d.request.waits_fail() == of_process);
    d.fence();
    CHECK_FALSE(d.request.misses());
    CHECK_FALSE(d.request.waits_fail());
    CHECK((of_process ? d.ask(level::supervisor) : d.ask_part()) == "post turn");
    CHECK(d.turn(true) == "wait until it suspends");
  }
}

TEST_CASE("what completes just before each cancellation is let do so only so often, too") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  int turns = 1;
  while (d.turn() == "post fence, emit" && !d.request.misses()) {
    CHECK(d.emitted(false) == "confirm by fence");
    d.completion();
    d.fence();
    CHECK(d.suspended() == "post turn");
    ++turns;
  }
  CHECK(turns == 128);
  CHECK(d.emitted(false) == "confirm by fence");
  CHECK(d.request.waits_fail());
}

TEST_CASE("where a request that insists is known to be heard, no waits fail") {
  desk d;
  SUBCASE("a wait of coppice's is aborted") {
    CHECK(d.ask(level::exit_signal) == "post turn");
    d.insist();
    CHECK(d.emitted(true, true) == "confirm by fence");
  }
  SUBCASE("a wait is cancelled within the emission") {
    CHECK(d.ask(level::exit_signal) == "post turn");
    d.insist();
    d.request.cancelled_wait();
    CHECK(d.emitted(true) == "confirm by fence");
  }
  SUBCASE("a task lets others have a turn") {
    d.request.begin_yield();
    CHECK(d.ask(level::exit_signal) == "post turn");
    d.insist();
    CHECK(d.emitted(true) == "confirm by fence");
  }
  SUBCASE("the process is asked anew meanwhile") {
    CHECK(d.ask(level::exit_signal) == "post turn");
    d.insist();
    CHECK(d.ask(level::supervisor) == "post turn");
    CHECK(d.emitted(true) == "forget");
  }
  CHECK_FALSE(d.request.waits_fail());
}

TEST_CASE("while waits fail, a completion before the fence costs another fence, and no emission") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  d.insist();
  CHECK(d.emitted(true) == "confirm by fence");
  d.completion();
  d.fence();
  CHECK(d.suspended() == "post turn");
  CHECK(d.turn(true) == "wait until it suspends");
  CHECK(d.suspended() == "post turn");
  CHECK(d.turn() == "post fence");
  CHECK(d.request.waits_fail());
  d.fence();
  CHECK(d.request.now() == state::idle);
  CHECK_FALSE(d.request.waits_fail());
}

TEST_CASE("a process that has been resumed often enough while waits fail has heard") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  d.insist();
  CHECK(d.emitted(true) == "confirm by fence");
  for (int i = 0; i < 128; ++i) {
    d.completion();
    CHECK(d.request.waits_fail());
    CHECK(d.suspended() == "post turn");
    CHECK(d.turn() == "post fence");
  }
  d.completion();
  CHECK(d.suspended() == "post turn");
  CHECK(d.turn() == "wait until it suspends");
  CHECK(d.request.now() == state::idle);
  CHECK_FALSE(d.request.waits_fail());
}

TEST_CASE("one wait that has failed is enough") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  d.insist();
  CHECK(d.emitted(true) == "confirm by fence");
  d.request.wait_has_failed();
  CHECK_FALSE(d.request.waits_fail());
  CHECK(d.request.now() == state::idle);
  d.completion();
  CHECK(d.suspended() == "nothing");
}

TEST_CASE("a stronger request is delivered though waits fail for a weaker one") {
  desk d;
  CHECK(d.ask(level::exit_signal) == "post turn");
  d.insist();
  CHECK(d.emitted(true) == "confirm by fence");
  CHECK(d.ask(level::supervisor) == "post turn");
  CHECK_FALSE(d.request.waits_fail());
  CHECK(d.turn() == "post fence, emit");
}

TEST_CASE("parts that have ended before the turn need none") {
  desk d;
  CHECK(d.ask_part() == "post turn");
  d.request.delivered();
  CHECK(d.request.now() == state::idle);
  CHECK(d.ask(level::exit_signal) == "post turn");
}

namespace {

// A process that waits for one operation after another, and the queue of its io_context. It hears
// of a request when the cancellation finds its wait, and of nothing when its operation has
// completed.
class world {
 public:
  void ask(level how) {
    if (how > asked_) {
      asked_ = how;
      ++strengthened_;
    }
    if (request_.ask(how, true)) queue_ += 't';
  }
  void complete_operation() {
    if (completed_) return;
    completed_ = true;
    queue_ += 'c';
  }
  bool handle_next() {
    if (queue_.empty()) return false;
    const char next = queue_.front();
    queue_.erase(0, 1);
    switch (next) {
      case 't': return turn(), true;
      case 'f': return request_.fence_passed(), true;
      default:
        request_.enqueued(false);
        completed_ = false;
        return suspend(), true;
    }
  }
  // What is wrong when the queue has been worked off, or nothing.
  [[nodiscard]] std::string fault() const {
    if (heard_ != asked_) return "the strongest request was not heard of";
    if (hearings_ > strengthened_) return "the clean-up was disturbed";
    return {};
  }

 private:
  void turn() {
    if (!request_.turn(false)) return;
    queue_ += 'f';
    const bool found = !completed_;
    if (found) {
      heard_ = asked_;
      ++hearings_;
      request_.enqueued(true);
    }
    if (!request_.emitted(found, false)) queue_ += '!';
    suspend();
  }
  void suspend() {
    if (request_.is_deferred() && request_.suspended(false)) queue_ += 't';
  }

  stop_request request_;
  std::string queue_;  // t: the turn of the request, f: the fence, c: a completion
  bool completed_ = false;
  level asked_ = level::none;
  level heard_ = level::none;
  int strengthened_ = 0;
  int hearings_ = 0;
};

}  // namespace

TEST_CASE("no history of requests and completions loses a request, nor delivers one twice") {
  constexpr int length = 9;
  constexpr int histories = 1 << (2 * length);
  for (int history = 0; history < histories; ++history) {
    world w;
    for (int i = 0; i < length; ++i) {
      switch (history >> (2 * i) & 3) {
        case 0: w.ask(level::exit_signal); break;
        case 1: w.ask(level::supervisor); break;
        case 2: w.complete_operation(); break;
        default: w.handle_next();
      }
    }
    while (w.handle_next()) {
    }
    if (const std::string fault = w.fault(); !fault.empty()) FAIL(history << ": " << fault);
  }
}
