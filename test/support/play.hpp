#pragma once

#include "coroutine.hpp"
#include "failing_memory.hpp"

#include <coppice.hpp>
#include <coppice/detail/base/memory.hpp>

#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;

// A play is a life of a few processes: they are built, work, crash and are started again, are
// stopped, and their io_context is destroyed. It is played again and again, and each time another
// allocation fails. Whatever fails, the play must come to its end in order.
//
// While allocations fail, nothing here allocates but what the play itself does.

class play;

// What has gone wrong. Nothing is allocated to note it.
struct faults {
  void add(const char* what) noexcept {
    if (count < texts.size()) texts[count] = what;
    ++count;
  }
  std::array<const char*, 8> texts{};
  std::size_t count = 0;
};

class play {
 public:
  static constexpr std::size_t most_watched = 16;

  play() {
    coppice::set_report_sink(io(),
                             [this](const coppice::report& r) { last_report = to_string(r); });
  }
  play(const play&) = delete;
  play& operator=(const play&) = delete;
  virtual ~play() = default;

  // Whether it awaits an asio::awaitable where Asio starts it by co_spawn. That allocates in a
  // destructor: the program ends if there is no memory for what an exception unwinds.
  static constexpr bool uses_co_spawn = false;

  // Builds the processes and lets them work.
  virtual void act() = 0;
  // Called when memory has failed while they did, and does so no more: whatever has failed is over.
  virtual void check() {}

  [[nodiscard]] asio::io_context& io() noexcept { return *io_; }

  // A plain call, which may be refused for want of memory: it throws std::bad_alloc.
  template <class F>
  bool call(F f) {
    try {
      f();
      return true;
    } catch (const std::bad_alloc&) {
      if (failing_memory::failed() == 0) wrong.add("a call has thrown for no reason");
      return false;
    }
  }
  // Nothing comes out of the loop.
  template <class F>
  void loop(F f) {
    try {
      f();
    } catch (const std::bad_alloc&) {
      if (!accepts) wrong.add("std::bad_alloc has come out of the loop");
    } catch (...) {
      wrong.add("an exception has come out of the loop");
    }
  }
  void settle() {
    loop([this] { time.settle(); });
  }
  void pass(std::chrono::steady_clock::duration d) {
    loop([this, d] { time.advance(d); });
  }
  // Until nothing is left that would ever happen.
  void come_to_rest() {
    bool more = true;
    for (int left = 2000; more; --left) {
      if (left == 0) return wrong.add("it goes on for ever");
      loop([&] { more = time.jump(); });
    }
  }

  template <class Body>
  coppice::pid spawn(Body body) {
    coppice::pid made;
    call([&] { made = coppice::spawn(io(), std::move(body)); });
    watch(made);
    return made;
  }
  // The end of that process is to be announced, once.
  void watch(const coppice::pid& p) {
    if (!p || watched_ == most_watched) return;
    call([&] {
      int& heard = heard_[watched_];
      coppice::await_exit(p)([&heard](boost::system::error_code, const coppice::exit_reason&) {
        ++heard;
      });
      ++watched_;
    });
  }
  // Its name is to be free in the end.
  void use_name(const char* name) noexcept { names_[used_names_++] = name; }

  // A call to a server that is under way as long as this lives.
  struct asking {
    explicit asking(play& p) noexcept : of{p} { ++of.open_calls_; }
    asking(const asking&) = delete;
    asking& operator=(const asking&) = delete;
    ~asking() { --of.open_calls_; }
    play& of;
  };

  // Ends all processes: every second one by a request.
  void stop_all() {
    bool ask = false;
    call([&] {
      for (const coppice::pid& p : coppice::processes(io())) {
        if (ask) {
          coppice::exit(p, coppice::exit_reason::shutdown());
        } else {
          coppice::kill(p);
        }
        ask = !ask;
      }
    });
    settle();
    pass(10s);
  }

  // Memory works again.
  void check_living() {
    come_to_rest();
    check();
    come_to_rest();
    if (open_calls_ != 0) wrong.add("a call was neither answered nor failed");
  }
  void check_dead() {
    come_to_rest();
    for (const coppice::pid& p : coppice::processes(io())) coppice::kill(p);
    settle();
    pass(5s);
    if (!coppice::processes(io()).empty()) wrong.add("a process cannot be killed");
    come_to_rest();
    for (std::size_t i = 0; i < watched_; ++i) {
      if (heard_[i] == 0) wrong.add("an end was not announced");
      if (heard_[i] > 1) wrong.add("an end was announced twice");
    }
    for (std::size_t i = 0; i < used_names_; ++i) {
      if (coppice::whereis(io(), names_[i])) wrong.add("the name of a dead process is taken");
    }
  }
  void destroy_loop() noexcept { io_.reset(); }

  std::string last_report;
  faults wrong;
  // Connections are accepted. Asio itself lets an exception out of the loop if it has no memory for
  // the socket.
  bool accepts = false;

