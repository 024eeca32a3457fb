#include <coppice/detail/memory.hpp>

namespace coppice::detail {

namespace {

// A class holds blocks of 16 n + 8 bytes, which is what malloc of 64-bit Linux wastes nothing of.
constexpr std::size_t classes = 32;

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

struct free_block {
  free_block* next;
};

struct free_list {
  free_block* head = nullptr;
  std::size_t length = 0;
};

struct free_lists {
  free_list of_class[classes];

  ~free_lists();
};

// Set once the thread's lists are gone: destructors of statics may still free blocks after that.
constinit thread_local bool lists_gone = false;
thread_local free_lists lists;

free_lists::~free_lists() {
  lists_gone = true;
  for (free_list& list : of_class) {
    while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
  }
}

}  // namespace

void* allocate(std::size_t size) {
  const std::size_t index = class_of(size);
  if (plain_heap || index >= classes || lists_gone) return ::operator new(size);
  free_list& list = lists.of_class[index];
  if (list.head == nullptr) return ::operator new(block_size(index));
  --list.length;
  return std::exchange(list.head, list.head->next);
}

void deallocate(void* block, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (!plain_heap && index < classes && !lists_gone) {
    free_list& list = lists.of_class[index];
    if (list.length < kept_bytes / block_size(index)) {
      ++list.length;
      list.head = ::new (block) free_block{list.head};
      return;
    }
  }
  ::operator delete(block);
}

}  // namespace coppice::detail
