#include <coppice/report.hpp>

#include <coppice/report_sink.hpp>
#include <coppice/report_text.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

namespace {

class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() { close(); }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  operator int() const noexcept { return fd_; }  // NOLINT: this is what it is

 private:
  int fd_;
};

// Puts another descriptor, or none, in the place of stderr.
class as_stderr {
 public:
  explicit as_stderr(const descriptor& fd) : kept_{::dup(2)} {
    if (fd < 0) {
      ::close(2);
    } else {
      ::dup2(fd, 2);
    }
  }
  as_stderr(const as_stderr&) = delete;
  as_stderr& operator=(const as_stderr&) = delete;
  ~as_stderr() { ::dup2(kept_, 2); }

 private:
  descriptor kept_;
};

// Where reports go to, and who reads them there.
struct channel {
  descriptor writer;
  descriptor reader;

  // What is there to be read.
  std::string read() const {
    ::fcntl(reader, F_SETFL, O_NONBLOCK);
    return take();
  }
  // What comes until there is no writer.
  std::string read_all() const {
    ::fcntl(reader, F_SETFL, 0);
    return take();
  }

 private:
  std::string take() const {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t n = 1; n > 0;) {
      n = ::read(reader, part.data(), part.size());
      if (n > 0) text.append(part.data(), static_cast<std::size_t>(n));
    }
    return text;
  }
};

channel make_pipe() {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  return {descriptor{ends[1]}, descriptor{ends[0]}};
}
channel make_socket() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  return {descriptor{ends[1]}, descriptor{ends[0]}};
}
channel make_terminal() {
  descriptor master{::posix_openpt(O_RDWR | O_NOCTTY)};
  REQUIRE(::grantpt(master) == 0);
  REQUIRE(::unlockpt(master) == 0);
  descriptor slave{::open(::ptsname(master), O_RDWR | O_NOCTTY)};
  REQUIRE(slave >= 0);
  return {std::move(slave), std::move(master)};
}

void print(std::string_view text, const coppice::text_style& style = {}) {
  coppice::print_report(coppice::spec_warning{"top", text}, style);
}

std::string without_times(const std::string& text) {
  static const std::regex time{"\\d\\d:\\d\\d:\\d\\d\\.\\d\\d\\d "};
  static const std::regex returns{"\r"};
  return std::regex_replace(std::regex_replace(text, time, ""), returns, "");
}

// What is printed when somebody reads it. So nothing is owed when a test begins.
std::string printed_now(std::string_view text) {
  const channel log = make_pipe();
  {
    const as_stderr redirected{log.writer};
    print(text);
  }
  return without_times(log.read());
}

std::string told_after_loss(std::size_t count, const std::string& why) {
  return "[coppice] " + std::to_string(count) + (count == 1 ? " report" : " reports") +
         " could not be written (" + why + ")\n[coppice] top: later\n";
}

// Prints until nobody can have room for it any more. Returns how often.
std::size_t flood(const channel& log, std::size_t size = 1000, std::size_t count = 1000) {
  const as_stderr redirected{log.writer};
  const std::string text(size, 'x');
  for (std::size_t n = 0; n < count; ++n) print(text);
  return count;
}

std::size_t lines_of(const std::string& text) {
  std::size_t n = 0;
  for (const char c : text) n += c == '\n' ? 1 : 0;
  return n;
}

std::size_t count_of(std::string_view what, const std::string& text) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
  return n;
}

// The sum of what was told to be lost.
std::size_t lost_by(const std::string& text) {
  static const std::regex told{
      "(\\d+) reports? could not be written \\(Resource temporarily unavailable\\)\n"};
  std::size_t sum = 0;
  for (std::sregex_iterator it{text.begin(), text.end(), told}, end; it != end; ++it) {
    sum += std::stoul((*it)[1]);
  }
  return sum;
}

// Nobody reads a flood of reports, and then somebody does. A terminal hands on what was written,
// and has room again, in its own time: so there may be more than one attempt.
void stall_and_resume(channel log) {
  constexpr std::size_t size = 1000;
  std::size_t printed = flood(log, size);
  std::string text = log.read();
  CHECK(lost_by(text) == 0);
  do {
    const as_stderr redirected{log.writer};
    print("later");
    ++printed;
    text += log.read();
  } while (count_of("top: later", text) == 0);
  CHECK((::fcntl(log.writer, F_GETFL) & O_NONBLOCK) == 0);
  log.writer.close();
  text = without_times(text + log.read_all());

  const std::size_t arrived =
      count_of(std::string(size, 'x') + '\n', text) + count_of("top: later\n", text);
  CHECK(arrived > 10);
  CHECK(lost_by(text) > 10);
  CHECK(arrived + lost_by(text) == printed);
}

bool is_pending(int signal) {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, signal) == 1;
}

