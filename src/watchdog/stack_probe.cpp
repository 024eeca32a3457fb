#include "stack_probe.hpp"

#include "frame_names.hpp"

#include <coppice/detail/runtime/process.hpp>

#include <pthread.h>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define COPPICE_HAS_BACKTRACE 1
#endif

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>

// The handler runs on the loop's thread, which stands still meanwhile: so it may read what belongs
// to that thread, where it is whole. It must do nothing that is not safe in a handler: it allocates
// nothing, and leaves names to the thread that asks. glibc's backtrace() loads a library when it is
// called first, which the probe does beforehand. After that it reads the tables of the unwinder:
// gcc 12 takes no lock for that, with glibc 2.35; what is older takes one that its holder may take
// again.

namespace coppice::detail {

namespace {

constexpr int most_frames = 64;
constexpr std::size_t most_label = 256;

// The question to the handler, and its answer. There is one for the program.
struct probe_request {
  enum class state : int {
    idle,
    asked,      // `target` and `home` are set
    answering,  // the handler runs; it cannot be called off
    answered,   // the rest is set
  };

  std::mutex asking;  // one asks at a time
  std::atomic<state> now{state::idle};
  std::atomic<std::thread::id> target{};  // no other thread answers
  scheduler* home = nullptr;

  bool runs_loop = false;
  pid process;
  char label[most_label] = {};
  std::size_t label_size = 0;
  void* frames[most_frames] = {};
  int depth = 0;
};
static_assert(std::atomic<probe_request::state>::is_always_lock_free);
static_assert(std::atomic<std::thread::id>::is_always_lock_free);

// Never destroyed: threads may outlive the statics. The first probe makes it, before there is a
// signal.
probe_request& the_request() {
  static probe_request& r = *new probe_request;
  return r;
}

bool continues_utf8(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

// A label that is too long is cut where a character begins.
void copy_label(probe_request& r, std::string_view label) noexcept {
  std::size_t n = std::min(label.size(), most_label);
  while (n > 0 && n < label.size() && continues_utf8(label[n])) --n;
  std::copy_n(label.data(), n, r.label);
  r.label_size = n;
}

void look_around(probe_request& r) noexcept {
  scheduler& s = *r.home;
  r.runs_loop = s.io().get_executor().running_in_this_thread();
  r.process = {};
  r.label_size = 0;
  // A process whose end is being announced has no number any more, and what it was called by is
  // about to go.
  process* const p = s.current();
  if (p == nullptr || p->is(0)) return;
  r.process = p->id();
  if (!p->changes_label()) copy_label(r, p->label());
}

// Answers if this thread is asked. The signal may also come from elsewhere, or too late.
extern "C" void on_probe_signal(int) {
  const int errno_before = errno;
  probe_request& r = the_request();
  auto asked = probe_request::state::asked;
  if (r.target.load(std::memory_order_relaxed) == std::this_thread::get_id() &&
      r.now.compare_exchange_strong(asked, probe_request::state::answering,
                                    std::memory_order_acquire, std::memory_order_relaxed)) {
    look_around(r);
#if defined(COPPICE_HAS_BACKTRACE)
    r.depth = ::backtrace(r.frames, most_frames);
#endif
    r.now.store(probe_request::state::answered, std::memory_order_release);
  }
  errno = errno_before;
}

// The signals that are handled here, and what was there before.
struct handled_signal {
  int number;
  unsigned users;
  // A thread that had the signal blocked may still get it: the handler stays then, as the default
  // action of most signals ends the program.
  bool may_come;
  struct sigaction before;
};
struct handled_signals {
  [[nodiscard]] handled_signal* find(int number) noexcept {
    const auto found = std::ranges::find(all, number, &handled_signal::number);
    return found != all.end() ? &*found : nullptr;
  }

  std::mutex guard;
  std::vector<handled_signal> all;
};
handled_signals& all_handled() {
  static handled_signals& all = *new handled_signals;  // as above
  return all;
}

constexpr int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};

bool is_ours(const struct sigaction& a) noexcept { return a.sa_handler == &on_probe_signal; }

[[noreturn]] void refuse_signal(int number, const char* why) {
  throw std::invalid_argument{"coppice: a watchdog cannot use signal " + std::to_string(number) +
                              ": " + why};
}

struct sigaction take_over(int number) {
  constexpr const char* no_such = "it is none that can be handled";
  struct sigaction before {};
  if (std::ranges::find(faults, number) != std::end(faults)) {
    refuse_signal(number, "faults raise it");
  }
  if (::sigaction(number, nullptr, &before) != 0) refuse_signal(number, no_such);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    refuse_signal(number, "it has a handler already");
  }
  struct sigaction ours {};
  ours.sa_handler = &on_probe_signal;
  ours.sa_flags = SA_RESTART;
  if (::sigaction(number, &ours, nullptr) != 0) refuse_signal(number, no_such);
  return before;
}

void note_may_come(int number) {
  handled_signals& handled = all_handled();
  const std::lock_guard lock{handled.guard};
  if (handled_signal* const s = handled.find(number)) s->may_come = true;
}

// Waits for the answer, and no longer than a second: the thread may have the signal blocked, or be
// stuck in the kernel.
bool await_answer() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  while (the_request().now.load(std::memory_order_acquire) != probe_request::state::answered) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds{50});
  }
  return true;
}

}  // namespace

