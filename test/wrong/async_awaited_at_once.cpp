// starting a task and awaiting it are two statements
#include <coppice.hpp>

coppice::task<int> work();

coppice::task<> start() { static_cast<void>(co_await coppice::async(work()).await()); }
