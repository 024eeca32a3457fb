#include "failing_memory.hpp"

#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>

namespace failing_memory {

namespace {

constexpr std::size_t never = static_cast<std::size_t>(-1);

struct plan {
  std::size_t first = never;
  std::size_t many = 0;
  std::size_t counted = 0;
  std::size_t failed = 0;
  bool armed = false;
};
constinit thread_local plan mine;
constinit thread_local void* stack[48];
constinit thread_local int depth = 0;
constinit std::atomic<long> living{0};

bool fails() noexcept {
  if (!mine.armed) return false;
  const std::size_t n = ++mine.counted;
  if (n < mine.first || n - mine.first >= mine.many) return false;
  if (mine.failed++ == 0) depth = backtrace(stack, 48);
  return true;
}

void* make(std::size_t size, std::size_t alignment) noexcept {
  if (fails()) return nullptr;
  if (size == 0) size = 1;
  void* const block = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                          ? std::malloc(size)
                          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment *
                                                              alignment);
  if (block != nullptr) living.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void* make_or_throw(std::size_t size, std::size_t alignment = 1) {
  void* const block = make(size, alignment);
  if (block == nullptr) throw std::bad_alloc{};
  return block;
}

void drop(void* block) noexcept {
  if (block == nullptr) return;
  living.fetch_sub(1, std::memory_order_relaxed);
  std::free(block);
}

}  // namespace

void arm(std::size_t first, std::size_t many) noexcept {
  // The first stack of a program loads a library, which allocates.
  if (depth == 0) depth = backtrace(stack, 48);
  mine = {first, many, 0, 0, true};
}

std::size_t disarm() noexcept {
  mine.armed = false;
  return mine.failed;
}

suspended::suspended() noexcept : before_{std::exchange(mine.armed, false)} {}
suspended::~suspended() { mine.armed = before_; }

std::size_t counted() noexcept { return mine.counted; }
std::size_t failed() noexcept { return mine.failed; }
bool is_spent() noexcept { return mine.failed == mine.many; }
long blocks() noexcept { return living.load(std::memory_order_relaxed); }
void print_stack() noexcept {
  void* here[48];
  backtrace_symbols_fd(here, backtrace(here, 48), STDERR_FILENO);
}
void print_failure() noexcept {
  if (mine.failed > 0) backtrace_symbols_fd(stack, depth, STDERR_FILENO);
}

}  // namespace failing_memory

using failing_memory::drop;
using failing_memory::make;
using failing_memory::make_or_throw;

void* operator new(std::size_t n) { return make_or_throw(n); }
void* operator new[](std::size_t n) { return make_or_throw(n); }
void* operator new(std::size_t n, std::align_val_t a) {
  return make_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return make_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return make(n, 1); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return make(n, 1); }
void operator delete(void* p) noexcept { drop(p); }
void operator delete[](void* p) noexcept { drop(p); }
void operator delete(void* p, std::size_t) noexcept { drop(p); }
void operator delete[](void* p, std::size_t) noexcept { drop(p); }
void operator delete(void* p, std::align_val_t) noexcept { drop(p); }
void operator delete[](void* p, std::align_val_t) noexcept { drop(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { drop(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { drop(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { drop(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { drop(p); }
