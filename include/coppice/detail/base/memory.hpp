#pragma once

#include <coppice/config.hpp>

#include <cstddef>
#include <new>
#include <utility>

namespace coppice::detail {

// Small blocks come from free lists of the calling thread, one list for each size class; larger
// ones come from the heap. A thread may free a block that another one allocated.
COPPICE_API void* allocate(std::size_t size);
COPPICE_API void deallocate(void* block, std::size_t size) noexcept;

// Gives a class pooled storage. Derive from it; the class must be deleted through its own type or
// have a virtual destructor.
struct pooled {
  static void* operator new(std::size_t size) { return allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { deallocate(block, size); }
};

// Gives the same storage to classes that allocate through an allocator. It has no state.
template <class T>
struct pool_allocator {
  using value_type = T;

  pool_allocator() noexcept = default;
  template <class U>
  pool_allocator(const pool_allocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t n) {
    static_assert(alignof(T) <= alignof(void*) || alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<T*>(detail::allocate(n * sizeof(T)));
  }
  void deallocate(T* block, std::size_t n) noexcept { detail::deallocate(block, n * sizeof(T)); }

  friend bool operator==(const pool_allocator&, const pool_allocator&) noexcept { return true; }
};

}  // namespace coppice::detail
