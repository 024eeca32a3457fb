// the hook init() of a server is public and takes no argument
#include <coppice.hpp>

struct counter {
  void init(int);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
