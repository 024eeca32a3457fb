// The compiled part of Boost.JSON, for those who use the header. Exported, unlike the rest of this
// library.
#define BOOST_JSON_DYN_LINK
#include <boost/json/src.hpp>