stack_probe::stack_probe(int signal) : signal_{signal} {
  handled_signals& handled = all_handled();
  const std::lock_guard lock{handled.guard};
  if (handled_signal* const known = handled.find(signal)) {
    ++known->users;
    return;
  }
  static_cast<void>(the_request());
#if defined(COPPICE_HAS_BACKTRACE)
  void* frame = nullptr;
  ::backtrace(&frame, 1);
#endif
  handled.all.reserve(handled.all.size() + 1);
  handled.all.push_back({signal, 1, false, take_over(signal)});
}

stack_probe::~stack_probe() {
  handled_signals& handled = all_handled();
  const std::lock_guard lock{handled.guard};
  handled_signal& mine = *handled.find(signal_);
  if (--mine.users > 0 || mine.may_come) return;
  // Somebody may have put another handler there since, and then it is theirs.
  struct sigaction now {};
  if (::sigaction(signal_, nullptr, &now) == 0 && is_ours(now)) {
    ::sigaction(signal_, &mine.before, nullptr);
  }
  std::erase_if(handled.all, [this](const handled_signal& s) { return s.number == signal_; });
}

std::optional<loop_sight> stack_probe::ask(scheduler& s) {
  using state = probe_request::state;
  probe_request& r = the_request();
  std::unique_lock one_at_a_time{r.asking};
  r.home = &s;
  r.depth = 0;
  r.target.store(s.thread().latest(), std::memory_order_relaxed);
  r.now.store(state::asked, std::memory_order_release);
  const bool sent = s.thread().send_signal(signal_);
  if (!sent || !await_answer()) {
    if (sent) note_may_come(signal_);
    state asked = state::asked;
    if (r.now.compare_exchange_strong(asked, state::idle, std::memory_order_acquire)) return {};
    while (r.now.load(std::memory_order_acquire) != state::answered) std::this_thread::yield();
  }
  loop_sight answer{r.runs_loop, r.process, {r.label, r.label_size}, {}};
  // The handler, and what the system calls it through, are left out.
  const std::vector<void*> frames(r.frames + std::min(2, r.depth), r.frames + r.depth);
  r.now.store(state::idle, std::memory_order_relaxed);
  one_at_a_time.unlock();
  answer.stack = names_of(frames);
  return answer;
}

signals_blocked::signals_blocked() noexcept {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : faults) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, &before_);
}

signals_blocked::~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace coppice::detail