 private:
  std::optional<asio::io_context> io_{std::in_place, 1};

 public:
  coppice::virtual_clock time{*io_};

 private:
  std::array<int, most_watched> heard_{};
  std::size_t watched_ = 0;
  std::array<const char*, 8> names_{};
  std::size_t used_names_ = 0;
  int open_calls_ = 0;
};

namespace playing {

// What is being played, for those who die of it.
struct position {
  const char* play = "";
  const char* how = "";
  std::size_t number = 0;
};
inline position now;

inline void tell(const char* what) noexcept {
  std::fprintf(stderr, "%s: %s, allocation %zu: %s\n", now.play, now.how, now.number, what);
  failing_memory::print_failure();
}
[[noreturn]] inline void die_of_exception() noexcept {
  failing_memory::disarm();
  tell("the program was terminated");
  std::fprintf(stderr, "by:\n");
  failing_memory::print_stack();
  std::_Exit(3);
}
inline void die_of_signal(int) {
  failing_memory::disarm();
  tell("the program has crashed, or hangs");
  std::fprintf(stderr, "by:\n");
  failing_memory::print_stack();
  std::_Exit(4);
}

enum class part { first_life, life, destruction };

// Plays once, with the allocations from `first` on failing, `many` of them. Returns false if none
// has failed, as the play needs fewer.
template <class Play>
bool once(part what, std::size_t first, std::size_t many) {
  now.number = first;
  const long blocks = failing_memory::blocks();
  faults wrong;
  std::size_t failed = 0;
  {
    std::unique_ptr<Play> p;
    if (what != part::destruction) failing_memory::arm(first, many);
    try {
      p = std::make_unique<Play>();
    } catch (const std::bad_alloc&) {
    }
    if (p != nullptr) try {
      try {
        p->act();
      } catch (const std::bad_alloc&) {
        // A plain call of the play's own, which goes no further.
      }
      if (what == part::destruction) {
        failing_memory::arm(first, many);
        p->destroy_loop();
        failed = failing_memory::disarm();
      } else {
        if (failing_memory::is_spent()) p->check_living();
        p->stop_all();
        failed = failing_memory::disarm();
        p->check_dead();
        p->destroy_loop();
      }
      wrong = p->wrong;
    } catch (const std::exception& e) {
      failed = failing_memory::disarm();
      std::fprintf(stderr, "%s\n", e.what());
      wrong.add("the play itself has thrown");
    }
    if (p == nullptr) failed = failing_memory::disarm();
  }
  // What the first one makes may stay for as long as the program runs.
  if (failing_memory::blocks() != blocks && what != part::first_life) {
    wrong.add("memory has leaked");
  }
  for (std::size_t i = 0; i < wrong.count && i < wrong.texts.size(); ++i) tell(wrong.texts[i]);
  if (wrong.count > 0) {
    if (std::getenv("PLAY_FORKED") != nullptr) std::_Exit(5);
    FAIL_CHECK(now.play << ": " << now.how << ", allocation " << first);
  }
  return failed > 0;
}

template <class Play>
void each(const char* name, const char* how, part what, std::size_t many, std::size_t step) {
  now = {name, how, 0};
  const bool forked = std::getenv("PLAY_FORKED") != nullptr;
  if (const char* const only = std::getenv("PLAY_ONLY"); only != nullptr) {
    const std::size_t n = std::strtoul(only, nullptr, 10);
    if (what == part::life && (std::strchr(only, 's') != nullptr) == (many > 1)) {
      once<Play>(what, n, many);
    }
    return;
  }
  if (!forked) {
    for (std::size_t n = 1; once<Play>(what, n, many); n += step) {
    }
    return;
  }
  int bad = 0;
  std::size_t n = 1;
  for (;; n += step) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      std::_Exit(once<Play>(what, n, many) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) break;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++bad;
  }
  std::fprintf(stderr, "== %s: %s: %zu plays, %d bad\n", name, how, n - 1, bad);
}

// Plays with each allocation failing, one by one and several in a row.
template <class Play>
void all(const char* name) {
  std::set_terminate(&die_of_exception);
  for (const int s : {SIGSEGV, SIGABRT, SIGBUS, SIGALRM}) std::signal(s, &die_of_signal);
  coppice::detail::keep_no_blocks();
  // What is made once in a program is made here.
  now = {name, "nothing fails", 0};
  constexpr std::size_t never = static_cast<std::size_t>(-1);
  for (int i = 0; i < 2; ++i) once<Play>(part::first_life, never, 1);
  REQUIRE(!once<Play>(part::life, never, 1));
  each<Play>(name, "one fails", part::life, 1, 1);
  if (!Play::uses_co_spawn) each<Play>(name, "seven in a row fail", part::life, 7, 3);
  each<Play>(name, "one fails in the destruction", part::destruction, 1, 1);
  each<Play>(name, "seven in a row fail in the destruction", part::destruction, 7, 7);
}

}  // namespace playing
