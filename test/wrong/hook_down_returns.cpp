// handle() returns something
#include <coppice.hpp>

struct counter {
  int handle(coppice::down);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
