// The compiled part of Boost.JSON. Unlike the internals of this library it is exported: the
// templates of <coppice/stash_codec.hpp> call it from the user's code.
#define BOOST_JSON_DYN_LINK
#include <boost/json/src.hpp>
