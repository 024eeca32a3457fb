// this server has no handle() for that message: add a public
#include <coppice.hpp>

class counter {
 public:
  struct add {
    int n;
  };

 private:
  void handle(add);
};

void send(coppice::server_ref<counter> ref) { ref.cast(counter::add{1}); }
