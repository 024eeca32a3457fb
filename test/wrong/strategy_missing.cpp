// the strategy of this supervisor is missing
#include <coppice.hpp>

int main() { return coppice::run({.name = "root", .children = {coppice::stash("stash")}}); }
