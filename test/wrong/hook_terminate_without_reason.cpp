// the hook terminate() of a server is public and takes the reason
#include <coppice.hpp>

struct counter {
  void terminate();
};

const coppice::child_spec spec = coppice::server<counter>("counter");
