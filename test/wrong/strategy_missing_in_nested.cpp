// the strategy of this supervisor is missing
#include <coppice.hpp>

const coppice::child_spec spec =
    coppice::supervisor({.name = "inner", .intensity = 1, .children = {coppice::stash("stash")}});
