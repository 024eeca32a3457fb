#include "replaced.hpp"
#include "replaced_functions.hpp"
#include "simulated_system/clocks.hpp"
#include "simulated_threads/simulated_threads.hpp"

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <stdexcept>

// These functions let a thread of a simulation wait for its other threads, and never in the real
// system: a real lock is only tried, and a real condition variable is not waited for. Without other
// threads there is nobody to wait for, and the real functions are called.
//
// They are called a lot, by programs that do not simulate too, and by the library for its own
// statics: so they have none.
#define COPPICE_REAL_LOCK(function, version)                 \
  static constinit std::atomic<void*> known{nullptr};        \
  const auto real = reinterpret_cast<decltype(&function)>(   \
      find_real(known, #function, version))

namespace coppice::detail {

void link_lock_functions() noexcept {}

namespace {

// Finds the real function. Where the system has it in an old version too, that is found first, and
// so the version has to be said. Systems that began later have but one, of another name.
void* find_real(std::atomic<void*>& known, const char* name, const char* version) noexcept {
  void* real = known.load(std::memory_order_relaxed);
  if (real != nullptr) return real;
#if defined(__GLIBC__)
  if (version != nullptr) real = ::dlvsym(RTLD_NEXT, name, version);
#else
  static_cast<void>(version);
#endif
  if (real == nullptr) real = ::dlsym(RTLD_NEXT, name);
  known.store(real, std::memory_order_relaxed);
  return real;
}

constexpr const char* conditions_since = "GLIBC_2.3.2";

// Whoever holds it may be a thread that does not simulate, which will go on by itself.
bool is_held_here(const simulated_threads& all, const pthread_mutex_t& m) noexcept {
#if defined(__GLIBC__)
  return all.have(m.__data.__owner);
#else
  return true;
#endif
}

// Tries until it can be had. Gives what the attempt gives, or EBUSY if it is not to be waited for
// here.
template <class Try, class Here>
int take(simulated_threads& all, const void* what, const char* name, std::optional<duration> limit,
         Try attempt, Here is_here) {
  const failing_allocation::suspended own_work;
  all.interrupt();
  for (;;) {
    const int result = attempt();
    if (result != EBUSY || !is_here()) return result;
    if (!all.wait_for(what, name, limit)) return limit ? ETIMEDOUT : EDEADLK;
  }
}

int lock_here(simulated_threads& all, pthread_mutex_t* m, std::optional<duration> limit = {}) {
  return take(
      all, m, "a mutex", limit, [m] { return pthread_mutex_trylock(m); },
      [&] { return is_held_here(all, *m); });
}

int wait_here(simulated_threads& all, pthread_cond_t* c, pthread_mutex_t* m,
              std::optional<duration> limit) {
  const failing_allocation::suspended own_work;
  pthread_mutex_unlock(m);
  const bool woken = all.wait_for(c, "a condition variable", limit);
  if (!woken && !limit) {
    pthread_mutex_trylock(m);
    throw std::runtime_error{"coppice: " + all.failure()};
  }
  const int locked = lock_here(all, m);
  return locked != 0 || woken ? locked : ETIMEDOUT;
}

}  // namespace

}  // namespace coppice::detail

using namespace coppice::detail;  // nothing follows but definitions of others' functions

COPPICE_EXPORT int pthread_mutex_lock(pthread_mutex_t* m) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    if (const int result = lock_here(*all, m); result != EBUSY) return result;
  }
  COPPICE_REAL_LOCK(pthread_mutex_lock, nullptr);
  return real(m);
}

COPPICE_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* m, const timespec* until) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    if (const int result = lock_here(*all, m, moment_of(*until)); result != EBUSY) return result;
  }
  COPPICE_REAL_LOCK(pthread_mutex_timedlock, nullptr);
  return real(m, until);
}

COPPICE_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* m, clockid_t which,
                                           const timespec* until) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    if (const int result = lock_here(*all, m, moment_of(*until)); result != EBUSY) return result;
  }
  COPPICE_REAL_LOCK(pthread_mutex_clocklock, nullptr);
  return real(m, which, until);
}

