#include <coppice/detail/base/memory.hpp>

namespace coppice::detail {

namespace {

// A class holds blocks of 16 n + 8 bytes, which is what malloc of 64-bit Linux wastes nothing of.
constexpr std::size_t classes = 64;

constexpr std::size_t class_of(std::size_t size) noexcept { return (size + 7) / 16; }
constexpr std::size_t block_size(std::size_t index) noexcept { return 16 * index + 8; }

#if defined(__SANITIZE_ADDRESS__)
#define COPPICE_PLAIN_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COPPICE_PLAIN_HEAP 1
#endif
#endif

#if defined(COPPICE_PLAIN_HEAP)
// The address sanitizer sees a use after free only if freed blocks are not handed out again.
constexpr bool plain_heap = true;
#else
constexpr bool plain_heap = false;
#endif

// What a burst has left over goes back to the heap, beyond so much of each class.
constexpr std::size_t kept_bytes = 1 << 20;

struct release_slot {
  release_slot* next;
};

struct free_list {
  release_slot* head = nullptr;
  std::size_t room = 0;  // for so many blocks more
};

// Destructors of statics may still free blocks when the lists of their thread are gone: there is no
// room in them then.
constinit thread_local free_list lists[classes]{};

struct lists_guard {
  lists_guard() noexcept {
    for (std::size_t i = 0; i < classes; ++i) lists[i].room = kept_bytes / block_size(i);
  }
  lists_guard(const lists_guard&) = delete;
  lists_guard& operator=(const lists_guard&) = delete;
  ~lists_guard() {
    for (free_list& list : lists) {
      list.room = 0;
      while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
    }
  }
};

// From the heap, and only here is the guard named: with the lists alone, nothing is checked at each
// use.
void* allocate_new(std::size_t size) {
  static thread_local const lists_guard guard;
  static_cast<void>(guard);
  return ::operator new(size);
}

}  // namespace

void* allocate(std::size_t size) {
  const std::size_t index = class_of(size);
  if (plain_heap || index >= classes) return ::operator new(size);
  free_list& list = lists[index];
  if (list.head == nullptr) return allocate_new(block_size(index));
  ++list.room;
  return std::exchange(list.head, list.head->next);
}

void deallocate(void* block, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (!plain_heap && index < classes) {
    free_list& list = lists[index];
    if (list.room > 0) {
      --list.room;
      list.head = ::new (block) release_slot{list.head};
      return;
    }
  }
  ::operator delete(block);
}

}  // namespace coppice::detail
