#include "simulated_threads.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace coppice::detail {

namespace {

constinit thread_local simulated_threads* all_of_this_thread = nullptr;
constinit thread_local simulated_thread* this_thread = nullptr;

// Threads that wait for ever, over all simulations of this program. They still refer to these.
std::vector<std::unique_ptr<simulated_thread>>& abandoned() {
  static auto& all = *new std::vector<std::unique_ptr<simulated_thread>>;
  return all;
}

// The destructor of its value is called when a thread ends.
pthread_key_t end_of_thread(void (*destructor)(void*)) {
  static const pthread_key_t key = [destructor] {
    pthread_key_t k{};
    pthread_key_create(&k, destructor);
    return k;
  }();
  return key;
}

}  // namespace

simulated_threads::simulated_threads(simulated_system& s, const thread_conditions& c)
    : system_{s},
      conditions_{c},
      draws_{s.seed(), "threads"},
      first_{::gettid()},
      before_{std::exchange(all_of_this_thread, this)} {
  s.attach(*this);
}

simulated_threads::~simulated_threads() {
  all_of_this_thread = before_;
  while (!threads_.empty()) forget(*threads_.back());
}

simulated_threads* simulated_threads::current() noexcept { return all_of_this_thread; }

simulated_threads* simulated_threads::several_here() noexcept {
  simulated_threads* const all = all_of_this_thread;
  return all != nullptr && !all->threads_.empty() ? all : nullptr;
}

simulated_thread& simulated_threads::add(simulated_thread::routine begin, void* argument) {
  static const std::function<bool()> at_once = [] { return true; };
  end_of_thread(&end);
  threads_.push_back(std::make_unique<simulated_thread>(*this, ++created_, begin, argument));
  ++in_all_simulations;
  threads_.back()->awaited = &at_once;
  return *threads_.back();
}

// The thread itself, which its creator lets run when it waits.
void* simulated_threads::run(void* thread) {
  simulated_thread& t = *static_cast<simulated_thread*>(thread);
  pthread_setspecific(end_of_thread(&end), &t);
  t.may_run.pass();
  t.id = ::gettid();
  this_thread = &t;
  all_of_this_thread = &t.all;
  simulated_system::set_current(&t.all.system_);
  return t.begin(t.argument);
}

// It has not ended before its own destructors of such values have been called; so the second round
// is waited for.
void simulated_threads::end(void* thread) {
  simulated_thread& t = *static_cast<simulated_thread*>(thread);
  if (!std::exchange(t.is_ending, true)) {
    pthread_setspecific(end_of_thread(&end), &t);
    return;
  }
  t.is_alive = false;
  t.id = 0;
  t.all.wake(&t);
  simulated_system::set_current(nullptr);
  all_of_this_thread = nullptr;
  t.all.first_may_run_.open();
}

void simulated_threads::forget(simulated_thread& t) {
  const auto found = std::find_if(threads_.begin(), threads_.end(),
                                  [&t](const auto& other) { return other.get() == &t; });
  if (t.is_alive) {
    t.is_given_up = true;
    abandoned().push_back(std::move(*found));
  }
  threads_.erase(found);
  --in_all_simulations;
}

// A number that has been given again is that of the last one who has got it.
simulated_thread* simulated_threads::find(pthread_t handle) const noexcept {
  const auto found = std::find_if(threads_.rbegin(), threads_.rend(), [handle](const auto& t) {
    return pthread_equal(t->handle, handle) != 0;
  });
  return found != threads_.rend() ? found->get() : nullptr;
}

bool simulated_threads::have(pid_t id) const noexcept {
  const auto is_it = [id](const auto& t) { return t->id == id; };
  return id == first_ || std::any_of(threads_.begin(), threads_.end(), is_it) ||
         std::any_of(abandoned().begin(), abandoned().end(), is_it);
}

bool simulated_threads::wait_for(const void* what, const char* name,
                                 std::optional<duration> limit) {
  waiter w{what, name, are_here() ? this_thread : nullptr};
  waiters_.push_back(&w);
  system_.pass_until([&w] { return w.woken; }, limit);
  if (!w.woken && !limit) {
    const char* const why = system_.is_beyond_limits() ? "the play lasts longer than its limits"
                                                       : "nothing can ever happen";
    fail(std::string{why} + ", and the thread that simulates waits for " + name);
  }
  std::erase(waiters_, &w);
  return w.woken;
}

std::size_t simulated_threads::wake(const void* what, std::size_t most) {
  std::size_t woken = 0;
  for (; woken < most; ++woken) {
    waiter* chosen = nullptr;
    std::uint64_t seen = 0;
    for (waiter* const w : waiters_) {
      if (w->what == what && !w->woken && draws_.below(++seen) == 0) chosen = w;
    }
    if (chosen == nullptr) break;
    chosen->woken = true;
  }
  return woken;
}

// At least some time: who waits in a loop for another thread would wait for ever.
void simulated_threads::pause() {
  duration until = system_.now() + std::chrono::microseconds{1};
  if (!are_here()) until += draw_delay();
  system_.pass_until([] { return false; }, until);
}

std::string simulated_threads::to_text() const {
  std::string text;
  for (const auto& t : threads_) {
    if (!t->is_alive) continue;
    const auto found = std::find_if(waiters_.begin(), waiters_.end(),
                                    [&t](const waiter* w) { return w->who == t.get(); });
    text += "; thread " + std::to_string(t->number) + " waits for ";
    text += found != waiters_.end() ? (*found)->name : "time, or a file";
  }
  return text;
}

bool simulated_threads::are_here() const noexcept {
  return this_thread != nullptr && &this_thread->all == this;
}

bool simulated_threads::pass_until(const std::function<bool()>& so,
                                   std::optional<duration> limit) {
  bool over = false;
  std::optional<event_queue::key> alarm;
  if (limit) alarm = system_.at(*limit, [&over] { over = true; });
  const std::function<bool()> is_over = [&] { return over || so(); };
  while (!is_over()) park(*this_thread, is_over);
  if (alarm) system_.forget(*alarm);
  return so();
}

void simulated_threads::look() {
  for (const auto& each : threads_) {
    simulated_thread& t = *each;
    if (t.awaited == nullptr || !(*t.awaited)()) continue;
    t.awaited = nullptr;
    system_.at(system_.now() + draw_delay(), [this, &t] { resume(t); });
  }
}

void simulated_threads::park(simulated_thread& t, const std::function<bool()>& until) {
  t.awaited = &until;
  first_may_run_.open();
  t.may_run.pass();
}

void simulated_threads::resume(simulated_thread& t) {
  if (t.is_given_up) return;
  system_.told().note("thread", t.number);
  system_.count_step();
  t.may_run.open();
  first_may_run_.pass();
}

}  // namespace coppice::detail
