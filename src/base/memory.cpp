#include <coppice/detail/base/memory.hpp>

namespace coppice::detail {

namespace {

// Coroutine frames, calls and messages are allocated and freed at a high rate, in few sizes. Each
// thread keeps freed blocks in a list for each size class, and takes and gives them there without a
// lock. A block that another thread frees goes to the list of that thread.
//
// A class holds blocks of 16 n + 8 bytes: malloc of 64-bit Linux adds 8 bytes and rounds up to 16,
// so these sizes waste nothing. The largest class has 1,016 bytes, which covers the usual frames.
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

// A thread keeps at most this much of each class; further freed blocks go back to the heap. So a
// burst does not hold its memory for ever.
constexpr std::size_t kept_bytes = 1 << 20;

// A free block, which has the link to the next one in its first bytes.
struct free_block {
  free_block* next;
};

struct free_list {
  free_block* head = nullptr;
  std::size_t room = 0;  // how many more blocks the list takes
};

// The lists have no destructor, so they may be used at any time. Before the guard of the thread was
// made, and after it was destroyed (destructors of statics still free blocks then), they have no
// room, and every block goes to the heap.
constinit thread_local free_list lists[classes]{};

// Opens the lists of the thread, and empties them when the thread ends.
struct lists_guard {
  lists_guard() noexcept {
    for (std::size_t i = 0; i < classes; ++i) lists[i].room = kept_bytes / block_size(i);
  }
  lists_guard(const lists_guard&) = delete;
  lists_guard& operator=(const lists_guard&) = delete;
  ~lists_guard() { close(); }
  static void close() noexcept {
    for (free_list& list : lists) {
      list.room = 0;
      while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
    }
  }
};

// A thread_local with a constructor is checked at each use. The guard is named here alone, on the
// slow path: a block that comes from a list or goes to one costs no such check.
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
      list.head = ::new (block) free_block{list.head};
      return;
    }
  }
  ::operator delete(block);
}

posted_work::~posted_work() = default;

void keep_no_blocks() {
  ::operator delete(allocate_new(1));  // the lists would be opened later otherwise
  lists_guard::close();
}

}  // namespace coppice::detail
