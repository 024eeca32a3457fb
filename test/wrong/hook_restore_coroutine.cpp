// the hook restore() of a server returns void
#include <coppice.hpp>

struct counter {
  int state() const;
  coppice::task<> restore(int);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
