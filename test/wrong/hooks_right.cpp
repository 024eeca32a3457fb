// (compiles)
#include <coppice.hpp>

#include <string>

// What has the name of a hook and is none.
struct door {
  enum class state { open, closed };
  struct restore {};
  int init = 0;
  state terminate = state::open;
};

// Hooks as they are to be, in all forms.
struct base {
  int state() const;
  void restore(const int&);
};
class plain final : public base {
 public:
  void init();
  void terminate(coppice::exit_reason);
  void handle(const coppice::down&);
  coppice::task<> handle(coppice::exit_signal);
  template <class M>
  void handle(M&&);
  void undelivered(const coppice::down&);
  void undelivered(coppice::exit_signal&&) noexcept;
};
struct generic {
  template <class M>
  void handle(M&&);
  template <class M>
  void undelivered(M&&);
};
struct only : base {
  void handle(int);
  void undelivered(int) const noexcept;
};
struct coroutines {
  using executor_type = coppice::executor;
  coppice::task<> init();
  boost::asio::awaitable<void, coppice::executor> terminate(const coppice::exit_reason&);
};

const coppice::child_spec specs[] = {
    coppice::server<door>("door"),
    coppice::server<plain>("plain"),
    coppice::server<generic>("generic"),
    coppice::server<only>("only"),
    coppice::server<coroutines>("coroutines"),
};