COPPICE_EXPORT int pthread_mutex_unlock(pthread_mutex_t* m) noexcept {
  COPPICE_REAL_LOCK(pthread_mutex_unlock, nullptr);
  const int result = real(m);
  if (simulated_threads* const all = simulated_threads::if_several()) all->wake(m, 1);
  return result;
}

COPPICE_EXPORT int pthread_cond_wait(pthread_cond_t* c, pthread_mutex_t* m) {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    return wait_here(*all, c, m, {});
  }
  COPPICE_REAL_LOCK(pthread_cond_wait, conditions_since);
  return real(c, m);
}

COPPICE_EXPORT int pthread_cond_timedwait(pthread_cond_t* c, pthread_mutex_t* m,
                                          const timespec* until) {
  if (simulated_threads* const all = simulated_threads::current()) {
    return wait_here(*all, c, m, moment_of(*until));
  }
  COPPICE_REAL_LOCK(pthread_cond_timedwait, conditions_since);
  return real(c, m, until);
}

COPPICE_EXPORT int pthread_cond_clockwait(pthread_cond_t* c, pthread_mutex_t* m, clockid_t which,
                                          const timespec* until) {
  if (simulated_threads* const all = simulated_threads::current()) {
    return wait_here(*all, c, m, moment_of(*until));
  }
  COPPICE_REAL_LOCK(pthread_cond_clockwait, nullptr);
  return real(c, m, which, until);
}

COPPICE_EXPORT int pthread_cond_signal(pthread_cond_t* c) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    if (all->wake(c, 1) > 0) return 0;
  }
  COPPICE_REAL_LOCK(pthread_cond_signal, conditions_since);
  return real(c);
}

COPPICE_EXPORT int pthread_cond_broadcast(pthread_cond_t* c) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) all->wake(c);
  COPPICE_REAL_LOCK(pthread_cond_broadcast, conditions_since);
  return real(c);
}

COPPICE_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* l) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    return take(
        *all, l, "a shared mutex", {}, [l] { return pthread_rwlock_tryrdlock(l); },
        [] { return true; });
  }
  COPPICE_REAL_LOCK(pthread_rwlock_rdlock, nullptr);
  return real(l);
}

COPPICE_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* l) noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    return take(
        *all, l, "a shared mutex", {}, [l] { return pthread_rwlock_trywrlock(l); },
        [] { return true; });
  }
  COPPICE_REAL_LOCK(pthread_rwlock_wrlock, nullptr);
  return real(l);
}

COPPICE_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t* l) noexcept {
  COPPICE_REAL_LOCK(pthread_rwlock_unlock, nullptr);
  const int result = real(l);
  if (simulated_threads* const all = simulated_threads::if_several()) all->wake(l);
  return result;
}

COPPICE_EXPORT int sem_wait(sem_t* s) {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    const int result = take(
        *all, s, "a semaphore", {}, [s] { return sem_trywait(s) == 0 ? 0 : EBUSY; },
        [] { return true; });
    return with_errno(-result);
  }
  COPPICE_REAL_LOCK(sem_wait, nullptr);
  return real(s);
}

COPPICE_EXPORT int sem_timedwait(sem_t* s, const timespec* until) {
  if (simulated_threads* const all = simulated_threads::current()) {
    const int result = take(
        *all, s, "a semaphore", moment_of(*until),
        [s] { return sem_trywait(s) == 0 ? 0 : EBUSY; }, [] { return true; });
    return with_errno(-result);
  }
  COPPICE_REAL_LOCK(sem_timedwait, nullptr);
  return real(s, until);
}

COPPICE_EXPORT int sem_post(sem_t* s) noexcept {
  COPPICE_REAL_LOCK(sem_post, nullptr);
  const int result = real(s);
  if (simulated_threads* const all = simulated_threads::if_several()) all->wake(s, 1);
  return result;
}
