// a process is given as a function without arguments
#include <coppice.hpp>

coppice::task<> work(int);

void start() { coppice::spawn_link(work); }
