#include "failing_allocation.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace coppice::detail {

namespace {

constinit thread_local std::uint64_t until_failure = 0;

// One that was armed fails once.
bool fails() noexcept { return until_failure > 0 && --until_failure == 0; }

void* allocate_or_null(std::size_t size) noexcept {
  return fails() ? nullptr : std::malloc(size > 0 ? size : 1);
}
void* allocate_or_null(std::size_t size, std::align_val_t alignment) noexcept {
  const auto a = static_cast<std::size_t>(alignment);
  return fails() ? nullptr : std::aligned_alloc(a, (size + a - 1) / a * a);
}
void* or_throw(void* p) {
  if (p == nullptr) throw std::bad_alloc{};
  return p;
}

}  // namespace

void failing_allocation::arm(std::uint64_t n) noexcept { until_failure = n; }
void failing_allocation::disarm() noexcept { until_failure = 0; }

failing_allocation::suspended::suspended() noexcept : before_{std::exchange(until_failure, 0)} {}
failing_allocation::suspended::~suspended() { until_failure = before_; }

}  // namespace coppice::detail

// In place of those of the standard library; a program that has its own keeps them, and has no
// allocations that fail.
using coppice::detail::allocate_or_null;
using coppice::detail::or_throw;
#define COPPICE_REPLACES __attribute__((weak, visibility("default")))
#if defined(__clang__)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
// clang links those of the sanitizer into the program, which are weak as well, and come first.
#undef COPPICE_REPLACES
#define COPPICE_REPLACES __attribute__((visibility("default")))
#endif
#endif

COPPICE_REPLACES void* operator new(std::size_t n) { return or_throw(allocate_or_null(n)); }
COPPICE_REPLACES void* operator new[](std::size_t n) { return or_throw(allocate_or_null(n)); }
COPPICE_REPLACES void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return allocate_or_null(n);
}
COPPICE_REPLACES void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return allocate_or_null(n);
}
COPPICE_REPLACES void* operator new(std::size_t n, std::align_val_t a) {
  return or_throw(allocate_or_null(n, a));
}
COPPICE_REPLACES void* operator new[](std::size_t n, std::align_val_t a) {
  return or_throw(allocate_or_null(n, a));
}
COPPICE_REPLACES void operator delete(void* p) noexcept { std::free(p); }
COPPICE_REPLACES void operator delete[](void* p) noexcept { std::free(p); }
COPPICE_REPLACES void operator delete(void* p, std::size_t) noexcept { std::free(p); }
COPPICE_REPLACES void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
COPPICE_REPLACES void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
COPPICE_REPLACES void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
COPPICE_REPLACES void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
COPPICE_REPLACES void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
