// private
#include <coppice.hpp>

class counter {
 public:
  struct add {
    int delta;
  };
  void handle(add);

 private:
  void undelivered(add);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
