// the hook state() of a server is public, const and takes no argument
#include <coppice.hpp>

struct base {
  template <class T>
  T state(T) const;
};
struct counter : base {
  void restore(int);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
