// the server has restore() and no state()
#include <coppice.hpp>

struct counter {
  void restore(int);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
