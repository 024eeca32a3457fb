// private
#include <coppice.hpp>

class counter {
 public:
  struct add {
    int delta;
  };
  struct reset {};
  void handle(add);
  void handle(reset);
  void undelivered(add);

 private:
  void undelivered(reset);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
