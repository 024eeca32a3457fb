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
// From now on the calling thread keeps no freed blocks: each block comes from the heap, and goes
// back there. For tests in which the heap fails.
COPPICE_API void keep_no_blocks();

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

// Room for one block, which is allocated and freed again and again: for what must be done even if
// there is no memory. A second block at the same time comes from the heap.
class COPPICE_API reserved_room {
 public:
  static constexpr std::size_t size = 128;

  reserved_room() noexcept = default;
  reserved_room(const reserved_room&) = delete;
  reserved_room& operator=(const reserved_room&) = delete;

  [[nodiscard]] void* take(std::size_t n) {
    if (is_taken_ || n > size) return allocate(n);
    is_taken_ = true;
    return bytes_;
  }
  void give_back(void* block, std::size_t n) noexcept {
    if (block != bytes_) return deallocate(block, n);
    is_taken_ = false;
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[size];
  bool is_taken_ = false;
};

// Allocates from such a room.
template <class T>
struct room_allocator {
  using value_type = T;

  explicit room_allocator(reserved_room& r) noexcept : room{&r} {}
  template <class U>
  room_allocator(const room_allocator<U>& other) noexcept : room{other.room} {}

  [[nodiscard]] T* allocate(std::size_t n) {
    static_assert(sizeof(T) <= reserved_room::size && alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(room->take(n * sizeof(T)));
  }
  void deallocate(T* block, std::size_t n) noexcept { room->give_back(block, n * sizeof(T)); }

  template <class U>
  friend bool operator==(const room_allocator& a, const room_allocator<U>& b) noexcept {
    return a.room == b.room;
  }

  reserved_room* room;
};
template <>
struct room_allocator<void> {
  using value_type = void;

  explicit room_allocator(reserved_room& r) noexcept : room{&r} {}
  template <class U>
  room_allocator(const room_allocator<U>& other) noexcept : room{other.room} {}

  friend bool operator==(const room_allocator&, const room_allocator&) noexcept = default;

  reserved_room* room;
};

// Work that is posted to a loop even if there is no memory: the object has the room for that. It is
// posted once at a time.
class COPPICE_API posted_work {
 public:
  posted_work() = default;
  posted_work(const posted_work&) = delete;
  posted_work& operator=(const posted_work&) = delete;
  virtual ~posted_work();
  virtual void run() = 0;

  reserved_room room;
};

// A handler of Asio's that is kept in such a room while it waits for its call.
template <class F>
class handler_in_room {
 public:
  using allocator_type = room_allocator<void>;

  handler_in_room(reserved_room& r, F f) noexcept : room_{&r}, function_{std::move(f)} {}

  template <class... Args>
  void operator()(Args&&... args) {
    function_(std::forward<Args>(args)...);
  }
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type{*room_}; }

 private:
  reserved_room* room_;
  F function_;
};

}  // namespace coppice::detail
