#include "stderr_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <initializer_list>
#include <string>
#include <system_error>

namespace coppice::detail {

namespace {

// Blocks, on this thread, the signals by which a failing write ends the program: SIGPIPE when
// nobody reads from a pipe any more, and SIGXFSZ when a file has reached its size limit. The
// dispositions of the program are left alone, since they are shared by all its threads. A signal
// that the write has raised is taken before the old mask returns.
class no_deadly_signals {
 public:
  no_deadly_signals() noexcept {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int s : signals) sigaddset(&blocked, s);
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
    sigset_t pending;
    sigemptyset(&pending);
    // A program that blocks one of them may have one pending. That one is the program's, and stays.
    if (any_of(before_)) sigpending(&pending);
    sigemptyset(&ours_);
    for (const int s : signals) {
      if (sigismember(&pending, s) == 0) sigaddset(&ours_, s);
    }
  }
  no_deadly_signals(const no_deadly_signals&) = delete;
  no_deadly_signals& operator=(const no_deadly_signals&) = delete;
  ~no_deadly_signals() {
    if (raised_) take_pending();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  // Notes the error of a write that has failed: these two errors come with a signal.
  void look_at(int error) noexcept { raised_ = raised_ || error == EPIPE || error == EFBIG; }

 private:
  static constexpr std::initializer_list<int> signals = {SIGPIPE, SIGXFSZ};

  static bool any_of(const sigset_t& set) noexcept {
    return std::ranges::any_of(signals, [&set](int s) { return sigismember(&set, s) == 1; });
  }
  void take_pending() const noexcept {
    const std::timespec at_once{};
    while (sigtimedwait(&ours_, nullptr, &at_once) > 0 || errno == EINTR) {
    }
  }

  sigset_t before_;
  sigset_t ours_;
  bool raised_ = false;
};

constexpr int target = STDERR_FILENO;

// A second open file description of the pipe or terminal behind stderr, which nobody else uses: it
// can be non-blocking without an effect on others.
class own_description {
 public:
  own_description() noexcept
      : fd_{::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)} {}
  own_description(const own_description&) = delete;
  own_description& operator=(const own_description&) = delete;
  ~own_description() {
    if (*this) ::close(fd_);
  }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// Calls `write_some` until all is written or it fails, and returns how much that was.
template <class WriteSome>
std::size_t write_all(std::string_view text, WriteSome write_some) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto n = write_some(text.substr(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

std::size_t write_plainly(int fd, std::string_view text) {
  return write_all(text, [fd](std::string_view t) { return ::write(fd, t.data(), t.size()); });
}

std::size_t send_at_once(std::string_view text) {
  return write_all(text, [](std::string_view t) {
    return ::send(target, t.data(), t.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

// A pipe that polls writable takes PIPE_BUF bytes without waiting, unless another program fills it
// in between; a terminal takes at least some bytes.
std::size_t write_polled(std::string_view text) {
  return write_all(text, [](std::string_view t) -> ssize_t {
    pollfd p{.fd = target, .events = POLLOUT, .revents = 0};
    if (const int n = ::poll(&p, 1, 0); n <= 0) {
      if (n == 0) errno = EAGAIN;
      return -1;
    }
    return ::write(target, t.data(), std::min<std::size_t>(t.size(), PIPE_BUF));
  });
}

// Writes without waiting, and returns how much could be written; `errno` tells why it was not all.
//
// O_NONBLOCK is a property of the open file description. The shell, and every other program in the
// same terminal or behind the same pipe, shares the description of stderr with this one: if the
// flag were set on it, their writes would fail too. So there is a way for each kind of file:
//   pipe, terminal  It is opened anew for each report, which costs no more than the formatting. If
//                   it stayed open, a pipe's reader would not see that the program closed stderr.
//   socket          It cannot be opened anew, but each send can be told not to wait.
//   file            It never makes a writer wait, and its offset belongs to the description.
// Where opening fails (no /proc, no permission, no free descriptor), the descriptor is polled.
std::size_t write_at_once(std::string_view text) {
  const int flags = ::fcntl(target, F_GETFL);
  if (flags < 0) return 0;
  if ((flags & O_ACCMODE) == O_RDONLY) {
    errno = EBADF;
    return 0;
  }
  struct stat kind {};
  if (::fstat(target, &kind) != 0) return 0;
  const bool waits = S_ISFIFO(kind.st_mode) || S_ISCHR(kind.st_mode) || S_ISSOCK(kind.st_mode);
  if (!waits || (flags & O_NONBLOCK) != 0) return write_plainly(target, text);
  if (S_ISSOCK(kind.st_mode)) return send_at_once(text);
  const own_description own;
  return own ? write_plainly(own.fd(), text) : write_polled(text);
}

// The fate of earlier texts. These are globals because stderr is one for the whole program.
constinit std::atomic<std::size_t> unwritten{0};
constinit std::atomic<int> cause{0};
constinit std::atomic<bool> line_is_open{false};

// The news about earlier texts that have to be written before the next text. It takes the counters,
// so that of several threads only one tells them, and gives them back if it fails to.
struct backlog {
  std::size_t reports = unwritten.exchange(0, std::memory_order_relaxed);
  bool open_line = line_is_open.exchange(false, std::memory_order_relaxed);

  [[nodiscard]] std::string text(std::string_view head) const {
    std::string t = open_line ? "\n" : "";
    if (reports == 0) return t;
    (t += head) += std::to_string(reports) + (reports == 1 ? " report" : " reports");
    const int why = cause.load(std::memory_order_relaxed);
    return t + " could not be written (" + std::system_category().message(why) + ")\n";
  }
  void keep(std::size_t more, bool open) const noexcept {
    unwritten.fetch_add(reports + more, std::memory_order_relaxed);
    if (open) line_is_open.store(true, std::memory_order_relaxed);
  }
};

}  // namespace

void write_to_stderr(std::string_view head, std::string text) noexcept {
  // A report may be told between a user's system call and his look at errno.
  const int errno_before = errno;
  backlog owed;
  try {
    const std::string before = owed.text(head);
    if (!before.empty()) text.insert(0, before);
    no_deadly_signals guard;
    const std::size_t written = write_at_once(text);
    if (written < text.size()) {
      guard.look_at(errno);
      cause.store(errno, std::memory_order_relaxed);
      if (written >= before.size()) owed.reports = 0;
      // A text that only misses its line end counts as written.
      const bool lost = written + 1 < text.size();
      owed.keep(lost ? 1 : 0, written > 0 ? text[written - 1] != '\n' : owed.open_line);
    }
  } catch (...) {
    cause.store(ENOMEM, std::memory_order_relaxed);
    owed.keep(1, owed.open_line);
  }
  errno = errno_before;
}

}  // namespace coppice::detail
