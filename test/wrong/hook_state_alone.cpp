// the server has state() and no restore()
#include <coppice.hpp>

struct counter {
  int state() const;
};

const coppice::child_spec spec = coppice::server<counter>("counter");