class blocked_signal {
 public:
  explicit blocked_signal(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  blocked_signal(const blocked_signal&) = delete;
  blocked_signal& operator=(const blocked_signal&) = delete;
  ~blocked_signal() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

class limited {
 public:
  limited(__rlimit_resource what, rlim_t limit) : what_{what} {
    ::getrlimit(what_, &before_);
    const rlimit now{limit, before_.rlim_max};
    ::setrlimit(what_, &now);
  }
  limited(const limited&) = delete;
  limited& operator=(const limited&) = delete;
  ~limited() { ::setrlimit(what_, &before_); }

 private:
  __rlimit_resource what_;
  rlimit before_{};
};

}  // namespace

TEST_CASE("reports whose reader is gone are lost and counted, and the program lives on") {
  for (const auto make : {make_pipe, make_socket}) {
    channel log = make();
    log.reader.close();
    {
      const as_stderr redirected{log.writer};
      print("lost");
      print("lost");
    }
    CHECK(printed_now("later") == told_after_loss(2, "Broken pipe"));
    CHECK(printed_now("once more") == "[coppice] top: once more\n");
  }
}

TEST_CASE("a terminal that has gone loses reports, and the program lives on") {
  channel log = make_terminal();
  log.reader.close();
  {
    const as_stderr redirected{log.writer};
    print("lost");
  }
  CHECK(printed_now("later") == told_after_loss(1, "Input/output error"));
}

TEST_CASE("reports that nobody reads just now do not wait, and are counted for the next reader") {
  SUBCASE("of a pipe") { stall_and_resume(make_pipe()); }
  SUBCASE("of a socket") { stall_and_resume(make_socket()); }
  SUBCASE("of a terminal") { stall_and_resume(make_terminal()); }
}

TEST_CASE("a pipe without a reader is no danger where no descriptor is left either") {
  const channel log = make_pipe();
  {
    const as_stderr redirected{log.writer};
    const limited none{RLIMIT_NOFILE, 3};
    const std::string text(1000, 'x');
    for (int n = 0; n < 200; ++n) print(text);
  }
  const std::size_t arrived = lines_of(log.read());
  CHECK(arrived > 10);
  CHECK(printed_now("later") == told_after_loss(200 - arrived, "Resource temporarily unavailable"));
}

TEST_CASE("a program without stderr, or with one that is full, lives on") {
  {
    const as_stderr redirected{descriptor{}};
    print("lost");
  }
  CHECK(printed_now("later") == told_after_loss(1, "Bad file descriptor"));
  {
    const as_stderr redirected{descriptor{::open("/dev/full", O_WRONLY)}};
    for (int n = 0; n < 3; ++n) print("lost");
  }
  CHECK(printed_now("later") == told_after_loss(3, "No space left on device"));
}

TEST_CASE("a terminal that is open for reading only is not written to") {
  const channel log = make_terminal();
  {
    const as_stderr redirected{descriptor{::open(::ptsname(log.reader), O_RDONLY | O_NOCTTY)}};
    print("lost");
  }
  CHECK(log.read().empty());
  CHECK(printed_now("later") == told_after_loss(1, "Bad file descriptor"));
}

TEST_CASE("a log that has grown to the limit of its size ends no program") {
  std::FILE* const file = std::tmpfile();
  {
    const as_stderr redirected{descriptor{::dup(::fileno(file))}};
    const limited size{RLIMIT_FSIZE, 100};
    for (int n = 0; n < 5; ++n) print("one that is thirty characters long");
  }
  std::fclose(file);
  CHECK(printed_now("later").ends_with(
      "could not be written (File too large)\n[coppice] top: later\n"));
}

TEST_CASE("a signal that the program itself has blocked and not taken yet is left to it") {
  const blocked_signal blocked{SIGPIPE};
  channel log = make_pipe();
  log.reader.close();
  const as_stderr redirected{log.writer};
  print("lost");
  CHECK_FALSE(is_pending(SIGPIPE));
  std::raise(SIGPIPE);
  print("lost");
  CHECK(is_pending(SIGPIPE));
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGPIPE, SIG_DFL);
  CHECK_FALSE(is_pending(SIGPIPE));
  CHECK(printed_now("later") == told_after_loss(2, "Broken pipe"));
}

TEST_CASE("a report that could only be begun is counted, and the next begins a line of its own") {
  const channel log = make_pipe();
  const std::size_t room = static_cast<std::size_t>(::fcntl(log.writer, F_GETPIPE_SZ));
  flood(log, 3 * room, 1);
  const std::string begun = log.read();
  CHECK(begun.size() > room / 2);
  CHECK(begun.find('\n') == std::string::npos);
  {
    const as_stderr redirected{log.writer};
    print("later");
  }
  CHECK(without_times(log.read()) == '\n' + told_after_loss(1, "Resource temporarily unavailable"));
}

TEST_CASE("what could not be written is told in blocks too") {
  {
    const as_stderr redirected{descriptor{}};
    print("lost");
  }
  const channel log = make_pipe();
  {
    const as_stderr redirected{log.writer};
    print("later", {.multi_line = true});
  }
  CHECK(without_times(log.read()) ==
        "[warning] 1 report could not be written (Bad file descriptor)\n"
        "[warning] Supervisor top\nlater\n");
}
