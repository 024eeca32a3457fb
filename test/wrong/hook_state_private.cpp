// the hook state() of a server is public, const and takes no argument
#include <coppice.hpp>

class counter {
  int state() const;
  void restore(int);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
