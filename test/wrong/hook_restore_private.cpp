// restore() of a server is public and takes what state() returns
#include <coppice.hpp>

class counter {
 public:
  int state() const;

 private:
  void restore(int);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
