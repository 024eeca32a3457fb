#include <coppice/detail/memory.hpp>

namespace coppice::detail {

namespace {

constexpr std::size_t granule = 32;
constexpr std::size_t classes = 16;

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

struct free_block {
  free_block* next;
};

struct free_lists {
  free_block* heads[classes] = {};

  ~free_lists();
};

// Set once the thread's lists are gone: destructors of statics may still free blocks after that.
constinit thread_local bool lists_gone = false;
thread_local free_lists lists;

free_lists::~free_lists() {
  lists_gone = true;
  for (free_block*& head : heads) {
    while (head != nullptr) ::operator delete(std::exchange(head, head->next));
  }
}

}  // namespace

void* allocate(std::size_t size) {
  const std::size_t index = (size - 1) / granule;
  if (plain_heap || index >= classes || lists_gone) return ::operator new(size);
  free_block*& head = lists.heads[index];
  if (head == nullptr) return ::operator new((index + 1) * granule);
  return std::exchange(head, head->next);
}

void deallocate(void* block, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / granule;
  if (plain_heap || index >= classes || lists_gone) {
    ::operator delete(block);
    return;
  }
  free_block*& head = lists.heads[index];
  head = ::new (block) free_block{head};
}

}  // namespace coppice::detail
