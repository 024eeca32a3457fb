// a task is given as a function without arguments
#include <coppice.hpp>

void start() {
  auto task = coppice::async([] { return 3; });
}
