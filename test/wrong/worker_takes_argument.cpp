// the start of a child is a function without arguments
#include <coppice.hpp>

coppice::task<> work(int);

const coppice::child_spec spec = coppice::worker("worker", work);
